"""Repair of histories: laws, and stock-outs of known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demand.domain.repair import days_in, filled, out_of_stock, repair
from services.demand.domain.stockouts import simulate
from services.demand.tests.frames import months, seasonal_counts, table_of


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_repair_never_lowers_what_was_recorded_and_never_gives_less_than_nothing(seed: int) -> None:
    touched = simulate(table_of(seasonal_counts(6, 40, seed)), seed).table
    repaired = repair(touched).table.values
    assert np.isfinite(repaired).all()
    assert (repaired >= touched.recorded - 1e-9).all()


def test_a_history_without_stock_outs_is_left_as_it_is() -> None:
    table = table_of(seasonal_counts(4, 36, 1), columns={"stockout_days": np.zeros((4, 36))})
    assert np.array_equal(repair(table).table.values, table.values)


def test_half_a_month_out_doubles_a_steady_use() -> None:
    values = np.full((1, 24), 60.0)
    values[0, 5] = 30.0
    out = np.zeros((1, 24))
    out[0, 5] = 15.0  # June 2020 has 30 days
    repaired = repair(table_of(values, columns={"stockout_days": out}))
    assert repaired.table.values[0, 5] == pytest.approx(60.0)
    assert not repaired.censored[0, 5]


def test_a_month_wholly_out_is_filled_with_the_season_and_marked() -> None:
    truth = 100 + 50 * np.sin(2 * np.pi * np.arange(60) / 12)
    values = np.tile(truth, (3, 1))
    values[0, 40] = 0.0
    out = np.zeros(values.shape)
    out[0, 40] = 31
    repaired = repair(table_of(values, columns={"stockout_days": out}))
    assert repaired.censored[0, 40]
    assert repaired.table.values[0, 40] == pytest.approx(truth[40], rel=0.1)


def test_a_shelf_that_was_empty_all_month_is_out_of_stock_and_a_full_one_is_not() -> None:
    values = np.array([[5.0, 0.0, 0.0, 4.0]])
    columns = {
        "stock_initial": np.array([[5.0, 0.0, 8.0, 8.0]]),
        "stock_received": np.zeros((1, 4)),
        "stock_end": np.array([[0.0, 0.0, 8.0, 4.0]]),
    }
    share = out_of_stock(table_of(values, columns=columns))
    assert share.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_a_month_without_a_row_between_empty_shelves_is_out_of_stock() -> None:
    values = np.array([[5.0, 0.0, 4.0, 0.0, 3.0]])
    hole = np.nan
    columns = {
        "stock_initial": np.array([[5.0, hole, 0.0, hole, 9.0]]),
        "stock_received": np.array([[0.0, hole, 13.0, hole, 0.0]]),
        "stock_end": np.array([[0.0, hole, 9.0, hole, 6.0]]),
    }
    table = table_of(values, columns=columns)
    table = replace(table, observed=np.array([[True, False, True, False, True]]))
    assert out_of_stock(table).tolist() == [[0.0, 1.0, 0.0, 0.0, 0.0]]


def test_filling_leaves_known_periods_alone_and_gives_nothing_to_a_series_never_known() -> None:
    values = seasonal_counts(3, 30, 2)
    known = np.ones(values.shape, dtype=bool)
    known[0, 4:8] = False
    known[1] = False
    made = filled(values, known, np.ones(values.shape, dtype=bool), 12)
    assert np.array_equal(made[known], values[known])
    assert (made[1] == 0).all()
    assert made[0, 4:8].mean() == pytest.approx(values[0].mean(), rel=0.5)


def test_simulated_stock_outs_touch_and_lose_what_they_say() -> None:
    table = table_of(seasonal_counts(200, 60, 3))
    touched = simulate(table, 7)
    assert touched.touched_share == pytest.approx(0.075, abs=0.01)
    assert touched.lost_share == pytest.approx(0.048, abs=0.006)
    assert (touched.table.recorded <= table.recorded).all()
    assert np.array_equal(simulate(table, 7).table.recorded, touched.table.recorded)


def test_repair_brings_back_most_of_what_simulated_stock_outs_took() -> None:
    table = table_of(seasonal_counts(200, 60, 4))
    touched = simulate(table, 7).table
    repaired = repair(touched).table.values
    lost = np.abs(touched.recorded - table.recorded).sum()
    left = np.abs(repaired - table.recorded).sum()
    assert left < 0.3 * lost
    assert repaired.sum() == pytest.approx(table.recorded.sum(), rel=0.003)


def test_months_have_their_days_the_last_one_too() -> None:
    assert days_in(months(3, "2024-01-01").to_numpy()).tolist() == [31, 29, 31]
