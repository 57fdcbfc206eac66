"""Count emergency calls, and hand the counts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.demand.domain.outlook import DAYS_USED, WEEK_DAYS, Signals
from services.demand.domain.signals import Case, DaySignal, recount
from services.demand.domain.syndromes import classes_moved, is_group
from services.demand.ports import Books, Store
from shared.clock import Clock, today
from shared.errors import Malformed

DAYS_SHOWN = 14
LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class CountCase:
    """Counts a case once, on the day of its call; moves it when its group changes.

    Works in the caller's transaction. Malformed SIGNAL_MALFORMED for what can never be
    counted.
    """

    zone: str

    def __call__(
        self,
        books: Books,
        case_key: str,
        group: str,
        oriented: datetime,
        called: datetime | None = None,
    ) -> None:
        if not (0 < len(case_key) <= LONGEST_KEY and case_key.isprintable()):
            raise Malformed(
                "SIGNAL_MALFORMED",
                f"A case key has 1 to {LONGEST_KEY} printable characters.",
                field="case_key",
            )
        if not is_group(group):
            raise Malformed(
                "SIGNAL_MALFORMED",
                "A syndrome group is a lower-case word such as 'respiratory'.",
                field="syndrome_group",
            )
        day = (called or oriented).astimezone(ZoneInfo(self.zone)).date()
        change = recount(books.signals.case(case_key), Case(case_key, group, day, oriented))
        if change is None:
            return
        books.signals.put_case(change.case)
        for counted_day, counted_group, calls in change.changes:
            books.signals.count(counted_day, counted_group, calls)


@dataclass(frozen=True, slots=True)
class ListSignals:
    """The counts of the newest days, today included, by day and group."""

    store: Store
    clock: Clock
    zone: str

    def __call__(self, days: int) -> Sequence[DaySignal]:
        last = today(self.clock, self.zone)
        first = last - timedelta(days=(days or DAYS_SHOWN) - 1)
        with self.store.read() as books:
            calls = books.signals.calls(first, last)
        return [
            DaySignal(day, group, count, classes_moved(group))
            for (day, group), count in sorted(calls.items())
            if count
        ]


def signals_now(books: Books, day: date) -> Signals:
    """What an outlook of this day looks at."""
    first = day - timedelta(days=WEEK_DAYS + DAYS_USED - 1)
    calls = books.signals.calls(first, day)
    # Days before the first call within the window were not listened to.
    return Signals(day, min((counted for counted, _ in calls), default=None), calls)
