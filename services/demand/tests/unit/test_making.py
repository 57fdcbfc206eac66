"""One outcome per series, whatever the series."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Outcome, chunks_by_cost
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.residuals import Pool, ScaledErrors
from services.demand.domain.series import Series
from services.demand.ports import Array, Panel
from services.demand.tests.situations import MONDAY, a_rare_item, a_steady_item, monthly
from services.demand.use_cases.make import Backtest, MakeForecast


def flat(values: Array, horizon: int, _season: int, levels: Sequence[float]) -> tuple[Array, Array]:
    """The mean of the history, and quantiles around it."""
    centre = float(values.mean())
    curve = centre * np.linspace(0.5, 1.5, len(levels))
    return np.full(horizon, centre), np.tile(curve, (horizon, 1))


def flat_mean(values: Array, horizon: int) -> Array:
    return np.full(horizon, float(values.mean()))


def broken(*_: object) -> tuple[Array, Array]:
    raise ZeroDivisionError


def runaway(
    _values: Array, horizon: int, _season: int, levels: Sequence[float]
) -> tuple[Array, Array]:
    return np.full(horizon, 1e12), np.full((horizon, len(levels)), 1e12)


def not_a_number(
    _values: Array, horizon: int, _season: int, levels: Sequence[float]
) -> tuple[Array, Array]:
    return np.full(horizon, np.nan), np.full((horizon, len(levels)), np.nan)


POOL = Pool(
    ScaledErrors(bucket, np.random.default_rng(bucket).normal(size=3))
    for bucket in range(5)
    for _ in range(100)
)


def a_panel(horizon: int = 3, pool: Pool = POOL) -> Panel:
    return Panel("run-1", horizon, MONDAY, pool, {})


def _made(series: Series, make: MakeForecast | None = None, panel: Panel | None = None) -> Outcome:
    return (make or MakeForecast(flat, flat_mean))(series, panel or a_panel())


def test_a_steady_item_is_forecast_from_the_running_period_on() -> None:
    forecast = _made(a_steady_item()).forecast
    assert forecast is not None
    assert [p.start for p in forecast.periods] == [
        date(2026, 1, 1),
        date(2026, 2, 1),
        date(2026, 3, 1),
    ]
    assert forecast.demand_class is DemandClass.SMOOTH
    assert forecast.base_unit == "tablet"
    assert forecast.made_time == MONDAY


def test_a_rare_item_gets_the_pools_interval_and_keeps_its_mean_apart() -> None:
    forecast = _made(a_rare_item()).forecast
    assert forecast is not None
    assert forecast.method == "TSB + IMAPA, pooled errors"
    assert forecast.periods[0].mean == pytest.approx(a_rare_item().values.mean())
    assert forecast.periods[0].quantiles[0] == 0


def test_a_new_item_is_forecast_from_its_class_with_a_wide_interval() -> None:
    forecast = _made(monthly([5, 6])).forecast
    assert forecast is not None
    assert forecast.method == "class level"
    curve = forecast.periods[0].quantiles
    assert curve[LEVELS.index(0.975)] > 5 * max(curve[LEVELS.index(0.5)], 0.1)


@pytest.mark.parametrize("method", [broken, runaway, not_a_number])
def test_a_method_that_fails_is_replaced_and_reported(method: object) -> None:
    outcome = _made(a_steady_item(), MakeForecast(method, flat_mean))  # type: ignore[arg-type]  # any of three
    assert outcome.forecast is not None
    assert "could not be used" in outcome.forecast.method_reason
    assert outcome.finding is not None
    assert outcome.finding.reason == "METHOD_FAILED"


def test_a_series_that_breaks_every_method_is_a_finding_not_a_crash() -> None:
    outcome = _made(a_steady_item(), MakeForecast(broken, broken))  # type: ignore[arg-type]  # broken on purpose
    assert outcome.forecast is None
    assert outcome.finding is not None
    assert outcome.finding.reason == "SERIES_UNUSABLE"
    assert outcome.finding.series == "PARACETAMOL@440000008"


def test_without_any_backtest_a_rare_item_is_reported_not_guessed() -> None:
    outcome = _made(a_rare_item(), panel=a_panel(pool=Pool([])))
    assert outcome.finding is not None
    assert outcome.forecast is None


def test_periods_nobody_reported_are_bridged_and_said() -> None:
    forecast = _made(monthly([9, 11] * 20, unseen=2)).forecast
    assert forecast is not None
    assert forecast.periods[0].start == date(2026, 3, 1)
    assert any("reported nothing" in said for said in forecast.data_quality)


def test_a_site_silent_for_longer_than_it_spoke_is_not_forecast() -> None:
    outcome = _made(monthly([9, 11] * 5, unseen=11))
    assert outcome.forecast is None
    assert outcome.finding is not None
    assert outcome.finding.reason == "SITE_SILENT"


HISTORIES = st.lists(st.one_of(st.just(0.0), st.floats(0, 1e9)), min_size=1, max_size=60)


@given(HISTORIES, st.integers(1, 24))
def test_whatever_the_history_quantiles_never_cross_nor_go_below_zero(
    values: list[float], horizon: int
) -> None:
    outcome = _made(monthly(values), panel=a_panel(horizon))
    assert outcome.forecast is not None
    assert len(outcome.forecast.periods) == horizon
    for period in outcome.forecast.periods:
        assert period.quantiles[0] >= 0
        assert list(period.quantiles) == sorted(period.quantiles)
        assert np.isfinite([period.mean, *period.quantiles]).all()
        assert period.mean >= 0


def test_backtests_never_look_at_what_they_are_scored_on() -> None:
    history = a_rare_item()
    lengths = []

    def spying(values: Array, horizon: int) -> Array:
        lengths.append(len(values) + horizon)
        return flat_mean(values, horizon)

    errors = Backtest(spying)(history, 6)
    assert len(errors) == 3
    assert max(lengths) == len(history.values)


def test_a_history_without_use_gives_no_errors_to_the_pool() -> None:
    assert Backtest(flat_mean)(monthly([0] * 40), 6) == []


@given(st.lists(st.floats(0.01, 50), max_size=60), st.floats(1, 30))
def test_chunks_hold_every_series_once_and_in_order(costs: list[float], budget: float) -> None:
    chunks = chunks_by_cost(costs, budget)
    assert [place for chunk in chunks for place in chunk] == list(range(len(costs)))
    assert all(len(chunk) == 1 or sum(costs[i] for i in chunk) <= budget + 1e-9 for chunk in chunks)
