"""What a model may know: nothing after its day begins, nothing that a breakdown wrote."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.volume.almanac import almanac
from services.orientation.domain.volume.features import Past, features
from services.orientation.domain.volume.hours import Days, Hours, cut
from services.orientation.domain.volume.season import believable
from services.orientation.tests.volume_world import START, town
from shared.errors import Malformed

DAYS = 120


def walked(days: Days) -> Past:
    past = Past.begin(days, almanac("us"))
    past.walk(days.known)
    return past


@settings(max_examples=15, deadline=None)
@given(day=st.integers(30, DAYS - 1), seed=st.integers(0, 99))
def test_features_of_a_day_do_not_change_with_that_day_or_later_ones(day: int, seed: int) -> None:
    days = cut(town(DAYS).hours, 0)
    other = days.calls.copy()
    other[day:] = np.random.default_rng(seed).poisson(200, other[day:].shape)
    at = np.arange(28, day + 1)
    one, names = features(walked(days), at)
    two, _ = features(walked(Days(days.start, other, days.known)), at)
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    changed = [names[column] for column in np.flatnonzero(~same.all(axis=0))]
    assert changed == []


def test_features_do_change_with_the_day_before() -> None:
    days = cut(town(DAYS).hours, 0)
    other = days.calls.copy()
    other[99] *= 1.5
    at = np.asarray([100])
    one, names = features(walked(days), at)
    two, _ = features(walked(Days(days.start, other, days.known)), at)
    moved = {names[column] for column in np.flatnonzero((one != two).any(axis=0))}
    assert {"same_hour_1", "last_24_hours", "hour_before_1", "log_expected"} <= moved


def test_a_day_asked_for_alone_has_the_features_it_has_among_others() -> None:
    past = walked(cut(town(DAYS).hours, 0))
    together, _ = features(past, np.arange(28, DAYS))
    alone, _ = features(past, np.asarray([90]))
    place = (90 - 28) * 24
    np.testing.assert_array_equal(together[place : place + 24], alone)


def test_a_breakdown_of_the_recording_teaches_nothing_and_a_storm_little() -> None:
    expected = np.asarray([150.0, 150.0, 150.0, 4.0])
    kept = believable(np.asarray([20.0, 868.0, 120.0, 0.0]), expected)
    np.testing.assert_array_equal(kept, [np.nan, 300.0, 120.0, 0.0])


def test_the_hour_that_comes_twice_counts_once_for_the_season() -> None:
    start = np.datetime64("2018-08-01T00", "h")
    hours = Hours(start, np.full(DAYS * 24, 100.0))
    twice = int((np.datetime64("2018-11-04T01", "h") - start).astype(int))
    hours.calls[twice] = 200.0
    past = walked(cut(hours, 0))
    assert past.kept[twice // 24, twice % 24] == pytest.approx(100.0)
    np.testing.assert_allclose(
        past.expected[twice // 24 + 7], past.expected[twice // 24], rtol=0.01
    )


def test_days_end_where_the_history_ends_whatever_the_hour() -> None:
    hours = town(DAYS).hours
    days = cut(Hours(START, hours.calls[: DAYS * 24 - 7]), 1)
    assert days.instants[days.known, 0] == START + np.timedelta64(DAYS * 24 - 7, "h")


@pytest.mark.parametrize("calls", [np.ones(83 * 24), np.full(100 * 24, np.nan), np.zeros(100 * 24)])
def test_a_history_too_short_or_empty_is_refused(calls: np.ndarray) -> None:
    with pytest.raises(Malformed, match="give"):
        cut(Hours(START, calls), 1)
