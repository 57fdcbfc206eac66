"""The bound on shared allocations and the walks among near plans, against the obvious."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from services.replenishment.adapters.solver import grid as tables_of
from services.replenishment.adapters.solver.annealing import Walk, partners
from services.replenishment.adapters.solver.capped import Capped
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.finish import Finish
from services.replenishment.adapters.solver.grid import grid_of, reach
from services.replenishment.adapters.solver.links import Links
from services.replenishment.adapters.solver.nearby import nearby
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.check import check, cost
from services.replenishment.domain.problem import Problem
from services.replenishment.tests.tiny import best_cost, tiny


def capped(seed: int) -> Problem:
    """Two rows that share a cap and nothing else; what a line costs is all that joins days."""
    problem = tiny(seed, cap=True)
    return replace(problem, order_cost=np.zeros_like(problem.order_cost))


def test_rows_that_share_nothing_but_a_cap_are_bounded_by_their_best_plan_and_find_it() -> None:
    lifted = 0
    for seed in range(30):
        problem = capped(seed)
        coupling = Coupling(problem)
        limit = np.minimum(reach(problem), problem.caps[0] // problem.rows.multiple)
        tables = grid_of(problem, limit)
        if not tables.count:
            continue
        free, _ = coupling.fixed(tables)
        for price in (0.0, 0.7):
            coupling.apply(tables, np.array([price]))
            found = Links(problem, tables)
            priced = free + found.restart() - price * problem.caps[0]
            shared = Capped(coupling, tables)
            lift = shared.lift(np.array([price]), found.price)
            assert lift >= 0.0
            best = best_cost(problem)
            assert priced + lift == pytest.approx(best, abs=1e-9)
            nothing = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
            steps = shared.divide(np.array([price]), found.price, nothing)
            orders = steps * problem.rows.multiple[:, None]
            assert check(problem, orders) == ()
            assert cost(problem, orders).total == pytest.approx(best, abs=1e-9)
            lifted += lift > 1e-6
    assert lifted > 5, "the cap was never in the way: nothing was tested"


def test_shelves_that_are_made_when_asked_give_the_plan_and_bound_of_those_that_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = tiny(3, rows=7, budget=True, cap=True, storage=True)
    kept = solve(problem, Effort(rounds=6, gap=-1.0), 1, Watch(time.monotonic))
    monkeypatch.setattr(tables_of, "SHELVES_KEPT", 0)
    monkeypatch.setattr(tables_of, "AT_ONCE", 2)
    made = solve(problem, Effort(rounds=6, gap=-1.0), 1, Watch(time.monotonic))
    assert np.array_equal(kept.orders, made.orders)
    assert (kept.progress.cost, kept.progress.bound) == (made.progress.cost, made.progress.bound)
    assert kept.named.shelf.any(), "no shelf was ever full: nothing was tested"


def mixed(problem: Problem) -> tuple[Coupling, Finish, int]:
    coupling = Coupling(problem)
    grid = grid_of(problem, reach(problem))
    coupling.apply(grid, np.zeros(coupling.count))
    _, fixed_use = coupling.fixed(grid)
    nothing = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
    finish = Finish(coupling, fixed_use, coupling.use_of(grid, nothing))
    for plans in nearby(grid, nothing.shape, np.zeros(len(grid.day)), 12, 50.0):
        finish.remember(plans, coupling.use_of(grid, plans))
    return coupling, finish, int(finish.known.held.sum(axis=1).min())


def test_a_walk_keeps_the_best_mix_it_met_and_says_what_that_costs() -> None:
    better = 0
    for seed in range(24):
        problem = tiny(seed, rows=3, budget=True, cap=True, storage=True)
        _, finish, many = mixed(problem)
        held = finish.known.held.sum(axis=1)
        near = np.tile(np.arange(finish.slots), (3, 1))
        start, before = finish.cost, finish.steps
        finish.anneal(near, held, [Walk(2.0, 0.01, 3000, k) for k in (1, 2)])
        after, steps = finish.cost, finish.steps
        assert many >= 1
        assert after <= start + 1e-9
        orders = [one * problem.rows.multiple[:, None] for one in (before, steps)]
        told = cost(problem, orders[1]).total - cost(problem, orders[0]).total
        # single precision in the mix; a broken cap would cost far more
        assert after - start == pytest.approx(told, abs=1e-4)
        better += after < start - 1e-6
    assert better > 6, "the walks found nothing: nothing was tested"


def test_every_row_finds_those_of_its_cap_and_its_site() -> None:
    problem = tiny(3, rows=3, cap=True)
    rows = replace(
        problem.rows, cap=np.array([0, -1, 0]), site=np.array([0, 1, 1]), group=np.array([0, 1, 1])
    )
    budgets = np.array([[5.0], [5.0]])
    who = partners(Coupling(replace(problem, rows=rows, weekly_budget=budgets)))

    def together(part: int) -> list[int]:
        return sorted(who.rows[who.starts[part] : who.starts[part + 1]].tolist())

    assert who.cap[1] == -1
    assert together(who.cap[0]) == together(who.cap[2]) == [0, 2]
    assert [together(part) for part in who.site] == [[0], [1, 2], [1, 2]]


def test_walks_leave_a_plan_the_same_for_the_same_seed_on_any_clock() -> None:
    problem = tiny(5, rows=3, budget=True, cap=True, storage=True)
    plans = [
        solve(problem, Effort(rounds=30, gap=-1.0), 4, Watch(clock)).orders
        for clock in (time.monotonic, lambda: 1e-3 * time.monotonic())
    ]
    assert np.array_equal(plans[0], plans[1])
