"""Public holidays and clock changes by rule, for the hours that they make unusual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from shared.errors import Malformed

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
# A holiday this many days away or more no longer counts.
FAR = 9


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def last_weekday(year: int, month: int, weekday: int) -> date:
    end = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def easter(year: int) -> date:
    """Western Easter Sunday, by the rule of the Gregorian calendar (Meeus, Jones, Butcher)."""
    golden, (century, in_century) = year % 19, divmod(year, 100)
    skipped, rest = divmod(century, 4)
    lunar = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - skipped - lunar + 15) % 30
    weekday = (32 + 2 * rest + 2 * (in_century // 4) - epact - in_century % 4) % 7
    shift = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)


def us_days(year: int) -> dict[date, int]:
    """Federal holidays on their own day, the nights out around them, and the days off in lieu."""
    thanksgiving = nth_weekday(year, 11, THURSDAY, 4)
    kinds = numbered(
        date(year, 1, 1),
        nth_weekday(year, 1, MONDAY, 3),
        nth_weekday(year, 2, MONDAY, 3),
        last_weekday(year, 5, MONDAY),
        date(year, 7, 4),
        nth_weekday(year, 9, MONDAY, 1),
        nth_weekday(year, 10, MONDAY, 2),
        date(year, 10, 31),
        date(year, 11, 11),
        thanksgiving,
        thanksgiving + timedelta(days=1),
        date(year, 12, 24),
        date(year, 12, 25),
        date(year, 12, 31),
    )
    in_lieu = len(kinds) + 1
    for month, day in ((1, 1), (7, 4), (11, 11), (12, 25)):
        fixed = date(year, month, day)
        if fixed.weekday() == SUNDAY:
            kinds.setdefault(fixed + timedelta(days=1), in_lieu)
        elif fixed.weekday() == SATURDAY and (month, day) != (1, 1):
            kinds.setdefault(fixed - timedelta(days=1), in_lieu)
    return kinds


def french_days(year: int) -> dict[date, int]:
    """The eleven public holidays, and music night, Bastille eve and the eves around them.

    When Ascension falls on 1 or 8 May the fixed day's kind stands.
    """
    sunday = easter(year)
    return numbered(
        date(year, 1, 1),
        sunday + timedelta(days=1),
        date(year, 5, 1),
        date(year, 5, 8),
        sunday + timedelta(days=39),
        sunday + timedelta(days=50),
        date(year, 7, 14),
        date(year, 8, 15),
        date(year, 11, 1),
        date(year, 11, 11),
        date(year, 12, 25),
        date(year, 6, 21),
        date(year, 7, 13),
        date(year, 12, 24),
        date(year, 12, 31),
    )


def numbered(*days: date) -> dict[date, int]:
    """Each date with its place in the list, from 1; the first to claim a date keeps it."""
    kinds: dict[date, int] = {}
    for kind, day in enumerate(days, start=1):
        kinds.setdefault(day, kind)
    return kinds


def us_clock(year: int) -> tuple[tuple[date, int], tuple[date, int]]:
    """Since 2007: 02h is skipped the second Sunday of March, 01h comes twice in November."""
    return (nth_weekday(year, 3, SUNDAY, 2), 2), (nth_weekday(year, 11, SUNDAY, 1), 1)


def french_clock(year: int) -> tuple[tuple[date, int], tuple[date, int]]:
    """02h is skipped the last Sunday of March and comes twice the last Sunday of October."""
    return (last_weekday(year, 3, SUNDAY), 2), (last_weekday(year, 10, SUNDAY), 2)


@dataclass(frozen=True, slots=True)
class Almanac:
    """What a country's calendar does to its hours."""

    name: str
    days: Callable[[int], dict[date, int]]  # the days of a year that stand out, by kind
    clock: Callable[[int], tuple[tuple[date, int], tuple[date, int]]] | None

    def kinds(self, first: date, last: date) -> NDArray[np.int16]:
        """For each day from `first` to `last`: 0, or which holiday it is (1, 2 ...)."""
        found = np.zeros((last - first).days + 1, dtype=np.int16)
        for year in range(first.year, last.year + 1):
            for day, kind in self.days(year).items():
                if first <= day <= last:
                    found[(day - first).days] = kind
        return found

    def times_on_clock(self, hours: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """How often each wall-clock hour happens: 1, 0 when skipped, 2 when it comes twice."""
        times = np.ones(hours.size)
        if self.clock is None or not hours.size:
            return times
        years = hours.astype("datetime64[Y]").astype(int) + 1970
        for year in range(int(years.min()), int(years.max()) + 1):
            for (day, hour), often in zip(self.clock(year), (0.0, 2.0), strict=True):
                times[hours == np.datetime64(day, "h") + np.timedelta64(hour, "h")] = often
        return times


ALMANACS = {
    "us": Almanac("us", us_days, us_clock),
    "fr": Almanac("fr", french_days, french_clock),
    "none": Almanac("none", lambda _year: {}, None),
}


def almanac(name: str) -> Almanac:
    """Raises Malformed for a country whose rules are not known here."""
    if name not in ALMANACS:
        raise Malformed(
            "HOLIDAYS_UNKNOWN",
            f"Holidays {name!r} are not known; give one of {', '.join(sorted(ALMANACS))}.",
            field="holidays",
        )
    return ALMANACS[name]
