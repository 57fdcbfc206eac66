"""Clocks run as told, and refusals cross process borders whole."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.clock import FixedClock, ShiftedClock, SystemClock, clock_from, today
from shared.errors import Malformed, Missing, NotInThisVersion, Refusal

MONDAY = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)


def test_a_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(MONDAY)
    assert clock.now() == clock.now() == MONDAY
    clock.advance(timedelta(hours=1))
    assert clock.now() == MONDAY + timedelta(hours=1)


def test_a_shifted_clock_starts_where_it_is_told_and_runs_on() -> None:
    clock = ShiftedClock(MONDAY)
    first = clock.now()
    assert timedelta(0) <= first - MONDAY < timedelta(seconds=5)
    assert clock.now() >= first


def test_the_day_is_that_of_the_hospital_not_of_utc() -> None:
    assert today(FixedClock(MONDAY)) == date(2026, 1, 6)


def test_without_a_start_the_machine_s_clock_is_used() -> None:
    assert isinstance(clock_from(None), SystemClock)
    assert isinstance(clock_from(MONDAY), ShiftedClock)


@pytest.mark.parametrize(
    "refusal",
    [
        Malformed("BAD", "It is bad.", field="a.b", item_id="X", row=3),
        Missing("ITEM_UNKNOWN", "Put it first.", item_id="X"),
        NotInThisVersion("Not yet."),
    ],
)
def test_a_refusal_survives_the_way_back_from_a_worker(refusal: Refusal) -> None:
    back = pickle.loads(pickle.dumps(refusal))  # noqa: S301  # our own bytes
    assert type(back) is type(refusal)
    assert (back.reason, back.message, back.field, back.facts) == (
        refusal.reason,
        refusal.message,
        refusal.field,
        refusal.facts,
    )
