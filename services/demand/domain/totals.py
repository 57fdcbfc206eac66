"""Sums of forecasts over wards, items and sites, from draws that all of them share.

Each series has its own stream of draws, named by item and site, and follows one common
draw by the correlation that past errors had. Whatever is summed, a series' draws are the
same: sums of sums agree draw by draw. The sum over the lead time has draws of its own: they go
through the sum's own quantiles, in the order that the draws of its periods have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.accuracy import Cell, Sums
from services.demand.domain.forecasts import Forecast, ForecastPeriod, LeadSum
from services.demand.domain.periods import Period

Array = NDArray[np.float64]
DRAWS = 1000
# Correlation between two errors of one period while too little has come true to know it,
# and the periods that this belief is worth.
PRIOR_CORRELATION = 0.1
PRIOR_PERIODS = 4.0
HIGHEST_CORRELATION = 0.9
# Series of a period that its errors' common part can be told from.
LEAST_SERIES = 5
# Units used that the shares of wards are worth at most: shares drift.
MOST_UNITS = 100.0
COMMON = "common"
# Turns, standard normal, that curves are read at; between them lines hold (see `_along`).
STEPS, OUTERMOST = 100, 6
TURNS: Array = np.linspace(-OUTERMOST, OUTERMOST, 2 * OUTERMOST * STEPS + 1)


def stream(*names: str) -> np.random.Generator:
    """A stream of draws of its own for each name, the same on every machine."""
    digest = blake2b("\x1f".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def draws_of(forecast: Forecast, correlation: float, draws: int = DRAWS) -> Array:
    """[period, draw] amounts of one forecast; draw d of all forecasts is one possible world."""
    return amounts_of(forecast, turns_of(forecast, correlation, draws))


def turns_of(forecast: Forecast, correlation: float, draws: int = DRAWS) -> Array:
    """[period, draw] standard normal: how high each draw lies within its period."""
    starts = tuple(period.start for period in forecast.periods)
    turns = stream(forecast.item_id, forecast.site_id).standard_normal((len(starts), draws))
    # in place: a group has a hundred thousand of these tables
    turns *= np.sqrt(1.0 - correlation)
    turns += _common(forecast.period, starts, correlation, draws)
    return turns


@lru_cache(maxsize=16)
def _common(grid: Period, starts: tuple[date, ...], correlation: float, draws: int) -> Array:
    """[period, draw] the common draws' part: the same for all forecasts that have a period."""
    drawn = [
        stream(COMMON, grid.value, start.isoformat()).standard_normal(draws) for start in starts
    ]
    return np.asarray(np.sqrt(correlation) * np.stack(drawn))


def amounts_of(forecast: Forecast, turns: Array) -> Array:
    """[period, draw] amounts at these turns."""
    curves = np.array([period.quantiles for period in forecast.periods])
    return _along(forecast.levels, curves, turns)


def lead_amounts_of(forecast: Forecast, lead: LeadSum, turns: Array) -> Array:
    """[1, draw] amounts of the sum over the lead time, by its own quantiles.

    A draw is as high within the sum as the mean of its turns over the lead time: standard
    normal again, and correlated between two forecasts as the turns of one period are.
    """
    turn = turns[: lead.periods].sum(axis=0, keepdims=True) / np.sqrt(lead.periods)
    return _along(forecast.levels, np.array([lead.quantiles]), turn)


def _along(levels: Sequence[float], curves: Array, turns: Array) -> Array:
    """[n, draw] between the quantiles curves [n, level], straight; beyond the outermost, those.

    Each curve is read at all of TURNS by one product, and draws lie on lines between: a ninth of
    what reading each draw by itself costs, and off only next to a level, by hundredths of the
    way to the next one.
    """
    read = curves @ _weights(tuple(levels))
    place = turns + OUTERMOST
    place *= STEPS
    np.clip(place, 0.0, read.shape[1] - 1.001, out=place)
    left = place.astype(np.int64)
    place -= left
    left += read.shape[1] * np.arange(len(read))[:, None]
    flat = read.reshape(-1)
    low = flat.take(left)
    left += 1
    high = flat.take(left)
    high -= low
    high *= place
    high += low
    return high


@lru_cache(maxsize=8)
def _weights(levels: tuple[float, ...]) -> Array:
    """[level, turn] what each quantile weighs in the amount at each of TURNS."""
    known, place = np.array(levels), np.array([NormalDist().cdf(z) for z in TURNS])
    right = np.clip(np.searchsorted(known, place), 1, len(known) - 1)
    share = np.clip((place - known[right - 1]) / (known[right] - known[right - 1]), 0.0, 1.0)
    weights = np.zeros((len(known), len(TURNS)))
    weights[right - 1, np.arange(len(TURNS))] = 1.0 - share
    weights[right, np.arange(len(TURNS))] = share
    return weights


def ward_parts(
    forecast: Forecast, amounts: Array, used: Mapping[str, float]
) -> Mapping[str, Array]:
    """Ward -> [period, draw]: one forecast's draws dealt to its wards; they add up to it.

    `used`: what each ward used lately. The shares are uncertain (a Dirichlet law worth at
    most MOST_UNITS units), and whole amounts fall to wards unit by unit.
    """
    wards = sorted(used)
    total = sum(used.values())
    weight = np.array([used[ward] for ward in wards]) * min(1.0, MOST_UNITS / total)
    dealer = stream(forecast.item_id, forecast.site_id, "wards")
    shares = dealer.dirichlet(np.maximum(weight, 1e-3), size=amounts.shape[1])
    if (amounts == np.round(amounts)).all():
        dealt = dealer.multinomial(amounts.astype(np.int64), shares).astype(np.float64)
    else:
        dealt = amounts[:, :, None] * shares[None, :, :]
    return {ward: dealt[:, :, k] for k, ward in enumerate(wards)}


def correlation_of(cells: Mapping[Cell, Sums]) -> float:
    """The correlation between two series' errors of one period, from what came true.

    Of the normal scores of a period's actuals the mean's square is worth rho + (1 - rho)/n;
    a few periods say little, so a prior belief is mixed in.
    """
    grouped: dict[tuple[Period, int], tuple[float, float]] = {}
    for cell, told in cells.items():
        n, score = grouped.get((cell.period, cell.number), (0.0, 0.0))
        grouped[cell.period, cell.number] = (n + told.actuals, score + told.score)
    total, weight = PRIOR_PERIODS * PRIOR_CORRELATION, PRIOR_PERIODS
    for n, score in grouped.values():
        if n >= LEAST_SERIES:
            total += (n * (score / n) ** 2 - 1.0) / (n - 1.0)
            weight += 1.0
    return float(np.clip(total / weight, 0.0, HIGHEST_CORRELATION))


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of `series` forecasts; `left_out`: those on another grid, too old, or in another
    unit. `lead`: of the lead time that all of them have; else None, and `lead_missing` why."""

    period: Period
    periods: tuple[ForecastPeriod, ...]
    series: int
    left_out: int
    base_unit: str
    correlation: float
    lead: LeadSum | None = None
    lead_missing: str = ""


def total_periods(
    days: Sequence[date], means: Array, amounts: Array, levels: Sequence[float]
) -> tuple[ForecastPeriod, ...]:
    """Means [period] and draws [period, draw] of a sum, shown."""
    curves = np.quantile(amounts, levels, axis=1).T
    return tuple(
        ForecastPeriod(day, float(mean), tuple(float(q) for q in curve))
        for day, mean, curve in zip(days, means, curves, strict=True)
    )


def total_lead(lead: int, mean: float, amounts: Array, levels: Sequence[float]) -> LeadSum:
    """The mean and the draws [draw] of a sum over `lead` periods, shown."""
    return LeadSum(lead, mean, tuple(float(q) for q in np.quantile(amounts, levels)))
