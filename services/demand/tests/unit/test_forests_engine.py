"""The whole engine on small panels: what it promises whatever it is given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.adapters.engines.forests.engine import Options, forecast
from services.demand.adapters.engines.forests.panel import SparseForecast, SparsePanel
from services.demand.adapters.engines.forests.pool import Effort, legs
from services.demand.adapters.engines.forests.trials import LEAST_PERIODS, Plan, windows

LEVELS = (0.01, 0.1, 0.5, 0.9, 0.975, 0.999)
QUICK = Options(effort=Effort(10, 3000, 20), backtest_effort=Effort(5, 2000, 10), backtest_rows=1)


def a_ward(n: int, periods: int = 24, seed: int = 0) -> SparsePanel:
    generator = np.random.default_rng(seed)
    y = (generator.random((n, periods)) < 0.4) * (1.0 + generator.poisson(3.0, (n, periods)))
    return SparsePanel(
        tuple(f"item-{k:03d}" for k in range(n)),
        y.astype(float),
        np.ones((n, periods), dtype=bool),
        np.zeros(n, dtype=np.int64),
        columns={"nobody_knows": generator.normal(size=(n, periods))},
        categories={"kind": tuple("ab"[k % 2] for k in range(n))},
    )


def showable(made: SparseForecast, n: int, horizon: int) -> bool:
    assert made.mean.shape == (n, horizon)
    assert made.quantiles.shape == (n, horizon, len(LEVELS))
    fine = [np.isfinite(made.mean).all(), (made.mean >= 0).all(), (made.quantiles >= 0).all()]
    fine += [np.isfinite(made.quantiles).all(), (np.diff(made.quantiles) >= 0).all()]
    if made.lead_quantiles is not None:
        fine += [np.isfinite(made.lead_quantiles).all(), (np.diff(made.lead_quantiles) >= 0).all()]
    return all(fine)


def test_a_forecast_is_showable_and_says_what_was_done() -> None:
    panel = a_ward(30)
    made = forecast(panel, 3, LEVELS, lead_time=2, options=QUICK)
    assert showable(made, 30, 3)
    assert made.ids == panel.ids
    assert made.method[0] == "leaf-draw forest blend"
    assert "back-tests" in made.why[0]
    assert made.lead_mean is not None
    assert np.allclose(made.lead_mean.sum(), made.mean[:, :2].sum(), rtol=0.35)


def test_smoothing_is_tried_in_a_small_pool_of_regular_use_that_is_quick_to_fit() -> None:
    seldom = a_ward(12)
    often = replace(seldom, y=seldom.y + 5.0)
    ask = {name: replace(QUICK, fitted_rows=rows) for name, rows in (("yes", 288), ("no", 287))}
    found = forecast(often, 1, LEVELS, options=ask["yes"])
    assert showable(found, 12, 1)
    assert "AutoETS" in found.backtest
    for panel, options in ((often, ask["no"]), (seldom, ask["yes"])):
        assert "AutoETS" not in forecast(panel, 1, LEVELS, options=options).backtest


@pytest.mark.slow
def test_the_order_of_the_series_does_not_matter_and_the_seed_decides() -> None:
    panel = a_ward(30)
    order = np.random.default_rng(5).permutation(30)
    one = forecast(panel, 2, LEVELS, lead_time=2, seed=4, options=QUICK)
    other = forecast(panel.rows(order), 2, LEVELS, lead_time=2, seed=4, options=QUICK)
    np.testing.assert_array_equal(one.quantiles[order], other.quantiles)
    assert tuple(one.ids[i] for i in order) == other.ids
    third = forecast(panel, 2, LEVELS, lead_time=2, seed=5, options=QUICK)
    assert not np.array_equal(one.quantiles, third.quantiles)


def test_a_lead_time_longer_than_the_horizon_is_answered() -> None:
    made = forecast(a_ward(30), 1, LEVELS, lead_time=4, options=QUICK)
    assert showable(made, 30, 1)
    assert made.lead_mean is not None
    assert made.lead_mean.mean() > 2.0 * made.mean.mean()


@pytest.mark.parametrize("periods", [1, 2, 5, 24])
def test_one_series_is_forecast_from_its_own_past_and_told_so(periods: int) -> None:
    made = forecast(a_ward(1, periods), 4, LEVELS, lead_time=3)
    assert showable(made, 1, 4)
    assert made.method == ("TSB and own past",)
    assert "too few to learn from" in made.why[0]
    assert "small panel" in made.flags[0]


def test_constant_never_used_and_short_histories_are_forecast_and_flagged() -> None:
    panel = a_ward(30)
    panel.y[0], panel.y[1] = 7.0, 0.0
    start = panel.start.copy()
    start[2] = 22
    panel.y[2, :22] = 0.0
    observed = panel.observed.copy()
    observed[3, 12:] = False
    made = forecast(replace(panel, start=start, observed=observed), 2, LEVELS, options=QUICK)
    assert showable(made, 30, 2)
    words = ("constant", "never used", "short history", "no recent record")
    assert all(word in made.flags[i] for i, word in enumerate(words))
    assert made.mean[0] == pytest.approx([7.0, 7.0], rel=0.6)
    assert made.mean[1].max() < made.mean[4:].mean()


def test_one_giant_series_leaves_the_others_alone() -> None:
    panel = a_ward(40)
    giant = replace(panel, y=panel.y.copy())
    giant.y[0] *= 1e9
    one = forecast(panel, 2, LEVELS, options=QUICK)
    other = forecast(giant, 2, LEVELS, options=QUICK)
    assert showable(other, 40, 2)
    assert other.quantiles[1:].max() < 10 * one.quantiles[1:].max()
    assert other.mean[0].min() > 1e7


def test_an_all_zero_panel_is_forecast_as_zero() -> None:
    panel = replace(a_ward(30), y=np.zeros((30, 24)))
    made = forecast(panel, 3, LEVELS, lead_time=3, options=QUICK)
    assert showable(made, 30, 3)
    assert made.quantiles[..., :4].max() < 0.5


def test_questions_that_make_no_sense_are_refused() -> None:
    panel = a_ward(3)
    with pytest.raises(ValueError, match="horizon"):
        forecast(panel, 0, LEVELS)
    with pytest.raises(ValueError, match="lead time"):
        forecast(panel, 1, LEVELS, lead_time=0)
    with pytest.raises(ValueError, match="levels lie"):
        forecast(panel, 1, (0.5, 1.0))
    with pytest.raises(ValueError, match="rise"):
        forecast(panel, 1, (0.9, 0.5))
    with pytest.raises(ValueError, match="begun"):
        forecast(replace(panel, start=np.array([0, 0, 24])), 1, LEVELS)


def test_a_history_without_room_for_a_back_test_says_so() -> None:
    made = forecast(a_ward(40, 14), 2, LEVELS, options=QUICK)
    assert showable(made, 40, 2)
    assert "no room for a back-test" in made.why[0]
    assert made.backtest == {}


@given(periods=st.integers(2, 90), horizon=st.integers(1, 14), lead=st.integers(0, 14))
def test_back_tests_stay_inside_the_history_and_leave_enough_to_learn(
    periods: int, horizon: int, lead: int
) -> None:
    plan = Plan(horizon, lead, 1000, Effort(), 0)
    ahead, cuts = windows(a_ward(2, periods), plan, 1000)
    assert 1 <= ahead <= max(horizon, lead)
    for places in cuts:
        assert places[0] >= LEAST_PERIODS
        assert places[-1] + ahead <= periods
        assert places == sorted(places)


@given(horizon=st.integers(1, 60))
def test_legs_cover_the_horizon_once(horizon: int) -> None:
    covered = [step for a, b in legs(horizon) for step in range(a, b)]
    assert covered == list(range(horizon))
    assert len(legs(horizon)) <= 4
