"""The rolling forecast: each day from what precedes it, to its very end."""

from __future__ import annotations

import numpy as np
import pytest

from services.orientation.domain.volume.almanac import almanac
from services.orientation.domain.volume.hours import Hours
from services.orientation.tests.volume_world import NothingLearnt, town
from services.orientation.use_cases.volume import ForecastVolume
from shared.errors import Malformed

ROLL = ForecastVolume(NothingLearnt(), almanac("us"))


def test_rolling_never_sees_the_day_that_it_forecasts() -> None:
    history, actuals = town(140).split(10)
    first = ROLL.rolled(history, actuals)
    other = Hours(actuals.start, actuals.calls.copy())
    other.calls[5 * 24 :] = 500.0
    second = ROLL.rolled(history, other)
    np.testing.assert_array_equal(first.mean[: 6 * 24], second.mean[: 6 * 24])
    np.testing.assert_array_equal(first.levels[: 6 * 24], second.levels[: 6 * 24])
    assert (first.mean[6 * 24 :] != second.mean[6 * 24 :]).all()


def test_a_part_day_at_the_end_is_forecast_hour_by_hour() -> None:
    history, actuals = town(140).split(3)
    found = ROLL.rolled(history, Hours(actuals.start, actuals.calls[:53]))
    assert found.mean.shape == (53,)
    assert found.instants[-1] == actuals.instants[52]


def test_a_week_ahead_begins_with_the_day_ahead_and_only_grows_less_sure() -> None:
    hours = town(140).hours
    day, week = ROLL.ahead(hours, 24), ROLL.ahead(hours, 168)
    np.testing.assert_array_equal(day.mean, week.mean[:24])
    assert week.mean.shape == (168,)
    width = (week.levels[:, 2] - week.levels[:, 0]) / np.sqrt(week.mean)
    assert width[-24:].mean() >= width[:24].mean() * 0.98


def test_the_skipped_hour_is_forecast_at_zero_and_the_double_one_twice() -> None:
    calls = np.full(24 * 200, 100.0)
    spring = Hours(np.datetime64("2017-12-01T00", "h"), calls[: 24 * 100])  # ends 2018-03-11
    found = ROLL.ahead(spring, 24)
    assert (found.mean[2], *found.levels[2]) == (0, 0, 0, 0)
    autumn = Hours(np.datetime64("2018-07-27T00", "h"), calls[: 24 * 100])  # ends 2018-11-04
    found = ROLL.ahead(autumn, 24)
    assert found.mean[1] == pytest.approx(2 * found.mean[0], rel=0.02)


def test_actuals_that_leave_a_gap_after_the_history_are_refused() -> None:
    history, actuals = town(140).split(10)
    late = Hours(actuals.start + np.timedelta64(1, "h"), actuals.calls)
    with pytest.raises(Malformed, match="give actuals that begin at"):
        ROLL.rolled(history, late)


@pytest.mark.parametrize("horizon", [0, -24])
def test_a_horizon_that_is_not_positive_is_refused(horizon: int) -> None:
    with pytest.raises(Malformed, match="above 0"):
        ROLL.ahead(town(100).hours, horizon)
