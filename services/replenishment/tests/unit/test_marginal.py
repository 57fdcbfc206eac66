"""The difference that one line makes, against the cost of the whole plan worked out anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.replenishment.domain.check import cost, own_costs
from services.replenishment.domain.marginal import difference, pack_worth, savings
from services.replenishment.domain.problem import Ints, Problem
from services.replenishment.tests.tiny import PROBLEMS


def some_plan(problem: Problem, seed: int) -> Ints:
    draw = np.random.default_rng(seed)
    packs = draw.integers(0, 4, (problem.rows.count, problem.days))
    return np.where(problem.rows.order_days, packs, 0)


@settings(max_examples=100, deadline=None)
@given(PROBLEMS, st.integers(0, 1000))
def test_what_a_line_saves_is_the_cost_without_it_less_the_cost_with_it(
    problem: Problem, seed: int
) -> None:
    orders = some_plan(problem, seed)
    whole, saved = cost(problem, orders).total, savings(problem, orders)
    assert (saved[orders == 0] == 0).all()
    for row, day in zip(*np.nonzero(orders), strict=True):
        without = orders.copy()
        without[row, day] = 0
        assert saved[row, day] == pytest.approx(cost(problem, without).total - whole, abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(PROBLEMS, st.integers(0, 1000), st.integers(0, 1000))
def test_any_change_of_one_row_changes_the_cost_by_its_difference(
    problem: Problem, seed: int, other_seed: int
) -> None:
    orders, other = some_plan(problem, seed), some_plan(problem, other_seed)
    rows = np.arange(problem.rows.count)
    found = difference(problem, orders, rows, other)
    for row in rows:
        changed = orders.copy()
        changed[row] = other[row]
        true = cost(problem, changed).total - cost(problem, orders).total
        assert found[row] == pytest.approx(true, abs=1e-7)


@settings(max_examples=50, deadline=None)
@given(PROBLEMS, st.integers(0, 1000))
def test_what_rows_cost_on_their_own_and_what_they_share_is_the_whole(
    problem: Problem, seed: int
) -> None:
    orders = some_plan(problem, seed)
    told = cost(problem, orders)
    shared = told.orders + told.over_budget + told.over_storage
    assert own_costs(problem, orders).sum() + shared == pytest.approx(told.total)


@settings(max_examples=50, deadline=None)
@given(PROBLEMS, st.integers(0, 1000))
def test_a_pack_more_is_worth_what_the_best_addition_saves(problem: Problem, seed: int) -> None:
    orders, rows = some_plan(problem, seed), problem.rows
    step = int(rows.multiple[0])
    least = -(-int(rows.minimum[0]) // step) * step
    best = 0.0
    for day in np.flatnonzero(rows.order_days[0]):
        more = orders.copy()
        added = step if orders[0, day] else least
        more[0, day] += added
        best = max(best, (cost(problem, orders).total - cost(problem, more).total) / added)
    assert pack_worth(problem, orders, 0) == pytest.approx(best, abs=1e-7)
