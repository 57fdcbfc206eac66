"""Histories on a grid: gaps are zeros, order and repeats do not matter."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.periods import Period, number_of
from services.demand.domain.series import first_forecast, history_end, on_grid, starts

Pairs = list[tuple[int, float]]
PAIRS = st.lists(st.tuples(st.integers(600, 660), st.floats(-50, 1000)), min_size=1)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_in_which_movements_come_does_not_matter(pairs: Pairs, random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    for one, other in zip(_grid(pairs), _grid(shuffled), strict=True):
        assert np.array_equal(one, other)


def _grid(pairs: Pairs) -> tuple[Any, ...]:
    numbers = np.array([number for number, _ in pairs])
    return on_grid(numbers, np.array([amount for _, amount in pairs]), 670)


@given(PAIRS)
def test_a_history_is_never_negative_and_reaches_to_its_end(pairs: Pairs) -> None:
    first, values, _ = _grid(pairs)
    assert first == min(number for number, _ in pairs)
    assert len(values) == 670 - first
    assert (values >= 0).all()


def test_a_period_without_movement_counts_as_zero() -> None:
    first, values, negative = on_grid(np.array([600, 602, 602]), np.array([1.0, 2.0, 3.0]), 604)
    assert (first, values.tolist(), negative) == (600, [1, 0, 5, 0], 0)


def test_a_period_with_more_returned_than_used_is_zero_and_is_counted() -> None:
    _, values, negative = on_grid(np.array([600, 601]), np.array([1.0, -4.0]), 602)
    assert (values.tolist(), negative) == ([1, 0], 1)


def test_what_lies_after_the_end_is_left_out() -> None:
    _, values, _ = on_grid(np.array([600, 601]), np.array([1.0, 9.0]), 601)
    assert values.tolist() == [1]


def test_nothing_before_the_end_is_no_history() -> None:
    _, values, _ = on_grid(np.array([601]), np.array([9.0]), 601)
    assert len(values) == 0


def test_the_period_that_still_runs_is_forecast_not_learnt() -> None:
    monday = date(2026, 1, 5)
    assert first_forecast(monday, Period.MONTH) == number_of(date(2026, 1, 1), Period.MONTH)
    assert history_end(monday, monday, Period.MONTH) == first_forecast(monday, Period.MONTH)


@pytest.mark.parametrize(("newest", "silent"), [((2025, 12, 28), 0), ((2025, 10, 3), 2)])
def test_silence_after_a_sites_last_report_is_not_zero_use(
    newest: tuple[int, int, int], silent: int
) -> None:
    end = history_end(date(2026, 1, 5), date(*newest), Period.MONTH)
    assert first_forecast(date(2026, 1, 5), Period.MONTH) - end == silent


def test_forecast_days_are_the_first_days_of_their_periods() -> None:
    first = number_of(date(2025, 12, 1), Period.MONTH)
    assert starts(first, 2, Period.MONTH) == [date(2025, 12, 1), date(2026, 1, 1)]
