"""What the drivers that are on make of a forecast, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.drivers.design import (
    driver_columns,
    latent,
    offset,
    own_columns,
    targets,
)
from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.drivers.regression import WARM_UP, Fitted, fit
from services.demand.domain.drivers.switch import Grid, Judgement, Tried
from services.demand.domain.tables import Array, TableForecast

LEAST_FACTOR, MOST_FACTOR = 0.25, 4.0
"""No driver makes more than this of a forecast: beyond, a person must look."""
MEAN_LEVELS = tuple(((np.arange(40) + 0.5) / 40).tolist())
NARROWEST = 0.7
"""Nor does it narrow an interval further than this."""
PERIOD_WORDS = {"D": ("day", "days"), "W-MON": ("week", "weeks"), "MS": ("month", "months")}


@dataclass(frozen=True, slots=True)
class Contribution:
    """One driver of one series: `share` [h], what it adds to the forecast of each period,
    compared with the driver being as usual; 0.2 is a fifth more. `words`: the same said."""

    driver: str
    lag: int
    gain: float
    share: Array = field(repr=False)
    words: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What all drivers of a series do to a forecast that knew none of them.

    `factor` [h] multiplies it; `width` [h] multiplies the distances from its median, since
    less is left open. `without` and `driven` [h]: what the two regressions foresee, and
    `errors_…` [h][m] their errors on the scale log(y + offset), for forecasts of their own.
    """

    factor: Array
    width: Array
    contributions: tuple[Contribution, ...]
    without: Array = field(repr=False)
    driven: Array = field(repr=False)
    errors_without: tuple[Array, ...] = field(repr=False)
    errors_driven: tuple[Array, ...] = field(repr=False)
    offset: float


def effect_of(
    history: Array, row: int, drivers: Sequence[Driver], judged: Judgement, grid: Grid
) -> Effect:
    """The effect over the coming periods, each learnt by a regression of its own."""
    ahead = grid.ahead
    by_name = {one.name: one for one in drivers}
    z = latent(history)
    length = len(z)
    before, after, shares = [], [], {one.driver: np.zeros(ahead) for one in judged.chosen}
    errors_before, errors_after = [], []
    for step in range(1, ahead + 1):
        own = own_columns(z, step, grid.season)
        target = targets(z, step)
        blocks = [
            driver_columns(by_name[c.driver], row, length, step, c.lag) for c in judged.chosen
        ]
        known = slice(WARM_UP, length - step)
        plain = fit(own[known], target[known])
        both = np.hstack([own, *blocks])
        driven = fit(both[known], target[known])
        before.append(float(plain(own[-1])))
        after.append(float(driven(both[-1])))
        errors_before.append(plain.errors)
        errors_after.append(driven.errors)
        place = own.shape[1]
        for one, block in zip(judged.chosen, blocks, strict=True):
            shares[one.driver][step - 1] = _share(driven, block, place)
            place += block.shape[1]
    low, high = np.log(LEAST_FACTOR), np.log(MOST_FACTOR)
    # a regression may not run away from all that was ever seen
    highest = z.max() - z[-1] + high
    plain_change = np.minimum(np.array(before), highest)
    change = np.clip(np.array(after) - plain_change, low, high)
    factor = np.exp(change)
    open_before = np.array([one.std() for one in errors_before])
    open_after = np.array([one.std() for one in errors_after])
    width = np.clip(open_after / np.maximum(open_before, 1e-9), NARROWEST, 1.0)
    told = tuple(
        Contribution(
            one.driver, one.lag, one.gain, shares[one.driver],
            _words(
                by_name[one.driver],
                one,
                shares[one.driver],
                by_name[one.driver].of(row)[:length],
                grid.alias,
            ),
        )
        for one in judged.chosen
    )  # fmt: skip
    shift = offset(history)
    return Effect(
        factor,
        width,
        told,
        np.maximum(np.exp(z[-1] + plain_change) - shift, 0.0),
        np.maximum(np.exp(z[-1] + plain_change + change) - shift, 0.0),
        tuple(errors_before),
        tuple(errors_after),
        shift,
    )


def _share(fitted: Fitted, block: Array, place: int) -> float:
    part = slice(place, place + block.shape[1])
    away = block[-1] - fitted.centre[part]
    return float(np.expm1(np.clip(away @ fitted.slopes[part], -3.0, 3.0)))


def regression_quantiles(effect: Effect, levels: Sequence[float], *, driven: bool) -> Array:
    """[h, q] forecasts of the regression alone, its errors taken as they were in the fit."""
    errors = effect.errors_driven if driven else effect.errors_without
    centre = effect.driven if driven else effect.without
    ratios = np.exp(np.stack([np.quantile(one, levels) for one in errors]))
    shifted = (centre + effect.offset)[:, None] * ratios - effect.offset
    return np.asarray(np.maximum(shifted, 0.0))


def own_forecast(
    forecast: TableForecast, row: int, effect: Effect, lead: int | None
) -> TableForecast:
    """One series served by the driven regression; the sum keeps the shape it had, moved along."""
    moved = applied(forecast, row, effect, lead)
    mean, quantiles = moved.mean.copy(), moved.quantiles.copy()
    quantiles[row] = regression_quantiles(effect, forecast.levels, driven=True)
    middle = regression_quantiles(effect, MEAN_LEVELS, driven=True)
    mean[row] = middle.mean(axis=1)
    lead_mean, lead_quantiles = moved.lead_mean, moved.lead_quantiles
    if lead and lead_mean is not None and lead_quantiles is not None:
        total, wanted = float(moved.mean[row, :lead].sum()), float(mean[row, :lead].sum())
        ratio = wanted / total if total > 0 else 1.0
        lead_mean, lead_quantiles = lead_mean.copy(), lead_quantiles.copy()
        lead_mean[row] *= ratio
        lead_quantiles[row] *= ratio
    return replace(
        moved, mean=mean, quantiles=quantiles, lead_mean=lead_mean, lead_quantiles=lead_quantiles
    )


def applied(forecast: TableForecast, row: int, effect: Effect, lead: int | None) -> TableForecast:
    """The forecast with one series moved by its drivers; quantiles keep their order."""
    mean, quantiles = forecast.mean.copy(), forecast.quantiles.copy()
    middle = quantiles[row, :, forecast.levels.index(0.5)][:, None]
    narrowed = middle + effect.width[:, None] * (quantiles[row] - middle)
    quantiles[row] = np.maximum(narrowed * effect.factor[:, None], 0.0)
    moved = mean[row] * effect.factor
    lead_mean, lead_quantiles = forecast.lead_mean, forecast.lead_quantiles
    if lead and lead_mean is not None and lead_quantiles is not None:
        lead_mean, lead_quantiles = lead_mean.copy(), lead_quantiles.copy()
        total = float(mean[row, :lead].sum())
        ratio = float(moved[:lead].sum()) / total if total > 0 else 1.0
        centre = lead_quantiles[row, forecast.levels.index(0.5)]
        width = float(effect.width[:lead].mean())
        lead_quantiles[row] = (centre + width * (lead_quantiles[row] - centre)) * ratio
        lead_mean[row] *= ratio
    mean[row] = moved
    said = " ".join(one.words for one in effect.contributions)
    reasons = list(forecast.reasons) or [""] * len(mean)
    reasons[row] = f"{reasons[row]} {said}".strip()
    return replace(
        forecast,
        mean=mean,
        quantiles=quantiles,
        lead_mean=lead_mean,
        lead_quantiles=lead_quantiles,
        reasons=tuple(reasons),
    )


def _words(driver: Driver, tried: Tried, share: Array, values: Array, grid: str) -> str:
    one, many = PERIOD_WORDS.get(grid, ("period", "periods"))
    better = f"back-tests err {tried.gain:.0%} less with it"
    if driver.kind is Kind.CALENDAR:
        hit = [float(s) for s in share if abs(s) >= 0.005]
        if not hit:
            return f"{driver.name}: none in the {many} ahead ({better})."
        strongest = max(hit, key=abs)
        return (
            f"{driver.name}: {strongest:+.0%} at most, in {len(hit)} of the {len(share)} "
            f"{many} ahead ({better})."
        )
    known = values[np.isfinite(values)]
    usual = float(np.mean(known[-56:])) if len(known) else 0.0
    now = float(np.mean(known[-7:] if grid == "D" else known[-1:])) if len(known) else 0.0
    change = f"{now / usual - 1.0:+.0%} against what was usual" if usual > 0 else "at 0"
    unit = one if tried.lag == 1 else many
    return (
        f"{driver.name}: leads by {tried.lag} {unit}, now {change}; {share[0]:+.0%} in the next "
        f"{one}, {share[-1]:+.0%} in the last one ({better})."
    )
