"""From a forecast to cumulative demand by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.demand import (
    Forecast,
    ForecastPeriod,
    Period,
    Spread,
    check_forecast,
    covers,
    spread,
)
from services.replenishment.tests.situations import LEVELS, MONDAY, monthly, tablets
from shared.errors import Malformed

EVEN = Spread((1.0,) * 7, 0.0)
FEBRUARY = date(2026, 2, 1)  # 28 days from a Sunday on

FORECASTS = st.builds(
    lambda mean, width, first: monthly(tablets(), mean, width, first=first),
    st.floats(0, 1e6),
    st.floats(0, 3),
    st.sampled_from([date(2025, 12, 1), date(2026, 1, 1)]),
)
SPREADS = st.builds(
    lambda weights, correlation: Spread(tuple(weights), correlation),
    st.lists(st.floats(0.1, 5), min_size=7, max_size=7),
    st.floats(0, 1),
)


@given(FORECASTS, SPREADS, st.integers(1, 60))
def test_paths_never_fall_never_cross_and_are_never_negative(
    forecast: Forecast, how: Spread, days: int
) -> None:
    found = spread(forecast, MONDAY, days, how)
    assert (found.paths >= 0).all()
    assert (np.diff(found.paths, axis=0) >= 0).all()
    assert (np.diff(found.paths, axis=1) >= 0).all()


@given(FORECASTS, SPREADS)
def test_a_whole_period_holds_its_whole_mean_and_quantiles(forecast: Forecast, how: Spread) -> None:
    found = spread(forecast, FEBRUARY, 28, how)
    period = forecast.periods[[p.start for p in forecast.periods].index(FEBRUARY)]
    assert found.mean[-1] == pytest.approx(period.mean)
    assert found.paths[-1] == pytest.approx(period.quantiles, abs=1e-6 * (1 + period.mean))


def test_the_spread_inside_a_period_grows_like_the_square_root() -> None:
    forecast = monthly(tablets(), 2800.0, 0.1)
    found = spread(forecast, FEBRUARY, 28, EVEN)
    above = found.at(np.array([0.9]))[:, 0] - found.mean
    assert above[6] / above[27] == pytest.approx(np.sqrt(7 / 28))
    assert found.mean[6] / found.mean[27] == pytest.approx(7 / 28)


def test_independent_periods_add_variances_and_alike_ones_add_deviations() -> None:
    forecast = monthly(tablets(), 100.0, 0.1)
    days = 28 + 31
    month = 0.1 * 100 * 1.282
    apart = spread(forecast, FEBRUARY, days, EVEN)
    alike = spread(forecast, FEBRUARY, days, replace(EVEN, correlation=1.0))
    level = np.array([0.9])
    assert apart.at(level)[-1, 0] - 200 == pytest.approx(month * np.sqrt(2))
    assert alike.at(level)[-1, 0] - 200 == pytest.approx(month * 2)


def test_weekdays_take_their_share() -> None:
    forecast = monthly(tablets(), 280.0)
    found = spread(forecast, FEBRUARY, 28, Spread((2, 1, 1, 1, 1, 0.5, 0.5), 0.0))
    daily = np.diff(found.mean, prepend=0.0)
    assert daily[1] / daily[0] == pytest.approx(4), "a Monday against the Sunday before"
    assert daily.sum() == pytest.approx(280)


def test_levels_between_known_ones_are_interpolated_and_outside_held() -> None:
    found = spread(monthly(tablets(), 300.0), MONDAY, 10, EVEN)
    half = (found.paths[-1, 4] + found.paths[-1, 5]) / 2
    assert found.at(np.array([0.625]))[-1, 0] == pytest.approx(half)
    assert found.at(np.array([0.9999]))[-1, 0] == found.paths[-1, -1]
    assert found.at(np.array([0.0001]))[-1, 0] == found.paths[-1, 0]
    assert np.allclose(found.at(np.array(LEVELS)), found.paths)


def test_days_and_weeks_are_read_too() -> None:
    days = tuple(
        ForecastPeriod(MONDAY + timedelta(days=k), 10.0 + k, (9.0, 11.0)) for k in range(14)
    )
    daily = replace(monthly(tablets(), 1.0), period=Period.DAY, levels=(0.1, 0.9), periods=days)
    assert spread(daily, MONDAY, 3, EVEN).mean.tolist() == [10, 21, 33]
    weekly = replace(daily, period=Period.WEEK, periods=days[:1])
    assert spread(weekly, MONDAY, 7, EVEN).mean[-1] == pytest.approx(10)


def test_a_forecast_must_cover_every_day_without_a_gap() -> None:
    forecast = monthly(tablets(), 300.0, months=2)
    assert covers(forecast, MONDAY, 28)
    assert covers(forecast, MONDAY, 55)
    assert not covers(forecast, MONDAY, 56)
    assert not covers(forecast, date(2025, 12, 31), 2)
    gap = replace(monthly(tablets(), 300.0), periods=monthly(tablets(), 300.0).periods[::2])
    assert not covers(gap, MONDAY, 28)


@pytest.mark.parametrize(
    "change",
    [
        {"levels": ()},
        {"levels": LEVELS[::-1]},
        {"levels": (*LEVELS[:-1], 1.0)},
        {"periods": ()},
        {"periods": (ForecastPeriod(MONDAY, 1.0, (1.0,)),)},
        {"periods": (ForecastPeriod(MONDAY, -1.0, (1.0,) * len(LEVELS)),)},
        {"periods": (ForecastPeriod(MONDAY, float("nan"), (1.0,) * len(LEVELS)),)},
        {"periods": (ForecastPeriod(MONDAY, 1.0, (-1.0,) * len(LEVELS)),)},
    ],
)
def test_a_forecast_that_no_path_can_be_made_of_is_refused(change: dict[str, object]) -> None:
    forecast = replace(monthly(tablets(), 300.0), **change)  # type: ignore[arg-type]  # named above
    with pytest.raises(Malformed, match="FORECAST_MALFORMED"):
        check_forecast(forecast)
