"""Signals on the grid of a table, and what drivers add to a mean."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.drivers.effect import Contribution
from services.demand.domain.drivers.parts import parts_with
from services.demand.domain.drivers.signals import (
    MOST_GROUPS,
    Reported,
    Signal,
    call_signals,
    reported_signals,
    too_short,
)
from services.demand.domain.panels import days_of
from services.demand.domain.periods import EPOCH, Period, number_of, start_of

UNTIL = date(2026, 1, 5)
SHARES = st.lists(st.floats(-0.8, 3.0), min_size=3, max_size=3)


def calls(days: int, group: str = "cardiac") -> dict[tuple[date, str], int]:
    return {(UNTIL - timedelta(days=k), group): 1 + k % 4 for k in range(1, days + 1)}


def test_a_day_without_any_call_is_unknown_and_not_quiet() -> None:
    heard = calls(10)
    del heard[UNTIL - timedelta(days=4), "cardiac"]
    (signal,) = call_signals(heard, UNTIL)
    assert np.flatnonzero(np.isnan(signal.values)).tolist() == [6]


def test_a_day_with_calls_of_other_groups_is_quiet_and_not_unknown() -> None:
    heard = calls(10) | {(UNTIL - timedelta(days=4), "trauma"): 2}
    trauma = call_signals(heard, UNTIL)[1]
    assert (trauma.name, trauma.values.tolist()) == ("calls trauma", [0.0] * 6 + [2.0] + [0.0] * 3)


def test_calls_of_today_are_not_yet_known() -> None:
    assert call_signals({(UNTIL, "cardiac"): 9}, UNTIL) == ()


def test_only_the_groups_with_the_most_calls_are_tried() -> None:
    heard = {(UNTIL - timedelta(days=1), f"group_{k}"): k + 1 for k in range(10)}
    names = [one.name for one in call_signals(heard, UNTIL)]
    assert names == [f"calls group_{k}" for k in range(10 - MOST_GROUPS, 10)]


def test_a_week_that_was_not_heard_whole_is_unknown() -> None:
    end = number_of(UNTIL, Period.WEEK)
    signal = Signal("calls", (UNTIL - EPOCH).days - 7 * 70 + 2, np.arange(7.0 * 70 - 2), added=True)
    weeks = days_of(end - 80, 80, Period.WEEK)
    made = signal.on(weeks, np.datetime64(start_of(end, Period.WEEK)))
    assert made is not None
    assert np.isnan(made.values[0, :11]).all()
    assert made.values[0, 11] == sum(range(5, 12))


def test_a_signal_known_for_too_short_a_time_is_not_offered() -> None:
    end = number_of(UNTIL, Period.DAY)
    (signal,) = call_signals(calls(59), UNTIL)
    assert signal.on(days_of(end - 100, 100, Period.DAY), np.datetime64(UNTIL)) is None
    (signal,) = call_signals(calls(60), UNTIL)
    assert signal.on(days_of(end - 100, 100, Period.DAY), np.datetime64(UNTIL)) is not None


def test_months_are_offered_signals_that_are_known_for_five_years() -> None:
    end = number_of(UNTIL, Period.MONTH)
    months, now = days_of(end - 80, 80, Period.MONTH), np.datetime64(start_of(end, Period.MONTH))
    (short,) = call_signals(calls(59 * 30), UNTIL)
    assert short.on(months, now) is None
    (long,) = call_signals(calls(61 * 31), UNTIL)
    made = long.on(months, now)
    assert made is not None
    assert np.isfinite(made.values[0]).sum() >= 60


def test_signals_that_are_known_for_too_short_a_time_are_named_with_how_long() -> None:
    heard = call_signals(calls(100), UNTIL)
    assert too_short(heard, {Period.DAY}, UNTIL) == ""
    assert too_short((), set(Period), UNTIL) == ""
    said = too_short(heard, {Period.MONTH, Period.DAY, Period.WEEK}, UNTIL)
    assert "By month: calls cardiac (3). By week: calls cardiac (14)." in said
    assert "day" not in said
    acts = reported_signals(
        [Reported("SOS acts", UNTIL - timedelta(weeks=k), 5.0 + k % 3) for k in range(1, 31)], UNTIL
    )
    assert "SOS acts (30)" in too_short(acts, {Period.WEEK}, UNTIL)


def test_a_value_stands_on_the_day_on_which_it_came_out() -> None:
    end = number_of(UNTIL, Period.DAY)
    told = [Reported("acts", UNTIL - timedelta(days=70), 5.0), Reported("acts", UNTIL, 9.0)]
    told.append(Reported("acts", UNTIL - timedelta(days=3), 7.0))
    (signal,) = reported_signals(told, UNTIL)
    made = signal.on(days_of(end - 90, 90, Period.DAY), np.datetime64(UNTIL))
    assert made is not None
    assert {
        int(k): float(made.values[0, k]) for k in np.flatnonzero(~np.isnan(made.values[0]))
    } == {
        20: 5.0,
        87: 7.0,
    }


@given(first=SHARES, second=SHARES, season=SHARES)
def test_what_drivers_add_and_what_is_left_make_up_the_mean(
    first: list[float], second: list[float], season: list[float]
) -> None:
    after, before = np.array([10.0, 20.0, 0.5]), np.array([8.0, 25.0, 0.5])
    told = [Contribution(n, 1, 0.1, np.array(s), n) for n, s in (("a", first), ("b", second))]
    parts = parts_with({"season": np.array(season), "level": before - season}, before, after, told)
    assert np.sum(list(parts.values()), axis=0) == pytest.approx(after)


def test_a_driver_alone_adds_what_would_not_be_there_without_it() -> None:
    told = [Contribution("acts", 1, 0.1, np.array([0.25, 0.0]), "")]
    parts = parts_with({}, np.array([4.0, 4.0]), np.array([5.0, 5.0]), told)
    assert parts["acts"].tolist() == pytest.approx([1.0, 0.0])
