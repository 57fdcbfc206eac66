"""Proves the drivers: on influenza as it was, and on a hospital whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.demand.domain.drivers.driver import Driver
from services.demand.domain.drivers.effect import effect_of, regression_quantiles
from services.demand.domain.drivers.made_hospital import MadeHospital
from services.demand.domain.drivers.switch import Grid, Judgement, judge
from services.demand.domain.scoring import SCORED_LEVELS, pinball
from services.demand.domain.tables import Array, HistoryTable
from services.demand.ports import Progress


@dataclass(frozen=True, slots=True)
class Leading:
    """A history [n, T] of which the signal is known as well, and where the test begins and ends.

    `first`, `last`: places of the first and last period that is to be foreseen.
    """

    table: HistoryTable = field(repr=False)
    signal: Driver = field(repr=False)
    ahead: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ProveDrivers:
    """`larrey demand drivers`."""

    progress: Progress = field(repr=False)

    def leading(self, case: Leading) -> Mapping[str, object]:
        """Rolling origins: the same regression with and without the signal, `ahead` periods on.

        At each origin the signal is judged anew, on what was known by then; a series for which
        it is not on is forecast without it both times.
        """
        grid = Grid(case.table.season, case.ahead, case.table.frequency)
        lost, demand = np.zeros((2, len(case.table.ids))), np.zeros(len(case.table.ids))
        on, lags = 0, []
        origins = range(case.first, case.last + 1)
        with self.progress.stage("rolling origins", len(origins)) as step:
            for target in origins:
                known = target - case.ahead + 1
                signal = case.signal.until(known)
                histories = [row[:known] for row in case.table.values]
                judged = judge(histories, [signal], grid)
                for i, one in enumerate(judged):
                    true = case.table.values[i, target]
                    effect = effect_of(histories[i], i, [signal], one, grid)
                    for k, driven in enumerate((False, True)):
                        made = regression_quantiles(effect, SCORED_LEVELS, driven=driven)[-1]
                        lost[k, i] += _loss(true, made)
                    demand[i] += true
                    on += bool(one.chosen)
                    lags += [tried.lag for tried in one.chosen]
                step()
        without, driven = lost.sum(axis=1) / demand.sum()
        return {
            "origins": len(origins),
            "series": len(case.table.ids),
            "first": str(case.table.periods[case.first].astype("datetime64[D]")),
            "last": str(case.table.periods[case.last].astype("datetime64[D]")),
            "periods_ahead": case.ahead,
            "wql_without": float(without),
            "wql_with": float(driven),
            "better_by": float(1.0 - driven / without),
            "switched_on": on / (len(origins) * len(case.table.ids)),
            "median_lag": float(np.median(lags)) if lags else None,
            "better_by_series": {
                name: float(1.0 - lost[1, i] / lost[0, i]) for i, name in enumerate(case.table.ids)
            },
        }

    def known_truth(self, hospitals: Sequence[MadeHospital], grid: Grid) -> Mapping[str, object]:
        """Shares of the driven items with their driver on, and of the others with any on."""
        found: list[tuple[str, int, Judgement]] = []
        with self.progress.stage("generated hospitals", len(hospitals)) as step:
            for one in hospitals:
                judged = judge(list(one.amounts), one.drivers, grid)
                found += list(zip(one.truth, one.lags, judged, strict=True))
                step()
        driven = [(truth, lag, names(j), j) for truth, lag, j in found if truth]
        others = [names(j) for truth, _, j in found if not truth]
        lags = [
            abs(tried.lag - lag)
            for truth, lag, _, j in driven
            for tried in j.chosen
            if lag and tried.driver == truth
        ]
        return {
            "hospitals": len(hospitals),
            "items": len(found),
            "driven_switched_on": _share([bool(got) for _, _, got, _ in driven]),
            "driven_with_the_right_driver": _share([truth in got for truth, _, got, _ in driven]),
            "others_switched_on": _share([bool(got) for got in others]),
            "mean_error_of_the_lag_days": float(np.mean(lags)) if lags else None,
            "right_driver_by_driver": {
                name: _share([name in got for truth, _, got, _ in driven if truth == name])
                for name in sorted({truth for truth, _, _, _ in driven})
            },
        }


def names(judged: Judgement) -> frozenset[str]:
    """The drivers that are on."""
    return frozenset(one.driver for one in judged.chosen)


def _share(flags: Sequence[bool]) -> float | None:
    return float(np.mean(flags)) if flags else None


def _loss(true: float, made: Array) -> float:
    actual = np.array([true])
    return float(np.mean([pinball(actual, made[k], q)[0] for k, q in enumerate(SCORED_LEVELS)]))
