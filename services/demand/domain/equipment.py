"""Reusable equipment (pumps, ventilators, beds): the most units in use at once, day by day.

A pump handed out for three days is not used up: what a ward must hold is the peak of the
units out at the same time. It follows from use intervals, or from hand-outs and returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.findings import Found
from services.demand.domain.tables import Array, Flags, Ints

# Seconds since 1970 in the local time of the site.
Seconds = NDArray[np.int64]
DAY = 86_400
OPEN = np.iinfo(np.int64).max
"""The end of a use that has not ended."""
NOT_RETURNED_DAYS = 90
"""A unit out for longer than this at the end of the history was probably returned unrecorded."""


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of one pool (a type of equipment at a ward): [starts, ends), OPEN where it goes on."""

    starts: Seconds = field(repr=False)
    ends: Seconds = field(repr=False)

    def __len__(self) -> int:
        return len(self.starts)


def uses_of(
    pool: str, units: Sequence[str], times: Seconds, out: Flags, first: int
) -> tuple[Uses, tuple[Found, ...]]:
    """The uses behind hand-outs (`out`) and returns of identified units, and what was odd.

    A return of a unit that was not out ends a use that began before the history (`first`). A
    second hand-out without a return ends the use before it. A unit never returned is in use
    to the end, unless it has been out for NOT_RETURNED_DAYS.
    """
    starts: list[int] = []
    ends: list[int] = []
    since: dict[str, int] = {}
    unknown, twice = 0, 0
    returned_before: set[str] = set()
    for k in np.lexsort((out, times)).tolist():
        unit, time = units[k], int(times[k])
        begun = since.pop(unit, None)
        if out[k]:
            if begun is not None:
                twice += 1
                starts.append(begun)
                ends.append(time)
            since[unit] = time
        elif begun is not None:
            starts.append(begun)
            ends.append(time)
        elif unit not in returned_before:
            unknown += 1
            starts.append(first)
            ends.append(time)
        returned_before.add(unit)
    last = int(times.max()) if len(times) else first
    lost = [unit for unit, begun in since.items() if last - begun > NOT_RETURNED_DAYS * DAY]
    for unit, begun in since.items():
        if unit not in lost:
            starts.append(begun)
            ends.append(OPEN)
    made = Uses(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
    return made, tuple(_odd(pool, unknown, twice, len(lost)))


def _odd(pool: str, unknown: int, twice: int, lost: int) -> list[Found]:
    found = []
    if unknown:
        found.append(
            Found(
                pool,
                "OUT_BEFORE_HISTORY",
                f"{unknown} unit(s) were returned without a hand-out: taken as in use since the "
                "history began.",
            )
        )
    if twice:
        found.append(
            Found(
                pool,
                "RETURN_MISSING",
                f"{twice} hand-out(s) of a unit that was out already: the use before is taken to "
                "have ended then. Check that returns are recorded.",
            )
        )
    if lost:
        found.append(
            Found(
                pool,
                "NEVER_RETURNED",
                f"{lost} unit(s) have been out for more than {NOT_RETURNED_DAYS} days: left out. "
                "Look for them, or record their return.",
            )
        )
    return found


def peaks(uses: Uses, first_day: int, days: int) -> Array:
    """[days] most units in use at once, from day number `first_day` (days since 1970) on.

    A unit returned at the instant at which the next is handed out counts once.
    """
    made = np.zeros(days)
    begin, end = first_day * DAY, (first_day + days) * DAY
    inside = (uses.starts < end) & (uses.ends > begin) & (uses.ends > uses.starts)
    starts, ends = np.maximum(uses.starts[inside], begin), uses.ends[inside]
    ends = ends[ends < end]
    times = np.concatenate([starts, ends])
    steps = np.concatenate([np.ones(len(starts)), -np.ones(len(ends))])
    # what counts is the level once all events of an instant have happened
    times, where = np.unique(times, return_inverse=True)
    level = np.cumsum(np.bincount(where, weights=steps, minlength=len(times)))
    day: Ints = (times - begin) // DAY
    np.maximum.at(made, day, level)
    # a day has at least the level that it began with
    before = np.searchsorted(times, begin + DAY * np.arange(days), side="right") - 1
    carried = np.where(before >= 0, level[np.maximum(before, 0)], 0.0) if len(level) else made
    return np.asarray(np.maximum(made, carried))


def at_the_limit(peak: Array, fleet: float) -> int:
    """Days on which every unit was out: the need may have been larger than the peak."""
    return int((peak >= fleet).sum()) if fleet > 0 else 0
