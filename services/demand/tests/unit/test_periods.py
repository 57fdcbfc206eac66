"""Periods are whole numbers: each day lies in exactly one period of a kind."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.periods import Period, number_of, numbers_of, start_of
from services.demand.tests.situations import day_number

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))
PERIODS = st.sampled_from(Period)


@given(DAYS, PERIODS)
def test_a_day_lies_in_its_own_period_and_in_no_other(day: date, period: Period) -> None:
    number = number_of(day, period)
    assert start_of(number, period) <= day < start_of(number + 1, period)


@given(st.lists(DAYS, min_size=1), PERIODS)
def test_many_days_get_the_same_numbers_as_each_alone(days: list[date], period: Period) -> None:
    many = numbers_of(np.array([day_number(day) for day in days]), period)
    assert many.tolist() == [number_of(day, period) for day in days]


@given(DAYS)
def test_a_week_starts_on_monday(day: date) -> None:
    assert start_of(number_of(day, Period.WEEK), Period.WEEK).weekday() == 0


@pytest.mark.parametrize("period", Period)
def test_the_day_before_a_period_starts_is_in_the_period_before(period: Period) -> None:
    number = number_of(date(2026, 3, 15), period)
    assert number_of(start_of(number, period) - timedelta(days=1), period) == number - 1
