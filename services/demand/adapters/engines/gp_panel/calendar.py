"""Calendar columns for grids of months, weeks or days: numpy dates only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Dates = NDArray[np.datetime64]

MONDAY_SHIFT = 3
"""1970-01-01 was a Thursday: three days after a Monday."""
DAY_COLUMN = 0.7
"""Columns of single weekdays count a little less than the number of working days (our study)."""


class Holidays(Enum):
    """Public holidays by rule. The first two suit panels whose country is not known."""

    YEAR_END = "YEAR_END"
    WESTERN = "WESTERN"
    FRANCE = "FRANCE"
    AUSTRALIA = "AUSTRALIA"


def easter(year: int) -> date:
    """Easter Sunday (the anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114
    return date(year, n // 31, n % 31 + 1)


def days_off(holidays: Holidays, year: int) -> frozenset[date]:
    """The public holidays of a year."""
    sunday = easter(year)
    good_friday, monday = sunday - timedelta(2), sunday + timedelta(1)
    year_end = {date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)}
    if holidays is Holidays.YEAR_END:
        return frozenset(year_end)
    if holidays is Holidays.WESTERN:
        return frozenset(year_end | {good_friday, monday})
    if holidays is Holidays.FRANCE:
        fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
        moving = {monday, sunday + timedelta(39), sunday + timedelta(50)}
        return frozenset({date(year, month, day) for month, day in fixed} | moving)
    june = date(year, 6, 1)
    kings_day = june + timedelta((7 - june.weekday()) % 7 + 7)
    national = {_next_monday(date(year, month, day)) for month, day in ((1, 1), (1, 26), (12, 25))}
    of_the_day = {date(year, 1, 1), date(year, 1, 26), date(year, 4, 25), kings_day}
    return frozenset(year_end | national | of_the_day | {good_friday, monday})


def _next_monday(day: date) -> date:
    """A day at the weekend is made up for on the Monday after."""
    return day + timedelta(7 - day.weekday()) if day.weekday() >= 5 else day


def period_starts(first: date, periods: int, freq: str) -> Dates:
    """First days of `periods` periods from the one that starts at `first` (MS, W-MON or D)."""
    if freq == "MS":
        months = np.datetime64(first, "M") + np.arange(periods)
        return months.astype("datetime64[D]")
    step = {"W-MON": 7, "D": 1}.get(freq)
    if step is None:
        raise ValueError(f"no calendar is known for the grid {freq!r}: use MS, W-MON or D")
    return np.datetime64(first, "D") + step * np.arange(periods)


def regressors(first: date, periods: int, freq: str, holidays: Iterable[date] = ()) -> Array:
    """[periods, columns], centred: what differs between periods of one grid.

    Months: number of working days, then 0.7 times the number of Mondays ... Sundays, public
    holidays taken out. Weeks: public holidays on Monday to Friday. Days: public holiday, and
    the day after one. A grid of weeks or days without holidays has no column.
    """
    starts = period_starts(first, periods, freq)
    off = np.array(sorted({np.datetime64(day, "D") for day in holidays}), dtype="datetime64[D]")
    if freq == "MS":
        columns = _month_columns(starts, off)
    elif freq == "W-MON":
        working = off[weekday(off) < 5]
        before = np.searchsorted(working, np.append(starts, starts[-1] + 7))
        columns = np.diff(before)[:, None].astype(np.float64)
    else:
        both = [np.isin(starts, off), np.isin(starts - 1, off)]
        columns = np.stack(both, axis=1).astype(np.float64)
    return np.asarray((columns - columns.mean(axis=0))[:, columns.any(axis=0)])


def _month_columns(starts: Dates, off: Dates) -> Array:
    """[months, 8]: working days, and days of each weekday times 0.7, holidays left out."""
    end = (starts[-1].astype("datetime64[M]") + 1).astype("datetime64[D]")
    days = np.arange(starts[0], end)
    days = days[~np.isin(days, off)]
    month = np.searchsorted(starts, days, side="right") - 1
    counts = np.zeros((len(starts), 7))
    np.add.at(counts, (month, weekday(days)), 1.0)
    return np.column_stack([counts[:, :5].sum(axis=1), DAY_COLUMN * counts])


def weekday(days: Dates) -> NDArray[np.int64]:
    """0 for Monday to 6 for Sunday."""
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + MONDAY_SHIFT) % 7)


def years(first: date, periods: int, freq: str) -> NDArray[np.int64]:
    """The calendar year in which each period starts."""
    starts = period_starts(first, periods, freq)
    return np.asarray(starts.astype("datetime64[Y]").astype(np.int64) + 1970)


def candidates(
    first: date, periods: int, freq: str, among: Iterable[Holidays] = tuple(Holidays)
) -> Mapping[Holidays, Array]:
    """The same grid under several countries' holidays, for engine.choose_calendar."""
    span = range(first.year - 1, int(years(first, periods, freq)[-1]) + 2)
    return {
        kind: regressors(first, periods, freq, {d for y in span for d in days_off(kind, y)})
        for kind in among
    }
