"""`larrey replenishment oracle`: the engine against cases whose best answer is known."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.replenishment.ports import OracleCase
from shared.errors import Malformed


@dataclass(frozen=True, slots=True)
class PlayOracles:
    """Plays every case of a folder and writes each ratio, the median and the worst.

    A ratio is cost over least cost, or best reward over reward where a case counts
    rewards: 1 is perfect, above 1 is worse. Malformed FAMILY_UNKNOWN, and what the
    family's reader refuses.
    """

    families: Mapping[str, Callable[[Path], Iterator[OracleCase]]]
    shown: Callable[[Iterable[OracleCase]], Iterable[OracleCase]]

    def __call__(self, family: str, data: Path, answer: Path) -> None:
        if family not in self.families:
            raise Malformed(
                "FAMILY_UNKNOWN",
                f"There is no family {family}. Choose one of {', '.join(self.families)}.",
                field="family",
            )
        cases = list(self.shown(self.families[family](data)))
        played = [case for case in cases if case.reason is None]
        kinds = sorted({case.kind for case in played})
        told = {
            "family": family,
            "cases": [_case(case) for case in played],
            "summary": _summary(played),
            "by_kind": {k: _summary([c for c in played if c.kind == k]) for k in kinds},
            "not_played": [
                {"id": case.case_id, "kind": case.kind, "reason": case.reason}
                for case in cases
                if case.reason is not None
            ],
        }
        answer.write_text(json.dumps(told, indent=2) + "\n")


def _case(case: OracleCase) -> dict[str, Any]:
    return {
        "id": case.case_id,
        "kind": case.kind,
        "ours": case.ours,
        "optimum": case.optimum,
        "ratio": case.ratio,
    }


def _summary(cases: list[OracleCase]) -> dict[str, Any]:
    ratios = [case.ratio for case in cases]
    return {
        "cases": len(cases),
        "median": statistics.median(ratios) if ratios else None,
        "worst": max(ratios, default=None),
    }
