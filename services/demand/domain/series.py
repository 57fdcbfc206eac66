"""Histories on a grid of periods: a period without a movement counts as 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.periods import Period, number_of, start_of


@dataclass(frozen=True, slots=True)
class Series:
    """What one site used of one item, period by period, in base units.

    `first` is the number of the first period. `overreturned` counts the periods in which
    more came back than went out; `unseen` the whole periods between the end of the
    site's reports and the first period to forecast. `out`: days without stock in each
    period of `values`; None when nothing was ever reported of this shelf.
    `peak`: values are the most units of equipment in use at once, not amounts. `noted`: what
    the reader should know of the reports behind it.
    """

    item_id: str
    site_id: str
    period: Period
    first: int
    values: NDArray[np.float64]
    item_class: str = ""
    base_unit: str = ""
    overreturned: int = 0
    unseen: int = 0
    out: NDArray[np.float64] | None = None
    peak: bool = False
    noted: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """Number of the first period after the history."""
        return self.first + len(self.values)

    def described(self, item_class: str, base_unit: str) -> Series:
        """The same history with what the catalogue says of the item."""
        return replace(self, item_class=item_class, base_unit=base_unit)


def first_forecast(as_of: date, period: Period) -> int:
    """The first period to forecast: the one that is still running on `as_of`."""
    return number_of(as_of, period)


def history_end(as_of: date, newest_report: date, period: Period) -> int:
    """Number of the first period that is not history for a site.

    A period counts once it is over and the site has reported in it or later: silence
    after a site's last report is not zero use.
    """
    return min(number_of(as_of, period), number_of(newest_report, period) + 1)


def on_grid(
    numbers: NDArray[np.int64], amounts: NDArray[np.float64], end: int
) -> tuple[int, NDArray[np.float64], int]:
    """(first period, values, periods with more returned than used) up to `end`, exclusive.

    Order and repeats of `numbers` do not matter: amounts of a period add up. A period
    whose sum is below 0 counts as 0.
    """
    inside = numbers < end
    numbers, amounts = numbers[inside], amounts[inside]
    if not len(numbers):
        return end, np.zeros(0), 0
    first = int(numbers.min())
    # sorted by size as well, so that the sum does not depend on the order sent
    order = np.lexsort((amounts, numbers))
    values = np.bincount(
        numbers[order] - first, weights=amounts[order], minlength=end - first
    ).astype(np.float64)
    return first, np.maximum(values, 0.0), int(np.sum(values < 0))


def starts(first: int, count: int, period: Period) -> list[date]:
    """First days of `count` periods from number `first` on."""
    return [start_of(first + n, period) for n in range(count)]
