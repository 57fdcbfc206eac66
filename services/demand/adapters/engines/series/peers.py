"""The peers: what a user of the usual libraries would get on the same history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from services.demand.adapters.engines.series.native import Native
from services.demand.adapters.engines.series.spread import spread
from services.demand.domain.tables import Array, Asked, HistoryTable, TableForecast, tidied

ALWAYS = ("SeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "AutoCES")
RARE = ("IMAPA", "TSB")
STOOD_IN = "could not be fitted: the last amount stands for it"
# From the 95 % interval back to a standard deviation, as the textbook does.
WIDE = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer over a whole table. Its sum over the lead time is the textbook's z sigma root L.

    `reasons` of the forecast name the series on which it failed; empty for all others.
    """

    name: str
    workers: int

    def __call__(
        self, table: HistoryTable, asked: Asked, step: Callable[[], None]
    ) -> TableForecast:
        wanted = tuple(sorted({*asked.levels, *WIDE}))
        work = Native(self.name, table.season, asked.horizon, wanted)
        histories = [table.history(i) for i in range(len(table.ids))]
        curves = []
        for curve in spread(work, histories, self.workers):
            curves.append(curve)
            step()
        made = TableForecast(
            wanted,
            np.stack([curve.mean for curve in curves]),
            np.stack([curve.quantiles for curve in curves]),
            reasons=tuple(STOOD_IN if curve.stood_in else "" for curve in curves),
        )
        return tidied(with_textbook_sum(made, asked.lead))


def with_textbook_sum(made: TableForecast, lead: int | None) -> TableForecast:
    """The same forecast with its sum over the lead time, where one is asked for."""
    if not lead:
        return made
    lead_mean, lead_quantiles = textbook_sum(made, lead)
    return replace(made, lead_mean=lead_mean, lead_quantiles=lead_quantiles)


def textbook_sum(made: TableForecast, lead: int) -> tuple[Array, Array]:
    """Mean and quantiles of the sum as if errors were normal and independent: mean + z sigma."""
    low, high = made.at(WIDE[0])[:, :lead], made.at(WIDE[1])[:, :lead]
    sigma = np.maximum(high - low, 0.0) / (2 * NormalDist().inv_cdf(WIDE[1]))
    mean = made.mean[:, :lead].sum(axis=1)
    z = np.array([NormalDist().inv_cdf(level) for level in made.levels])
    total = np.sqrt((sigma**2).sum(axis=1))
    return mean, np.asarray(mean[:, None] + z[None, :] * total[:, None])
