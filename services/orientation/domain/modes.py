"""The switch of a SAMU: suggestions shown, computed in the shadow, or stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Mode(Enum):
    """What becomes of suggestions. Cases, findings and human decisions are kept in each."""

    ON = "ON"
    SHADOW = "SHADOW"  # computed and recorded, shown to nobody
    OFF = "OFF"  # not computed


@dataclass(frozen=True, slots=True)
class Modes:
    """Mode by SAMU; `everywhere` holds for those that never chose."""

    by_owner: Mapping[str, Mode] = field(default_factory=dict)
    everywhere: Mode = Mode.ON

    def of(self, owner: str) -> Mode:
        return self.by_owner.get(owner, self.everywhere)
