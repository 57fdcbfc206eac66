"""Which grid an item's amount of data allows: days, weeks or months."""

from __future__ import annotations

from datetime import date, timedelta

from services.demand.domain.periods import Period, number_of

# A grid is fine enough when at least this share of its periods has use, and long enough
# when it holds so many periods.
LEAST_USED_SHARE = 0.5
LEAST_DAYS = 112
LEAST_WEEKS = 26


def grid_for(days: int, days_used: int, weeks_used: int) -> Period:
    """The finest grid on which a history of `days` days shows more than chance.

    A daily grid needs use on half of the days over 16 weeks, a weekly one in half of the
    weeks over half a year; else months.
    """
    if days >= LEAST_DAYS and days_used >= LEAST_USED_SHARE * days:
        return Period.DAY
    weeks = days / 7
    if weeks >= LEAST_WEEKS and weeks_used >= LEAST_USED_SHARE * weeks:
        return Period.WEEK
    return Period.MONTH


def periods_for(as_of: date, days: int, period: Period) -> int:
    """Periods, the running one included, that cover `days` days from `as_of` on."""
    if not days:
        return 0
    last = as_of + timedelta(days=days - 1)
    return number_of(last, period) - number_of(as_of, period) + 1
