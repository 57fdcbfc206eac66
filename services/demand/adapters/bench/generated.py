"""Generated daily and monthly series of a hospital group: made in parts, the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from services.demand.domain.history_files import Target
from services.demand.domain.periods import Period, number_of
from services.demand.domain.series import Series
from services.demand.ports import Part

SEED = 1766
DAYS, MONTHS = 730, 72
# Use a day, between these; most items are rare (a beta law on the logarithm).
LOWEST, HIGHEST = 0.02, 400.0
SHAPE = (1.2, 3.0)
DISPERSION = 1.5
WEEKLY, YEARLY = 0.3, 0.2
MADE = datetime(2026, 1, 5, 6, tzinfo=UTC)
CLASSES = 11
ITEMS_A_SITE = 20_000


def daily_part(first: int, count: int, horizon: int, lead: int) -> Part:
    """`count` negative-binomial series of 730 days with a weekly and a yearly pattern.

    Levels 0.02 to 400 a day. Series number n is the same whatever part it is in.
    """
    end = number_of(MADE.date(), Period.DAY)
    days = np.arange(DAYS)
    weekly = 1.0 + WEEKLY * np.cos(2 * np.pi * days / 7)
    series = []
    for number in range(first, first + count):
        draw = np.random.default_rng([SEED, number])
        level = LOWEST * (HIGHEST / LOWEST) ** draw.beta(*SHAPE)
        yearly = 1.0 + YEARLY * np.cos(2 * np.pi * days / 365.25 + draw.uniform(0, 2 * np.pi))
        mean = level * weekly * yearly
        values = draw.negative_binomial(DISPERSION, DISPERSION / (DISPERSION + mean))
        series.append(_series(number, Period.DAY, end - DAYS, values.astype(np.float64)))
    return Part("bench", MADE, horizon, lead, Target.DEMAND, series, uniform=True)


def monthly_part(count: int, horizon: int, lead: int) -> Part:
    """`count` smooth monthly series of six years: Poisson around a season."""
    end = number_of(MADE.date(), Period.MONTH)
    months = np.arange(MONTHS)
    series = []
    for number in range(count):
        draw = np.random.default_rng([SEED, number])
        level = np.exp(draw.normal(4.0, 1.0))
        season = 1.0 + YEARLY * np.cos(2 * np.pi * months / 12 + draw.uniform(0, 2 * np.pi))
        values = draw.poisson(level * season).astype(np.float64)
        series.append(_series(number, Period.MONTH, end - MONTHS, values))
    return Part("bench", MADE, horizon, lead, Target.DEMAND, series)


def _series(number: int, period: Period, first: int, values: np.ndarray) -> Series:
    site, item = divmod(number, ITEMS_A_SITE)
    return Series(
        f"ITEM-{item:05d}",
        f"SITE-{site:04d}",
        period,
        first,
        values,
        item_class=f"C{item % CLASSES:02d}",
        base_unit="unit",
    )


def daily_parts(count: int, size: int, horizon: int, lead: int) -> Iterator[Part]:
    """The first `count` series in parts of `size`, each made when it is asked for."""
    for first in range(0, count, size):
        yield daily_part(first, min(size, count - first), horizon, lead)
