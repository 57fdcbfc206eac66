"""The method and its reason in words, and what to be wary of, series by series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.forests.choose import Choice
from services.demand.adapters.engines.forests.panel import SparsePanel

# A series without a record for this many periods may have ended.
SILENT = 3
# So many blends are named in a sentence.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Spoken:
    """Method and reason, the same for the whole panel, and flags per series."""

    method: str
    why: str
    flags: tuple[tuple[str, ...], ...]


def of(panel: SparsePanel, choice: Choice, *, learnt: bool) -> Spoken:
    """Says what was done with a panel."""
    parts = sorted(choice.shares.items(), key=lambda part: (-part[1], part[0]))
    mix = ", ".join(f"{name} {share:.0%}" for name, share in parts)
    n = len(panel.ids)
    if not learnt:
        method = "TSB and own past"
        why = (
            f"{n} series of at most {panel.periods} periods are too few to learn from one "
            f"another: each is forecast from its own past ({mix}), the width comes from "
            "the pooled errors of past forecasts."
        )
    elif not choice.losses:
        method = "leaf-draw forest blend"
        why = (
            f"The {panel.periods} periods leave no room for a back-test: the blend that was "
            f"never far from the best elsewhere is used ({mix})."
        )
    else:
        method = "leaf-draw forest blend"
        why = (
            f"Rolling back-tests inside the history of {n} series compared "
            f"{len(choice.losses)} blends; {_listed(choice.near)} came out best or level "
            f"with it. Used: {mix}."
        )
    return Spoken(method, why, tuple(_flags(panel, i, learnt=learnt) for i in range(n)))


def _listed(names: Sequence[str]) -> str:
    """The first names in words, the others by their number."""
    more = len(names) - NAMED
    told = [*names[:NAMED], f"{more} more"] if more > 1 else list(names)
    return " and ".join(told)


def _flags(panel: SparsePanel, i: int, *, learnt: bool) -> tuple[str, ...]:
    y = panel.y[i, panel.start[i] :]
    seen = np.flatnonzero(panel.observed[i])
    found = []
    if not learnt:
        found.append("small panel")
    if len(y) < 2 * panel.season or len(y) < 8:
        found.append("short history")
    if not y.any():
        found.append("never used")
    elif len(y) > 2 and (y == y[0]).all():
        found.append("constant")
    if not len(seen) or panel.periods - 1 - seen[-1] >= SILENT:
        found.append("no recent record")
    return tuple(found)
