"""The measures of a forecast, against the same worked out another way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from services.demand.domain.quantiles import LEVELS
from services.demand.domain.scoring import Actuals, Scores, pooled, scale_of, score
from services.demand.domain.tables import HistoryTable, TableForecast
from services.demand.tests.frames import seasonal_counts, table_of

SEASON = 12

Situation = tuple[HistoryTable, Actuals, TableForecast]


def situation(seed: int, series: int = 9, horizon: int = 5) -> Situation:
    draw = np.random.default_rng(seed)
    values = seasonal_counts(series, 40, seed)
    values[0] = 0.0
    values[1] = 7.0
    table = table_of(values, SEASON)
    table = replace(table, start=np.where(np.arange(series) == 2, 20, 0))
    true = draw.poisson(20, (series, horizon)).astype(float)
    quantiles = np.sort(draw.gamma(4, 6, (series, horizon, len(LEVELS))), axis=-1)
    lead = np.sort(draw.gamma(4, 18, (series, len(LEVELS))), axis=-1)
    made = TableForecast(LEVELS, quantiles.mean(axis=-1), quantiles, lead[:, 0], lead)
    given = np.arange(series) != 3
    return table, Actuals(true, given), made


def by_hand(
    table: HistoryTable, actuals: Actuals, made: TableForecast, lead: int
) -> dict[str, float]:
    """The measures with plain loops over series, periods and levels."""
    assert made.lead_quantiles is not None
    kept = [i for i in range(len(table.ids)) if i not in (0, 2, 3)]
    mases: list[float] = []
    losses: list[float] = []
    scaled: list[float] = []
    inside80: list[bool] = []
    inside95: list[bool] = []
    below: list[bool] = []
    reached: list[bool] = []
    total = error = true_sum = 0.0
    for i in kept:
        history = list(table.recorded[i])
        steps = [abs(history[t] - history[t - SEASON]) for t in range(SEASON, len(history))]
        scale = sum(steps) / len(steps)
        if scale == 0:
            steps = [abs(history[t] - history[t - 1]) for t in range(1, len(history))]
            scale = sum(steps) / len(steps)
        absolute = []
        for h, y in enumerate(actuals.values[i]):
            q = dict(zip(made.levels, made.quantiles[i, h], strict=True))
            absolute.append(abs(y - q[0.5]))
            for level in [k / 10 for k in range(1, 10)]:
                loss = 2 * (
                    level * (y - q[level]) if y >= q[level] else (1 - level) * (q[level] - y)
                )
                losses.append(loss)
                if scale > 0:
                    scaled.append(loss / scale)
            inside80.append(q[0.1] <= y <= q[0.9])
            inside95.append(q[0.025] <= y <= q[0.975])
            below.append(y <= q[0.9])
            total += abs(y)
            true_sum += y
            error += made.mean[i, h] - y
        if scale > 0:
            mases.append(sum(absolute) / len(absolute) / scale)
        reached.append(
            sum(actuals.values[i][:lead]) <= made.lead_quantiles[i][made.levels.index(0.95)]
        )
    return {
        "mase": float(np.mean(mases)),
        "mase_median": float(np.median(mases)),
        "wql": sum(losses) / 9 / total,
        "sql": float(np.mean(scaled)),
        "cov80": float(np.mean(inside80)),
        "cov95": float(np.mean(inside95)),
        "below_p90": float(np.mean(below)),
        "bias": error / true_sum,
        "lead_p95_reached": float(np.mean(reached)),
    }


@pytest.mark.parametrize("seed", range(5))
def test_every_measure_equals_the_one_worked_out_by_hand(seed: int) -> None:
    table, actuals, made = situation(seed)
    found = score(table, actuals, made, lead=3).plain()
    for name, expected in by_hand(table, actuals, made, 3).items():
        assert found[name] == pytest.approx(expected, rel=1e-12), name


def test_short_series_unused_series_and_series_without_actuals_are_not_scored() -> None:
    table, actuals, made = situation(1)
    assert score(table, actuals, made).series == len(table.ids) - 3


def test_a_series_without_spread_counts_for_wql_and_coverage_but_not_for_mase() -> None:
    table, actuals, made = situation(2)
    assert math.isnan(scale_of(table.recorded[1], SEASON))
    found = score(table, actuals, made)
    assert found.mase is not None
    assert found.rows == found.series * actuals.values.shape[1]


def test_the_scale_falls_back_to_neighbouring_periods_when_the_season_repeats_exactly() -> None:
    history = np.tile(np.arange(12.0), 3)
    assert scale_of(history, 12) == pytest.approx(np.abs(np.diff(history)).mean())


def test_a_perfect_forecast_has_no_loss_and_full_coverage() -> None:
    table, actuals, made = situation(3)
    perfect = np.repeat(actuals.values[:, :, None], len(LEVELS), axis=2)
    found = score(table, actuals, replace(made, mean=actuals.values, quantiles=perfect))
    assert (found.mase, found.wql, found.cov80, found.cov95, found.bias) == (0, 0, 1, 1, 0)


def test_actuals_that_span_a_part_of_the_horizon_are_scored_on_that_part() -> None:
    table, actuals, made = situation(4)
    part = replace(actuals, window=slice(0, 2))
    cut = replace(made, mean=made.mean[:, :2], quantiles=made.quantiles[:, :2])
    short = Actuals(actuals.values[:, :2], actuals.given)
    assert score(table, part, made).plain() == score(table, short, cut).plain()


def test_measures_that_cannot_be_known_are_left_open() -> None:
    table, actuals, made = situation(0)
    nothing = replace(actuals, given=np.zeros(len(table.ids), dtype=bool))
    assert score(table, nothing, made).mase is None
    assert score(table, actuals, made).lead_p95_reached is None


def test_shares_over_several_origins_are_those_of_all_item_origins() -> None:
    one = Scores(10, 30, 0.8, 0.7, 0.05, 0.6, 0.8, 0.95, 0.9, 0.0, 1.0, 1.1)
    two = Scores(30, 90, 1.0, 0.9, 0.07, 0.8, 0.84, 0.91, 0.94, 0.1, 0.9, 1.3)
    none = Scores(0, 0, None, None, None, None, None, None, None, None, None, None)
    found = pooled([one, two, none])
    assert found["item_origins"] == 40
    assert found["lead_p95_reached"] == pytest.approx((10 * 1.0 + 30 * 0.9) / 40)
    assert found["mase"] == pytest.approx(0.95)
    assert pooled([none])["mase"] is None
