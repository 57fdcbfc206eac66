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
from services.demand.adapters.engines.series.peers import WIDE, Peer, with_textbook_sum
from services.demand.domain.tables import Array, Asked, HistoryTable, TableForecast, tidied

NAME = "mlforecast LightGBM"
NAIVE = "too short for its lags and back-tests: the seasonal naive forecast stands for it"
POINT = "too short for its intervals: one number stands for every quantile"
TREES = 300
# What the library's intervals are back-tested on.
WINDOWS_BACK = 2
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

    Series that it cannot take are given the seasonal naive forecast, and `reasons` says so.
    Where no series is long enough for the library's intervals, it is fitted without them.
    """

    name: str = NAME

    def __call__(
        self, table: HistoryTable, asked: Asked, step: Callable[[], None]
    ) -> TableForecast:
        wanted = tuple(sorted({*asked.levels, *WIDE}))
        base = Peer("SeasonalNaive", 1)(table, asked, lambda: None)
        mean, quantiles = base.mean.copy(), base.quantiles.copy()
        reasons = np.full(len(table.ids), NAIVE, dtype=object)
        point = max(_lags(table.season)) + 2
        whole = point + WINDOWS_BACK * asked.horizon
        least, said = (whole, "") if (table.lengths >= whole).any() else (point, POINT)
        rows = np.flatnonzero(table.lengths >= least)
        if len(rows):
            mean[rows], quantiles[rows] = _fitted(
                table, rows, asked.horizon, wanted, intervals=not said
            )
            reasons[rows] = said
        for _ in table.ids:
            step()
        made = TableForecast(
            wanted, mean, np.sort(quantiles, axis=-1), reasons=tuple(reasons.tolist())
        )
        return tidied(with_textbook_sum(made, asked.lead))


def _lags(season: int) -> Sequence[int]:
    return LAGS.get(season, USUAL_LAGS)


def _fitted(
    table: HistoryTable, rows: Any, horizon: int, levels: tuple[float, ...], *, intervals: bool
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
    central = sorted({interval_of(level) for level in levels if level != 0.5})
    conformal = utils.PredictionIntervals(n_windows=WINDOWS_BACK, h=horizon) if intervals else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            _long(table, rows),
            static_features=[],
            prediction_intervals=conformal,
        )
        made = model.predict(horizon, level=central if intervals else None)
    made = made.sort_values(["unique_id", "ds"])
    shape = (len(rows), horizon)
    order = np.argsort(np.argsort(np.asarray([table.ids[i] for i in rows], dtype=str)))
    columns = []
    for level in levels:
        side = "hi" if level > 0.5 else "lo"
        middle = level == 0.5 or not intervals
        name = "it" if middle else f"it-{side}-{interval_of(level):g}"
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
