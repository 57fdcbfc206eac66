"""A tiny problem that passes through every compiled loop, so that all are on disk."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.grid import grid_of, reach
from services.replenishment.adapters.solver.nearby import nearby
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.problem import NO_CAP, Problem, Rows, Storage


def compile_all() -> None:
    """Solves two items under a budget: alone, sharing an allocation, with shelves."""
    days, levels = 6, 2
    use = np.cumsum(np.ones((2, days, levels)), axis=1) * np.array([0.5, 1.5])
    rows = Rows(
        demand=use,
        supply=np.ones((2, days, levels)),
        pack=np.ones(2),
        lead=np.ones(2, dtype=np.int64),
        order_days=np.ones((2, days), dtype=bool),
        minimum=np.ones(2, dtype=np.int64),
        multiple=np.ones(2, dtype=np.int64),
        most=np.full(2, 8),
        price=np.full(2, 5.0),
        break_packs=np.zeros((2, 0), dtype=np.int64),
        break_discount=np.zeros((2, 0)),
        line_cost=np.ones(2),
        holding=np.full(2, 0.2),
        shortage=np.full(2, 4.0),
        site=np.zeros(2, dtype=np.int64),
        group=np.zeros(2, dtype=np.int64),
        cap=np.full(2, NO_CAP),
    )
    problem = Problem(
        rows=rows,
        weights=np.full(levels, 1 / levels),
        order_cost=np.full(1, 3.0),
        weekly_budget=np.full((1, 1), 6.0),
        budget_penalty=0.1,
        caps=np.zeros(0, dtype=np.int64),
    )
    shelves = Storage(
        volume=np.full(2, 0.1),
        place=np.zeros(2, dtype=np.int64),
        capacity=np.full((1, days), 0.3),
        penalty=1.0,
    )
    shared = replace(
        problem,
        rows=replace(rows, cap=np.zeros(2, dtype=np.int64)),
        caps=np.array([6], dtype=np.int64),
    )
    for one in (problem, shared, replace(problem, storage=shelves)):
        solve(one, Effort(rounds=20, gap=-1.0), 1, Watch(time.monotonic))
    grid = grid_of(problem, reach(problem))
    Coupling(problem).apply(grid, np.zeros(Coupling(problem).count))
    nearby(grid, (2, days), np.zeros(len(grid.day)), 4, 1.0)
