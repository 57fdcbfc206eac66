"""Prices that a later plan starts from: what moves when days have passed."""

from __future__ import annotations

import numpy as np
import pytest

from services.replenishment.domain.prices import Prices


def prices(days: int = 14, weeks: int = 2) -> Prices:
    return Prices(
        budget=np.array([[0.7, 1.4, 0.0][:weeks]]),
        cap=np.array([3.0]),
        shelf=np.arange(days, dtype=float)[None, :],
        share=100.0 + np.arange(days, dtype=float)[None, :],
    )


def test_the_same_day_has_the_same_prices() -> None:
    same = prices().later(0)
    assert np.array_equal(same.shelf, prices().shelf)
    assert np.array_equal(same.budget, prices().budget)


def test_a_day_later_each_day_has_the_price_of_its_date_and_the_last_that_of_its_weekday() -> None:
    later = prices().later(1)
    assert later.shelf[0].tolist() == [*range(1, 14), 7]
    assert later.share[0, -1] == 107.0
    assert later.cap.tolist() == [3.0]


def test_a_week_that_begins_a_day_later_takes_a_seventh_of_the_next_one() -> None:
    later = prices(21, 3).later(1)
    assert later.budget[0] == pytest.approx([0.7 * 6 / 7 + 1.4 / 7, 1.4 * 6 / 7, 0.0])


@pytest.mark.parametrize("days", [7, 9, 30])
def test_many_days_later_every_day_still_has_the_price_of_its_weekday(days: int) -> None:
    weekday = Prices(
        budget=np.ones((1, 2)),
        cap=np.zeros(0),
        shelf=np.tile(np.arange(7.0), 2)[None, :],
        share=np.tile(np.arange(7.0), 2)[None, :],
    )
    later = weekday.later(days).shelf[0]
    assert later.tolist() == [(day + days) % 7 for day in range(14)]


def test_a_horizon_shorter_than_a_week_keeps_its_last_price() -> None:
    short = Prices(np.ones((1, 1)), np.zeros(0), np.arange(3.0)[None, :], np.zeros((1, 3)))
    assert short.later(2).shelf[0].tolist() == [2.0, 0.0, 1.0]
