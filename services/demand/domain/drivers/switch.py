"""Whether a driver is switched on for a series: only when rolling back-tests say it helps.

Two nested regressions, with and without the driver, foresee the same periods from the same
origins. The difference of their squared errors, adjusted for the noise that superfluous
coefficients bring (Clark and West 2007, J. Econometrics 138), must be beyond chance, and the
plain back-test error must have become smaller as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from services.demand.domain.drivers.design import (
    driver_columns,
    latent,
    log_signal,
    own_columns,
    steps_tried,
    targets,
)
from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.drivers.regression import WARM_UP, Rolled, fit, roll
from services.demand.domain.tables import Array, Flags

FALSE_SHARE = 0.012
"""Expected share of undriven series among those switched on (Benjamini and Hochberg 1995,
J. R. Stat. Soc. B 57): where a whole class follows a signal, less proof is asked of each."""
CHANCE = 0.003
"""Chance, over all drivers tried, of adding one more to a series that has one."""
LEAST_GAIN = 0.003
"""Share of the squared error that a driver must take away in the back-tests."""
MOST_DRIVERS = 3
LEAST_PERIODS = 60
"""A shorter history cannot tell a driver from chance."""
LEAST_USED = 0.3
"""Nor can one with a smaller share of periods with use."""
LONGEST_LAG: Mapping[str, int] = {"D": 21, "W-MON": 6, "MS": 3}


@dataclass(frozen=True, slots=True)
class Tried:
    """One driver on one series: its measured lag and what it gained.

    `gain`: share of the squared back-test error taken away; `score`: standard errors by which
    the adjusted difference lies above 0.
    """

    driver: str
    lag: int
    gain: float
    score: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The drivers of one series, in the order in which they were switched on, and all tried."""

    chosen: tuple[Tried, ...] = ()
    tried: tuple[Tried, ...] = field(default=(), repr=False)
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """How the periods lie: season and horizon in periods, and the alias of the grid."""

    season: int
    ahead: int
    alias: str


def judge(
    histories: Sequence[Array],
    drivers: Sequence[Driver],
    grid: Grid,
    starts: Sequence[int] | None = None,
) -> tuple[Judgement, ...]:
    """The drivers of each series: the best one where the panel's back-tests vouch for it, then
    others on top of it where they help still more.

    histories: n arrays that end with the last period known; starts [n]: the place of their
    first periods among the drivers' (0 when not given).
    """
    begun = [0] * len(histories) if starts is None else starts
    cases = [
        _Case(history, row, grid, [one.since(begun[row]) for one in drivers])
        for row, history in enumerate(histories)
    ]
    first = [case.first_look() for case in cases]
    best = [max(one.tried, key=lambda t: t.score, default=None) for one in first]
    chance = [
        1.0 if one is None or one.gain <= LEAST_GAIN else len(drivers) * _beyond(one.score)
        for one in best
    ]
    limit = _largest_believed(np.minimum(chance, 1.0))
    return tuple(
        look if one is None or p > limit else Judgement(case.added(one), look.tried)
        for case, look, one, p in zip(cases, first, best, chance, strict=True)
    )


def _beyond(score: float) -> float:
    return 1.0 - NormalDist().cdf(score)


def _largest_believed(chances: Array) -> float:
    """The largest chance still believed, so that FALSE_SHARE holds; -1 for none."""
    ordered = np.sort(chances)
    below = ordered <= FALSE_SHARE * np.arange(1, len(ordered) + 1) / len(ordered)
    return float(ordered[np.flatnonzero(below)[-1]]) if below.any() else -1.0


class _Case:
    """One series on trial: the regression so far, by periods ahead."""

    def __init__(self, history: Array, row: int, grid: Grid, drivers: Sequence[Driver]) -> None:
        self._history, self._row, self._grid, self._drivers = history, row, grid, drivers
        self._z = latent(history)

    def first_look(self) -> Judgement:
        """Every driver alone; refused where no back-test could tell anything."""
        length, grid = len(self._history), self._grid
        if length < max(LEAST_PERIODS, grid.season + 2 * grid.ahead):
            return Judgement(refused=f"{length} periods are too few to try drivers on.")
        if float((self._history > 0).mean()) < LEAST_USED:
            return Judgement(refused="Used too seldom for a driver to be seen.")
        own = self._own()
        return Judgement(tried=tuple(self._tried(one, own) for one in self._drivers))

    def added(self, best: Tried) -> tuple[Tried, ...]:
        """The best driver, then what is beyond chance on top of it, MOST_DRIVERS in all."""
        chosen, columns = [best], self._own()
        by_name = {one.name: one for one in self._drivers}
        least = NormalDist().inv_cdf(1.0 - CHANCE / len(self._drivers))
        while len(chosen) < MOST_DRIVERS:
            newest = chosen[-1]
            columns = self._with(columns, by_name.pop(newest.driver), newest.lag)
            found = [self._tried(one, columns) for one in by_name.values()]
            beyond = [one for one in found if one.score > least and one.gain > LEAST_GAIN]
            if not beyond:
                break
            chosen.append(max(beyond, key=lambda one: one.score))
        return tuple(chosen)

    def _own(self) -> dict[int, Array]:
        steps = steps_tried(self._grid.ahead)
        return {int(s): own_columns(self._z, int(s), self._grid.season) for s in steps}

    def _with(self, columns: Mapping[int, Array], driver: Driver, lag: int) -> dict[int, Array]:
        length = len(self._z)
        return {
            step: np.hstack([own, driver_columns(driver, self._row, length, step, lag)])
            for step, own in columns.items()
        }

    def _tried(self, driver: Driver, without: Mapping[int, Array]) -> Tried:
        length, grid = len(self._z), self._grid
        first = max(length // 3, min(grid.season, length // 2), 30)
        lag = 0
        if driver.kind is Kind.SIGNAL:
            logs = log_signal(driver.of(self._row)[:length])
            lag = measured_lag(self._z[:first], logs[:first], without[1][:first], grid.alias)
        driven = self._with(without, driver, lag)
        return _compared(driver.name, lag, self._z, without=without, driven=driven, first=first)


def measured_lag(z: Array, logs: Array, own: Array, alias: str) -> int:
    """Periods by which a signal leads: where what the past leaves open follows it most.

    z, logs [T]: the series and the signal on log scales; own [T, p]: columns of the past.
    """
    end = min(len(z), len(logs))
    left = fit(own[WARM_UP : end - 1], targets(z[:end], 1)[WARM_UP : end - 1]).errors
    # the series' own past has already told what the signal said before
    fresh = logs - np.concatenate([logs[:1], logs[:-1]])
    best, lag = -1.0, 1
    for tried in range(1, LONGEST_LAG.get(alias, 3) + 1):
        place = np.arange(WARM_UP, end - 1) + 1 - tried
        inside = place >= 1
        for signal in (logs, fresh):
            one = _correlation(left[inside], signal[place[inside]])
            if one > best:
                best, lag = one, tried
    return lag


def _correlation(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return abs(float((a * b).sum())) / size if size > 0 else 0.0


def _compared(
    name: str,
    lag: int,
    z: Array,
    *,
    without: Mapping[int, Array],
    driven: Mapping[int, Array],
    first: int,
) -> Tried:
    """Two nested regressions over the same origins, all steps ahead weighing the same."""
    adjusted, after = [], 0.0
    for step, own in without.items():
        target = targets(z, step)
        plain, fuller = roll(own, target, step, first), roll(driven[step], target, step, first)
        both = plain.tried & fuller.tried
        if not both.any():
            continue
        lost, kept = _squares(plain, both), _squares(fuller, both)
        apart = (plain.made - fuller.made)[both] ** 2
        scale = max(float(lost.mean()), 1e-12)
        adjusted.append((lost - kept + apart) / scale)
        after += float(kept.mean()) / scale
    if not adjusted:
        return Tried(name, lag, 0.0, 0.0)
    shortest = min(len(one) for one in adjusted)
    together = np.mean([one[:shortest] for one in adjusted], axis=0)
    score = standard_errors(together, max(without))
    return Tried(name, lag, 1.0 - after / len(adjusted), score)


def _squares(rolled: Rolled, rows: Flags) -> Array:
    return np.asarray((rolled.made - rolled.true)[rows] ** 2)


def standard_errors(values: Array, overlap: int) -> float:
    """Mean over its standard error when neighbours are alike (Newey and West 1987)."""
    n = len(values)
    away = values - values.mean()
    lags = min(n // 4, 2 * overlap + round(n**0.25))
    variance = float((away**2).mean())
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float((away[lag:] * away[:-lag]).sum()) / n
    return float(values.mean() / np.sqrt(max(variance, 1e-12) / n))
