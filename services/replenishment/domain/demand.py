"""From a forecast per day, week or month to paths of cumulative demand by day.

Inside a period of mean M and quantile Q(u), a stretch of days that holds the fraction f
of the period's weekday weights has the mean f M, and its spread grows like the square
root of f (the variance of a sum of independent days grows with f). Over several periods
p with the fractions f_p, deviations d_p = Q_p(u) - M_p and a correlation r of their
errors,

    mean(d)     = sum f_p M_p
    spread(d)^2 = (1 - r) sum f_p d_p^2 + r (sum sqrt(f_p) d_p)^2
    path(u, d)  = mean(d) + sign(sum sqrt(f_p) d_p) spread(d)

never below 0, never falling from one day to the next, never crossing between levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from itertools import pairwise

import numpy as np

from services.replenishment.domain.problem import Floats
from shared.errors import Malformed


class Period(Enum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """Base units over the period that starts on `start`; one quantile per level."""

    start: date
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    item_id: str
    site_id: str
    run_id: str
    period: Period
    levels: tuple[float, ...]
    periods: tuple[ForecastPeriod, ...]
    base_unit: str
    made_time: datetime


@dataclass(frozen=True, slots=True)
class Spread:
    """How a period's demand falls on its days: Monday's weight first; see the module."""

    weekday_weights: tuple[float, ...] = (1.15, 1.1, 1.1, 1.1, 1.05, 0.8, 0.7)
    correlation: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Cumulative demand of one item-site from its first day on. Base units."""

    levels: Floats  # [L] ascending
    paths: Floats  # [T, L]
    mean: Floats  # [T]

    def at(self, levels: Floats) -> Floats:
        """[T, Q] the paths at other levels, linear between known ones, flat outside."""
        place = np.clip(np.searchsorted(self.levels, levels) - 1, 0, len(self.levels) - 1)
        after = np.minimum(place + 1, len(self.levels) - 1)
        low, high = self.levels[place], self.levels[after]
        width = np.where(high > low, high - low, 1.0)
        share = np.clip((levels - low) / width, 0.0, 1.0)
        found: Floats = self.paths[:, place] * (1.0 - share) + self.paths[:, after] * share
        return found


def check_forecast(forecast: Forecast) -> None:
    """Refuses Malformed FORECAST_MALFORMED what no path can be made of."""
    levels = forecast.levels
    fits = (
        bool(levels)
        and all(0.0 < level < 1.0 for level in levels)
        and all(a < b for a, b in pairwise(levels))
        and bool(forecast.periods)
        and all(a.start < b.start for a, b in pairwise(forecast.periods))
        and all(
            len(p.quantiles) == len(levels)
            and p.mean >= 0.0
            and np.isfinite([p.mean, *p.quantiles]).all()
            and min(p.quantiles) >= 0.0
            for p in forecast.periods
        )
    )
    if not fits:
        raise Malformed(
            "FORECAST_MALFORMED",
            "A forecast has ascending levels between 0 and 1, periods in order, and for each "
            "period a mean and one quantile per level, none below 0. Publish it again.",
            field="forecast",
            item_id=forecast.item_id,
            site_id=forecast.site_id,
        )


def end_of(period: ForecastPeriod, kind: Period) -> date:
    """The first day after the period."""
    if kind is Period.DAY:
        return period.start + timedelta(days=1)
    if kind is Period.WEEK:
        return period.start + timedelta(days=7)
    start = period.start
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return date(year, month, min(start.day, 28))


def covers(forecast: Forecast, first: date, days: int) -> bool:
    """Whether the forecast's periods hold every day of the stretch."""
    reached = first
    for period in forecast.periods:
        if period.start <= reached:
            reached = max(reached, end_of(period, forecast.period))
    return reached >= first + timedelta(days=days)


def spread(forecast: Forecast, first: date, days: int, how: Spread) -> Demand:
    """Paths of cumulative demand over `days` days from `first`, at the forecast's levels."""
    fractions = _fractions(forecast, first, days, how)  # [T, P] cumulative
    means = np.array([p.mean for p in forecast.periods])
    quantiles = np.array([p.quantiles for p in forecast.periods])
    deviation = quantiles - means[:, None]  # [P, L]
    together = np.sqrt(fractions) @ deviation
    apart = fractions @ deviation**2
    width = np.sqrt((1.0 - how.correlation) * apart + how.correlation * together**2)
    mean = fractions @ means
    paths = np.maximum(mean[:, None] + np.sign(together) * width, 0.0)
    paths = np.maximum.accumulate(np.maximum.accumulate(paths, axis=1), axis=0)
    return Demand(np.array(forecast.levels), paths, mean)


def _fractions(forecast: Forecast, first: date, days: int, how: Spread) -> Floats:
    """[T, P] share of each period's weekday weights that lies in days 0 to d."""
    weights = np.array(how.weekday_weights)
    shares = np.zeros((days, len(forecast.periods)))
    for column, period in enumerate(forecast.periods):
        length = (end_of(period, forecast.period) - period.start).days
        offset = (period.start - first).days
        if offset >= days or offset + length <= 0:
            continue
        weekday = (period.start.weekday() + np.arange(length)) % 7
        share = weights[weekday] / weights[weekday].sum()
        low, high = max(0, -offset), min(length, days - offset)
        shares[offset + low : offset + high, column] = share[low:high]
    summed: Floats = np.cumsum(shares, axis=0)
    return np.clip(summed, 0.0, 1.0)
