"""What reports of the shelf say: on which days nothing could be handed out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.periods import Period, numbers_of
from shared.catalogue.codes import Code
from shared.catalogue.units import Unit

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShelfDay:
    """One report: `level` at the end of the day in base units, `out` share of the day
    without stock; None where it was not said. `day` counts from 1970."""

    item_id: str
    site_id: str
    day: int
    level: float | None
    out: float | None


@dataclass(frozen=True, slots=True)
class SentShelfDay:
    """One row as it was sent: well-formed, not yet checked against the catalogue."""

    row: int
    code: Code
    site: str
    day: date
    level: tuple[float, Unit] | None
    out: float | None


def out_days(days: Ints, levels: Array, outs: Array) -> tuple[Ints, Array]:
    """(days, shares) of the days without stock, from the reports of one shelf in any order.

    A day's own `outs` counts as it was said. From a level of 0 to the next one of 0 every
    day in between was without stock, and so was the last of them; what follows a last level
    of 0 is not known. NaN: not said.
    """
    order = np.argsort(days, kind="stable")
    days, levels, outs = days[order], levels[order], outs[order]
    said = {int(day): float(share) for day, share in zip(days, outs, strict=True) if share >= 0}
    found: dict[int, float] = {}
    known = np.flatnonzero(np.isfinite(levels))
    for before, after in pairwise(known):
        if levels[before] <= 0 and levels[after] <= 0:
            found.update(dict.fromkeys(range(int(days[before]) + 1, int(days[after]) + 1), 1.0))
    found.update(said)
    kept = sorted((day, share) for day, share in found.items() if share > 0)
    return (
        np.array([day for day, _ in kept], dtype=np.int64),
        np.array([share for _, share in kept], dtype=np.float64),
    )


def out_by_period(days: Ints, shares: Array, first: int, count: int, period: Period) -> Array:
    """[count] days without stock in each of the periods from number `first` on."""
    places = numbers_of(days, period) - first
    inside = (places >= 0) & (places < count)
    return np.asarray(np.bincount(places[inside], shares[inside], minlength=count)[:count])
