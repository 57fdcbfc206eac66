"""AutoETS, DynamicOptimizedTheta and AutoCES, averaged quantile by quantile, as one engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.series.native import Curve, Native
from services.demand.adapters.engines.series.spread import spread
from services.demand.domain.routing import Group
from services.demand.domain.tables import Array, Asked, HistoryTable, TableForecast

MEMBERS = ("AutoETS", "DynamicOptimizedTheta", "AutoCES")
# Correlation of the errors of two neighbouring periods, for the sum over a lead time.
NEIGHBOURS = 0.5
# What lies further back costs these methods much time and adds little.
LONGEST = 730


@dataclass(frozen=True, slots=True)
class _Members:
    """The members on one series; what failed is left out of the mean."""

    natives: tuple[Native, ...]

    def __call__(self, values: Array) -> Curve:
        curves = [native(values[-LONGEST:]) for native in self.natives]
        usable = [curve for curve in curves if not curve.stood_in] or curves[:1]
        return Curve(
            np.mean([curve.mean for curve in usable], axis=0),
            np.mean([curve.quantiles for curve in usable], axis=0),
            stood_in=all(curve.stood_in for curve in curves),
        )


@dataclass(frozen=True, slots=True)
class StatisticalBlend:
    """The classical rivals, for regular demand; slow, so only asked for what it serves."""

    workers: int = 1
    name: str = "AutoETS + DynamicOptimizedTheta + AutoCES"
    serves: frozenset[Group] = frozenset({Group.REGULAR})
    home: Group | None = Group.REGULAR
    slow: bool = True

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        wanted, lead = asked.levels, asked.lead
        natives = tuple(Native(name, table.season, asked.horizon, wanted) for name in MEMBERS)
        histories = [table.history(i) for i in range(len(table.ids))]
        curves = list(spread(_Members(natives), histories, self.workers))
        quantiles = np.sort(np.maximum(np.stack([c.quantiles for c in curves]), 0.0), axis=-1)
        mean = np.maximum(np.stack([c.mean for c in curves]), 0.0)
        lead_mean, lead_quantiles = sum_of(mean, quantiles, wanted, lead) if lead else (None, None)
        return TableForecast(
            wanted,
            mean,
            quantiles,
            lead_mean,
            lead_quantiles,
            methods=(self.name,) * len(curves),
            reasons=tuple(
                "No method could be fitted: the last amount stands for the forecast."
                if curve.stood_in
                else ""
                for curve in curves
            ),
        )


def sum_of(
    mean: Array, quantiles: Array, levels: tuple[float, ...], lead: int
) -> tuple[Array, Array]:
    """Mean and quantiles of the sum of the first `lead` periods.

    Distances from the median add up as those of errors whose correlation falls by half
    from one period to the next, separately on each side.
    """
    middle = quantiles[:, :lead, levels.index(0.5)]
    distance = quantiles[:, :lead, :] - middle[:, :, None]
    step = np.arange(distance.shape[1])
    correlation = NEIGHBOURS ** np.abs(step[:, None] - step[None, :])
    square = np.einsum("nlq,lk,nkq->nq", distance, correlation, distance)
    side = np.sign(np.array(levels) - 0.5)
    total = mean[:, :lead].sum(axis=1)
    centre = total + (middle.sum(axis=1) - total) / np.sqrt(max(lead, 1))
    return total, np.asarray(centre[:, None] + side[None, :] * np.sqrt(np.maximum(square, 0.0)))
