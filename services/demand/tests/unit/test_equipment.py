"""Equipment in use at once: peaks against the obvious count, and movements that do not add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.equipment import (
    DAY,
    NOT_RETURNED_DAYS,
    OPEN,
    Uses,
    at_the_limit,
    peaks,
    uses_of,
)

HOUR = 3_600


def uses(*intervals: tuple[int, int]) -> Uses:
    starts, ends = zip(*intervals, strict=True) if intervals else ((), ())
    return Uses(np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))


intervals = st.lists(
    st.tuples(st.integers(-30, 130), st.integers(0, 60)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=25,
)


@given(intervals)
def test_the_peak_is_the_most_that_counting_hour_by_hour_finds(
    spans: list[tuple[int, int]],
) -> None:
    made = peaks(uses(*((a * HOUR, b * HOUR) for a, b in spans)), 0, 4)
    counted = [
        max(sum(a <= hour < b for a, b in spans) for hour in range(24 * day, 24 * day + 24))
        for day in range(4)
    ]
    assert made.tolist() == counted


def test_a_unit_handed_on_at_once_counts_once_and_an_open_use_goes_on() -> None:
    handed_on = uses((0, 5 * HOUR), (5 * HOUR, 9 * HOUR), (2 * DAY, OPEN))
    assert peaks(handed_on, 0, 4).tolist() == [1, 0, 1, 1]


def test_hand_outs_and_returns_become_uses_whatever_the_order_of_rows() -> None:
    rows = [("a", 1, True), ("b", 2, True), ("a", 4, False), ("b", 9, False), ("a", 10, True)]
    for order in (rows, rows[::-1]):
        units, times, out = zip(*order, strict=True)
        made, found = uses_of("pumps", units, np.array(times) * HOUR, np.array(out), 0)
        spans = sorted(zip(made.starts // HOUR, made.ends, strict=True))
        assert spans == [(1, 4 * HOUR), (2, 9 * HOUR), (10, OPEN)]
        assert not found


@pytest.mark.parametrize(
    ("rows", "code", "peak"),
    [
        ([("a", 30, False)], "OUT_BEFORE_HISTORY", [1, 1]),
        ([("a", 1, True), ("a", 26, True), ("a", 27, False)], "RETURN_MISSING", [1, 1]),
        ([("a", 1, True), ("b", 24 * (NOT_RETURNED_DAYS + 2), True)], "NEVER_RETURNED", [0, 0]),
    ],
)
def test_movements_that_do_not_add_up_are_told_and_bridged(
    rows: list[tuple[str, int, bool]], code: str, peak: list[int]
) -> None:
    units, times, out = zip(*rows, strict=True)
    made, found = uses_of("pumps", units, np.array(times) * HOUR, np.array(out), 0)
    assert [one.code for one in found] == [code]
    assert found[0].series_id == "pumps"
    assert peaks(made, 0, 2).tolist() == peak


def test_days_with_every_unit_out_are_counted() -> None:
    assert at_the_limit(np.array([3.0, 5.0, 5.0]), 5) == 2
    assert at_the_limit(np.array([3.0, 5.0]), 0) == 0
