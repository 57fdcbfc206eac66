"""On problems where every plan can be tried, the solver's claims are checked against truth."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.grid import reach
from services.replenishment.adapters.solver.solving import Effort, Solution, Watch
from services.replenishment.adapters.solver.topping import topped
from services.replenishment.domain.check import check, cost, fill
from services.replenishment.domain.problem import Problem
from services.replenishment.tests.tiny import PROBLEMS, best_cost, tiny
from shared.errors import Malformed

EFFORT = Effort(rounds=20, gap=0.0)
LAW = settings(
    max_examples=18, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
SLACK = 1e-6


def solved(problem: Problem, seed: int = 1) -> Solution:
    return solve(problem, EFFORT, seed, Watch(time.monotonic))


@LAW
@given(PROBLEMS)
def test_the_bound_is_below_the_best_plan_there_is_and_the_plan_above(problem: Problem) -> None:
    found = solved(problem)
    best = best_cost(problem)
    assert found.progress.bound <= best + SLACK
    assert best <= found.progress.cost + SLACK
    assert check(problem, found.orders) == ()
    assert cost(problem, found.orders).total == found.progress.cost


def test_tiny_plans_equal_the_best_of_all_plans_nearly_always() -> None:
    missed = []
    for seed in range(30):
        problem = tiny(seed, rows=2 + seed % 2, budget=seed % 2 == 0, cap=seed % 3 == 0)
        found, best = solved(problem).progress.cost, best_cost(problem)
        if found > best + SLACK:
            missed.append((found - best) / best)
    assert len(missed) <= 3
    assert max(missed, default=0.0) < 0.02


@LAW
@given(PROBLEMS, st.floats(1.0, 3.0))
def test_a_looser_limit_never_costs_more(problem: Problem, wider: float) -> None:
    loose = replace(
        problem,
        weekly_budget=problem.weekly_budget * wider,
        caps=np.ceil(problem.caps * wider).astype(np.int64),
        rows=replace(problem.rows, most=problem.rows.most + 1),
    )
    tight_plan, loose_plan = solved(problem), solved(loose)
    assert loose_plan.progress.bound <= tight_plan.progress.cost + SLACK
    if loose_plan.progress.gap < SLACK:
        assert loose_plan.progress.cost <= tight_plan.progress.cost * (1 + SLACK) + SLACK


@LAW
@given(PROBLEMS, st.integers(0, 5))
def test_the_same_seed_and_rounds_give_the_same_plan(problem: Problem, seed: int) -> None:
    one, two = solved(problem, seed), solved(problem, seed)
    assert np.array_equal(one.orders, two.orders)
    assert one.progress.bound == two.progress.bound


def test_nothing_to_order_is_a_plan_too() -> None:
    problem = tiny(1)
    rows = replace(problem.rows, order_days=np.zeros_like(problem.rows.order_days))
    found = solved(replace(problem, rows=rows))
    assert not found.orders.any()
    assert found.progress.gap <= SLACK


def unlimited(problem: Problem) -> Problem:
    """The same without a limit on the packs: buying ahead for a discount is allowed."""
    return replace(problem, rows=replace(problem.rows, most=np.full_like(problem.rows.most, 10**9)))


@LAW
@given(st.integers(0, 500))
def test_the_bound_holds_for_plans_beyond_the_tables_too(seed: int) -> None:
    problem = tiny(seed, rows=1, budget=True, breaks=True)
    # Holding costs next to nothing and the budget has room: buying ahead for the discount
    # pays far beyond what the tables hold, and a bound that forgets it lies too high.
    cheap = replace(
        problem,
        rows=replace(problem.rows, holding=problem.rows.holding * 1e-4),
        weekly_budget=np.full((1, 1), 30.0 * float(problem.rows.price[0])),
        budget_penalty=0.5,
    )
    wide = replace(cheap, rows=replace(cheap.rows, most=np.full_like(cheap.rows.most, 24)))
    assert solved(unlimited(cheap)).progress.bound <= best_cost(wide) + SLACK


def test_a_discount_that_nothing_limits_is_refused() -> None:
    problem = tiny(3, breaks=True)
    cheap = replace(problem, rows=replace(problem.rows, holding=problem.rows.holding * 1e-6))
    with pytest.raises(Malformed, match="DISCOUNT_UNLIMITED"):
        solved(unlimited(cheap))


def test_a_shared_cap_is_no_reason_to_price_a_budget() -> None:
    problem = tiny(4, budget=True, cap=True, breaks=True)
    coupling = Coupling(problem)
    allowed = np.minimum(problem.rows.most, problem.caps[0]) // problem.rows.multiple
    limit = np.minimum(reach(problem), allowed)
    assert not coupling.floors(limit, allowed).any()


@pytest.mark.parametrize("order_cost", [0.0, 1e-9])
def test_where_an_order_costs_nothing_the_bound_still_lies_below_the_best_plan(
    order_cost: float,
) -> None:
    for seed in range(10):
        problem = tiny(seed, rows=2)
        problem = replace(problem, order_cost=np.full_like(problem.order_cost, order_cost))
        found = solved(problem)
        best = best_cost(problem)
        assert found.progress.bound <= best + SLACK
        assert best <= found.progress.cost + SLACK


def test_where_goods_spoil_the_plan_is_still_the_best_of_all_plans() -> None:
    spoiled = 0.0
    for seed in range(20):
        problem = tiny(seed, rows=2, spoils=True)
        found = solved(problem)
        assert found.progress.cost == pytest.approx(best_cost(problem), abs=1e-6)
        spoiled += cost(problem, found.orders).spoiled
    assert spoiled > 0, "no plan of the test loses anything: the test would say nothing"


def legal(problem: Problem) -> Problem:
    """The same with a hard store, which holds at least what is there without any order."""
    assert problem.storage is not None
    there = fill(problem, np.zeros((problem.rows.count, problem.days), dtype=np.int64))
    capacity = np.maximum(problem.storage.capacity, there)
    return replace(
        problem, storage=replace(problem.storage, capacity=capacity, hard=np.array([True]))
    )


def test_a_legal_limit_is_never_exceeded_and_the_plan_within_it_is_the_best_there_is() -> None:
    tighter, short = 0, Effort(rounds=4, gap=0.0)
    for seed in range(8):
        soft = tiny(seed, rows=2, storage=True)
        hard = legal(soft)
        found = solve(hard, short, 1, Watch(time.monotonic))
        orders = topped(hard, found.orders, 1, lambda: False)
        best = best_cost(hard)
        assert check(hard, orders) == ()
        assert found.progress.bound <= best + SLACK
        assert best - SLACK <= cost(hard, orders).total <= best * 1.02 + SLACK
        loose = solve(soft, short, 1, Watch(time.monotonic))
        tighter += "ABOVE_ROOM" in check(hard, loose.orders)
    assert tighter, "no soft plan exceeds the limit: the test would say nothing"
