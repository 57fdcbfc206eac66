"""What happens if nothing more is ordered: cover, probability and day of running out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.demand import Demand
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.stock import UsableStock, wasted

ENOUGH = 1e-6  # base units: rounding, not a shortage
TRUSTED_TAIL = 0.99  # a forecast that ends below this level says nothing of its tail
LONGEST_COVER = 3650.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """Stock-out and expiry over the horizon, before any new order."""

    days_of_cover: float
    probability: float  # of running out within the horizon
    stockout_day: int | None  # offset from the first day; None when every level lasts
    expected_expiry_base: float


def margin(stock: UsableStock, arrived: Floats, demand: Floats) -> Floats:
    """[T, Q] base units left at the end of each day; negative is missing."""
    left: Floats = stock.total_base + arrived[:, None] - wasted(stock, demand) - demand
    return left


def run_out(demand: Demand, lowest: Floats) -> Floats:
    """[T] probability of having run out by each day.

    `lowest` [T, L] is the smallest margin so far at each level of the demand. Between
    two levels the margin is taken as linear; above the last known level nothing is
    assumed, unless the forecast's tail ends too early to be trusted.
    """
    levels = demand.levels
    short = lowest < -ENOUGH
    found = np.zeros(len(lowest))
    for day in np.flatnonzero(short.any(axis=1)):
        first = int(short[day].argmax())
        if first == 0:
            found[day] = 1.0 - levels[0] / 2
            continue
        left, missing = max(lowest[day, first - 1], 0.0), -lowest[day, first]
        share = left / (left + missing)
        found[day] = 1.0 - (levels[first - 1] + share * (levels[first] - levels[first - 1]))
    if levels[-1] < TRUSTED_TAIL:
        found = np.maximum(found, 1.0 - levels[-1])
    risen: Floats = np.maximum.accumulate(found)
    return risen


def outlook(stock: UsableStock, arrived: Floats, demand: Demand, days: int) -> Outlook:
    """The outlook over the first `days` days of `demand`."""
    paths, mean = demand.paths[:days], demand.mean[:days]
    lowest = np.minimum.accumulate(margin(stock, arrived[:days], paths), axis=0)
    by_day = run_out(demand, lowest)
    probability = float(by_day[-1]) if len(by_day) else 0.0
    shorts = (lowest < -ENOUGH).any(axis=1)
    day: int | None = None
    if shorts.any():
        likely = by_day > 0.5
        rises = np.diff(by_day, prepend=0.0)
        day = int(likely.argmax()) if likely.any() else int(rises.argmax())
    lost = expected_loss(stock, demand, days)
    return Outlook(
        days_of_cover=_cover(stock, arrived[:days], mean),
        probability=probability,
        stockout_day=day,
        expected_expiry_base=float(lost[-1]) if len(lost) else 0.0,
    )


def _cover(stock: UsableStock, arrived: Floats, mean: Floats) -> float:
    """Days until the mean demand has used what is usable and what arrives."""
    left = margin(stock, arrived, mean[:, None])[:, 0]
    empty = np.flatnonzero(left < -ENOUGH)
    if len(empty):
        day = int(empty[0])
        used = mean[day] - (mean[day - 1] if day else 0.0)
        share = float(np.clip((used + left[day]) / used, 0.0, 1.0)) if used > 0 else 0.0
        return day + share
    rate = float(mean[-1]) / len(mean)
    if rate <= 0:
        return LONGEST_COVER
    return min(LONGEST_COVER, len(mean) + float(left[-1]) / rate)
