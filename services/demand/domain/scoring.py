"""How good a forecast was: the measures of the field, by the definitions everyone compares with.

MASE: mean over series of the mean absolute error of the median, over the series' own scale
(mean absolute seasonal difference of its history; of lag 1 where that is 0 or the history is
too short). WQL: mean over the levels 0.1 to 0.9 of twice the pinball loss summed over the
table, over the sum of the absolute actuals. SQL: mean of twice the pinball loss over the
series' scale. Series shorter than max(2 seasons, 8 periods), all zero, or without any actual
row are not scored; a period without a row counts as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.tables import Array, Flags, HistoryTable, Ints, TableForecast

SCORED_LEVELS: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHORTEST_SCORED = 8
SERVICE_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Actuals:
    """What came true: `values` [n, h], rows as in the history; `given` [n]: has any row.

    `window`: the periods of the horizon that the actuals span, all of it by default.
    """

    values: Array = field(repr=False)
    given: Flags = field(repr=False)
    window: slice = field(default_factory=lambda: slice(None))


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of one method over one window; shares and bias are fractions.

    A measure that cannot be known (no scale, no lead time) is None.
    """

    series: int
    rows: int
    mase: float | None
    mase_median: float | None
    wql: float | None
    sql: float | None
    cov80: float | None
    cov95: float | None
    below_p90: float | None
    bias: float | None
    lead_p95_reached: float | None
    lead_stock_ratio: float | None

    def plain(self) -> Mapping[str, float | int | None]:
        """Name -> number, for a report."""
        return {name: getattr(self, name) for name in self.__slots__}


def scale_of(history: Array, season: int) -> float:
    """Mean absolute seasonal difference, of lag 1 where that is 0; NaN when both are."""
    n = len(history)
    scale = float(np.abs(history[season:] - history[:-season]).mean()) if n > season else np.nan
    if not scale > 0:
        scale = float(np.abs(np.diff(history)).mean()) if n > 1 else np.nan
    return scale if scale > 0 else np.nan


def scored_rows(table: HistoryTable, given: Flags) -> Ints:
    """Rows of the series that are long enough, were ever used and have an actual."""
    enough = table.lengths >= max(2 * table.season, SHORTEST_SCORED)
    used = (table.recorded > 0).any(axis=1)
    return np.flatnonzero(enough & used & given)


def scales(table: HistoryTable, rows: Ints) -> Array:
    """[len(rows)] the scale of each series, of its history as recorded."""
    return np.array([scale_of(table.recorded[i, table.start[i] :], table.season) for i in rows])


def pinball(actual: Array, quantile: Array, level: float) -> Array:
    """Twice the pinball loss, as all three measures use it."""
    error = actual - quantile
    return np.asarray(2 * np.maximum(level * error, (level - 1) * error))


def score(
    table: HistoryTable, actuals: Actuals, forecast: TableForecast, lead: int | None = None
) -> Scores:
    """Scores a forecast of every row of the table."""
    rows = scored_rows(table, actuals.given)
    made, true = _inside(forecast.rows(rows), actuals.window), actuals.values[rows, actuals.window]
    scale = scales(table, rows)
    losses = [pinball(true, made.at(level), level) for level in SCORED_LEVELS]
    errors = np.abs(made.at(0.5) - true).mean(axis=1) / scale
    total = float(np.abs(true).sum())
    return Scores(
        series=len(rows),
        rows=int(true.size),
        mase=_mean(errors),
        mase_median=_number(float(np.nanmedian(errors))) if np.isfinite(errors).any() else None,
        wql=_ratio(float(np.mean([loss.sum() for loss in losses])), total),
        sql=_mean(np.array([_mean_known(loss / scale[:, None]) for loss in losses])),
        cov80=_share(true, made, 0.1, 0.9),
        cov95=_share(true, made, 0.025, 0.975),
        below_p90=_mean((true <= made.at(0.9)).astype(np.float64)),
        bias=_ratio(float((made.mean - true).sum()), float(true.sum())),
        **_lead(made, true, lead),
    )


def pooled(scores: Sequence[Scores]) -> Mapping[str, float | int | None]:
    """Name -> the mean over several origins, each weighing as many series as it scored.

    So a share is the share of all item-origins.
    """
    found: dict[str, float | int | None] = {"item_origins": sum(one.series for one in scores)}
    for name in Scores.__slots__:
        if name in {"series", "rows"}:
            continue
        known = [(getattr(one, name), one.series) for one in scores]
        known = [(value, weight) for value, weight in known if value is not None and weight]
        total = sum(weight for _, weight in known)
        found[name] = sum(value * weight for value, weight in known) / total if total else None
    return found


def _inside(forecast: TableForecast, window: slice) -> TableForecast:
    return replace(forecast, mean=forecast.mean[:, window], quantiles=forecast.quantiles[:, window])


def _lead(made: TableForecast, true: Array, lead: int | None) -> dict[str, float | None]:
    if lead is None or made.lead_quantiles is None:
        return {"lead_p95_reached": None, "lead_stock_ratio": None}
    cap = made.lead_quantiles[:, made.levels.index(SERVICE_LEVEL)]
    total = true[:, :lead].sum(axis=1)
    return {
        "lead_p95_reached": _mean((total <= cap).astype(np.float64)),
        "lead_stock_ratio": _ratio(float(cap.sum()), float(total.sum())),
    }


def _share(true: Array, made: TableForecast, low: float, high: float) -> float | None:
    inside = (true >= made.at(low)) & (true <= made.at(high))
    return _mean(inside.astype(np.float64))


def _mean_known(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


def _mean(values: Array) -> float | None:
    return _number(_mean_known(values))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def losses_by_row(
    actual: Array, forecast: TableForecast, scale: Array, levels: Sequence[float] = SCORED_LEVELS
) -> tuple[Array, Array]:
    """([n] pinball loss summed over a row, [n] the same over the row's scale)."""
    loss = np.mean(
        [pinball(actual, forecast.at(level), level).sum(axis=1) for level in levels], axis=0
    )
    return loss, loss / scale
