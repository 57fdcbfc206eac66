"""Forecasts moved on by what was used: no learning, no surprise without a cause."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.forecasts import Driver, LeadSum
from services.demand.domain.moving import LEAST, MOST, moved, ratio_of
from services.demand.domain.quantiles import LEVELS
from services.demand.tests.situations import a_forecast

LEAD = LeadSum(2, 18.0, tuple(float(n) for n in range(len(LEVELS))))


def test_what_came_as_foreseen_changes_nothing_but_the_first_period() -> None:
    before = a_forecast(lead=LEAD)
    after = moved(before, 1, before.periods[0].mean, "run-2")
    assert after is not None
    assert after.periods == before.periods[1:]
    assert after.run_id == "run-2"


def test_more_than_foreseen_raises_the_rest_and_the_reason_says_so() -> None:
    before = a_forecast(lead=LEAD)
    after = moved(before, 1, 5 * before.periods[0].mean, "run-2")
    assert after is not None
    assert after.periods[0].mean > before.periods[1].mean
    assert "used where" in after.method_reason
    assert after.lead is not None
    assert after.lead.mean > LEAD.mean


def test_whole_quantiles_stay_whole_and_in_order() -> None:
    after = moved(a_forecast(), 1, 50.0, "run-2")
    assert after is not None
    for period in after.periods:
        assert all(q == round(q) for q in period.quantiles)
        assert list(period.quantiles) == sorted(period.quantiles)


def test_parts_move_with_the_mean() -> None:
    parts = (Driver("level", "Level.", (8.5, 9.5, 10.5)),)
    after = moved(a_forecast(drivers=parts), 1, 20.0, "run-2")
    assert after is not None
    assert after.drivers[0].amounts == pytest.approx([period.mean for period in after.periods])


def test_a_sum_over_more_periods_than_are_left_is_not_told() -> None:
    after = moved(a_forecast(lead=replace(LEAD, periods=3)), 1, 8.0, "run-2")
    assert after is not None
    assert after.lead is None


def test_nothing_is_left_when_every_period_has_passed() -> None:
    assert moved(a_forecast(), 3, 30.0, "run-2") is None


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 400))
def test_no_surprise_moves_a_forecast_further_than_the_bounds(
    expected: float, actual: float, passed: int
) -> None:
    assert LEAST <= ratio_of(expected, actual, passed) <= MOST


@given(st.floats(1, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 100))
def test_more_use_never_lowers_a_forecast(
    expected: float, less: float, more: float, passed: int
) -> None:
    less, more = sorted((less, more))
    assert ratio_of(expected, less, passed) <= ratio_of(expected, more, passed)
