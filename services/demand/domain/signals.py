"""Emergency calls as a signal: each case is one call of one group on one day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Case:
    """What is kept of a case: a keyed hash, its group, the day it counts on."""

    case_key: str
    group: str
    day: date
    oriented_time: datetime


@dataclass(frozen=True, slots=True)
class Recount:
    """What a newer orientation of a case changes: the case as kept, and the counts."""

    case: Case
    changes: tuple[tuple[date, str, int], ...]


def recount(known: Case | None, told: Case) -> Recount | None:
    """What to change when `told` arrives; None when it changes nothing.

    A case is one call, on the first day it is told of and in the group it was last
    given, whatever the order in which the facts arrive and however often.
    """
    if known is None:
        return Recount(told, ((told.day, told.group, 1),))
    newest = max(known, told, key=lambda case: (case.oriented_time, case.group))
    kept = replace(newest, day=min(known.day, told.day))
    if kept == known:
        return None
    if (kept.day, kept.group) == (known.day, known.group):
        return Recount(kept, ())
    return Recount(kept, ((known.day, known.group, -1), (kept.day, kept.group, 1)))


@dataclass(frozen=True, slots=True)
class DaySignal:
    """Calls of one group in one day, and the item classes that they may move."""

    day: date
    group: str
    calls: int
    item_classes: tuple[str, ...]
