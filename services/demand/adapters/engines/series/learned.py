"""The learned peer: mlforecast's LightGBM out of the box, as a user of that library would."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from services.demand.adapters.engines.series.native import interval_of
from services.demand.adapters.engines.series.peers import WIDE, Peer, textbook_sum
from services.demand.domain.tables import Array, Asked, HistoryTable, TableForecast, tidied

NAME = "mlforecast LightGBM"
TREES = 300
# Lags, windows of rolling means and date features by season, as the library's guides show them.
LAGS: Mapping[int, Sequence[int]] = {12: range(1, 13), 7: (*range(1, 8), 14, 28)}
USUAL_LAGS = range(1, 9)
WINDOWS: Mapping[int, Sequence[int]] = {12: (3, 12), 7: (7, 28)}
USUAL_WINDOWS = (4,)
DATES: Mapping[int, Sequence[str]] = {12: ("month",), 7: ("dayofweek",)}


def installed() -> bool:
    """Whether the library is there: it is a peer only, nothing of ours needs it."""
    return find_spec("mlforecast") is not None


@dataclass(frozen=True, slots=True)
class LearnedPeer:
    """One LightGBM over all series, intervals by the library's conformal prediction.

    Series that it cannot take are given the seasonal naive forecast.
    """

    name: str = NAME

    def __call__(
        self, table: HistoryTable, asked: Asked, step: Callable[[], None]
    ) -> TableForecast:
        wanted = tuple(sorted({*asked.levels, *WIDE}))
        base = Peer("SeasonalNaive", 1)(table, asked, lambda: None)
        mean, quantiles = base.mean.copy(), base.quantiles.copy()
        least = max(max(_lags(table.season)) + 2, 2 * asked.horizon + max(_lags(table.season)) + 2)
        long = np.flatnonzero(table.lengths >= least)
        if len(long):
            made = _fitted(table, long, asked.horizon, wanted)
            mean[long], quantiles[long] = made
        step()
        plain = TableForecast(wanted, mean, np.sort(quantiles, axis=-1))
        lead = textbook_sum(plain, asked.lead) if asked.lead else (None, None)
        return tidied(TableForecast(wanted, plain.mean, plain.quantiles, lead[0], lead[1]))


def _lags(season: int) -> Sequence[int]:
    return LAGS.get(season, USUAL_LAGS)


def _fitted(
    table: HistoryTable, rows: Any, horizon: int, levels: tuple[float, ...]
) -> tuple[Array, Array]:
    # loaded by name: it takes seconds, only back-tests need it, and it may not be there
    library, lags, targets, utils, lightgbm = (
        import_module(name)
        for name in (
            "mlforecast",
            "mlforecast.lag_transforms",
            "mlforecast.target_transforms",
            "mlforecast.utils",
            "lightgbm",
        )
    )
    season = table.season
    tree = lightgbm.LGBMRegressor(n_estimators=TREES, verbosity=-1, n_jobs=1, random_state=0)
    model = library.MLForecast(
        models={"it": tree},
        freq=table.frequency,
        lags=list(_lags(season)),
        lag_transforms={1: [lags.RollingMean(w) for w in WINDOWS.get(season, USUAL_WINDOWS)]},
        date_features=list(DATES.get(season, ())),
        target_transforms=[targets.LocalStandardScaler()],
    )
    intervals = sorted({interval_of(level) for level in levels if level != 0.5})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            _long(table, rows),
            static_features=[],
            prediction_intervals=utils.PredictionIntervals(n_windows=2, h=horizon),
        )
        made = model.predict(horizon, level=intervals).sort_values(["unique_id", "ds"])
    shape = (len(rows), horizon)
    order = np.argsort(np.argsort(np.asarray([table.ids[i] for i in rows], dtype=str)))
    columns = []
    for level in levels:
        side = "hi" if level > 0.5 else "lo"
        name = "it" if level == 0.5 else f"it-{side}-{interval_of(level):g}"
        name = name if name in made else f"it-{side}-{interval_of(level)}"
        columns.append(made[name].to_numpy(dtype=np.float64).reshape(shape)[order])
    return made["it"].to_numpy(dtype=np.float64).reshape(shape)[order], np.stack(columns, axis=-1)


def _long(table: HistoryTable, rows: Any) -> Any:
    parts = [
        pd.DataFrame(
            {
                "unique_id": table.ids[i],
                "ds": table.periods[table.start[i] :],
                "y": table.history(i),
            }
        )
        for i in rows
    ]
    return pd.concat(parts, ignore_index=True)
