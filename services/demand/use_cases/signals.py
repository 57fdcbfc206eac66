"""Count emergency calls, and hand the counts out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.demand.domain.drivers.signals import CALLS, Reported
from services.demand.domain.outlook import DAYS_USED, WEEK_DAYS, Signals
from services.demand.domain.signals import Case, DaySignal, recount
from services.demand.domain.syndromes import classes_moved, is_group
from services.demand.ports import Books, Store
from shared.clock import Clock, today
from shared.errors import Malformed

DAYS_SHOWN = 14
LONGEST_KEY = 200
SIGNAL_NAME = re.compile(r"[^\W\d_][\w .-]{0,63}")
OLDEST = date(1990, 1, 1)


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
class RecordSignals:
    """Keeps values of signals from outside: influenza, visits, whatever leads demand.

    The newest value of a signal and day replaces an older one. Malformed SIGNAL_MALFORMED,
    DAY_IN_FUTURE, DAY_MALFORMED with the row; nothing is stored then.
    """

    store: Store
    clock: Clock
    zone: str

    def __call__(self, values: Sequence[Reported]) -> int:
        """How many values were stored."""
        now = today(self.clock, self.zone)
        for row, one in enumerate(values):
            if not SIGNAL_NAME.fullmatch(one.name) or one.name.startswith(CALLS):
                raise Malformed(
                    "SIGNAL_MALFORMED",
                    "A signal's name has 1 to 64 letters, digits, spaces, '.', '_' or '-', begins "
                    f"with a letter, and not with '{CALLS}', which names the calls counted here.",
                    field=f"values[{row}].name",
                )
            if not (math.isfinite(one.value) and one.value >= 0):
                raise Malformed(
                    "SIGNAL_MALFORMED",
                    "A signal counts something: its value is a number of 0 or more.",
                    field=f"values[{row}].value",
                )
            if one.published > now:
                raise Malformed(
                    "DAY_IN_FUTURE",
                    f"The day {one.published} has not come yet: send a value once it is published.",
                    field=f"values[{row}].published",
                )
            if one.published < OLDEST:
                raise Malformed(
                    "DAY_MALFORMED",
                    f"The day {one.published} lies before 1990: the date is most likely missing.",
                    field=f"values[{row}].published",
                )
        with self.store.write() as books:
            books.signals.put_reported(values)
        return len(values)


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
