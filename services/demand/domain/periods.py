"""Days, weeks and months as whole numbers, so that a grid of periods is plain arithmetic."""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum

import numpy as np
from numpy.typing import NDArray

EPOCH = date(1970, 1, 1)
# 1970-01-01 was a Thursday: three days after a Monday.
MONDAY_SHIFT = 3


class Period(Enum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"

    @property
    def word(self) -> str:
        return self.value.lower()


def number_of(day: date, period: Period) -> int:
    """The number of the period that holds `day`, counted from 1970."""
    if period is Period.MONTH:
        return (day.year - EPOCH.year) * 12 + day.month - 1
    days = (day - EPOCH).days
    return days if period is Period.DAY else (days + MONDAY_SHIFT) // 7


def start_of(number: int, period: Period) -> date:
    """The first day of a period; weeks start on Monday."""
    if period is Period.MONTH:
        return date(EPOCH.year + number // 12, number % 12 + 1, 1)
    days = number if period is Period.DAY else number * 7 - MONDAY_SHIFT
    return EPOCH + timedelta(days=days)


def numbers_of(days: NDArray[np.int64], period: Period) -> NDArray[np.int64]:
    """The same as `number_of`, for many days given as days since 1970."""
    if period is Period.DAY:
        return days
    if period is Period.WEEK:
        return np.asarray((days + MONDAY_SHIFT) // 7, dtype=np.int64)
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
