"""Problems so small that every plan can be tried."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from services.replenishment.domain.check import check, cost
from services.replenishment.domain.problem import (
    NO_BREAK,
    NO_CAP,
    Ints,
    Problem,
    Rows,
    Spoilage,
    Storage,
)

DAYS = 6


def tiny(
    seed: int,
    *,
    rows: int = 2,
    budget: bool = False,
    cap: bool = False,
    breaks: bool = False,
    storage: bool = False,
    spoils: bool = False,
    late: bool = False,
) -> Problem:
    """A few item-sites of one supplier over six days, drawn with `seed`."""
    draw = np.random.default_rng(seed)
    scenarios = 3
    daily = draw.gamma(1.0, 1.0, (rows, DAYS, scenarios)) * draw.uniform(0.1, 0.6)
    flags = np.zeros((rows, DAYS), dtype=bool)
    for row in range(rows):
        flags[row, draw.choice(4, size=2, replace=False)] = True
    pack = draw.choice([0.5, 1.0, 2.5], rows)
    price = draw.uniform(1, 40, rows)
    spent = float((price * 2).sum())
    demand = np.cumsum(daily, axis=1) * pack[:, None, None]
    return Problem(
        rows=Rows(
            demand=demand,
            supply=np.repeat(draw.uniform(0, 1.5, (rows, 1, 1)), DAYS, axis=1).repeat(
                scenarios, axis=2
            )
            * pack[:, None, None],
            pack=pack,
            lead=draw.integers(0, 3, rows),
            order_days=flags,
            minimum=draw.integers(1, 3, rows),
            multiple=draw.integers(1, 3, rows),
            most=np.full(rows, 4),
            price=price,
            break_packs=np.full((rows, 1), 3 if breaks else NO_BREAK),
            break_discount=np.full((rows, 1), 0.02 if breaks else 0.0),
            line_cost=draw.uniform(0, 1, rows),
            holding=draw.uniform(0.01, 0.3, rows),
            shortage=draw.uniform(0.5, 6, rows),
            site=np.zeros(rows, dtype=np.int64),
            group=draw.integers(0, 2, rows),
            cap=np.zeros(rows, dtype=np.int64) if cap else np.full(rows, NO_CAP),
            lead_days=np.tile(np.arange(3), (rows, 1)) if late else None,
            lead_chance=np.random.default_rng(seed).dirichlet(np.ones(3), rows) if late else None,
            moved=np.random.default_rng(seed).uniform(-0.5, 0.5, (rows, DAYS, 3)) if late else None,
        ),
        weights=np.full(scenarios, 1 / scenarios),
        order_cost=draw.uniform(0, 4, 2),
        weekly_budget=np.full((1, 1), draw.uniform(0, spent) if budget else np.inf),
        budget_penalty=float(draw.uniform(0.05, 0.5)),
        caps=np.array([int(draw.integers(0, 6))] if cap else [], dtype=np.int64),
        storage=Storage(
            volume=draw.uniform(0.1, 1, rows),
            place=np.zeros(rows, dtype=np.int64),
            capacity=np.full((1, DAYS), draw.uniform(0, 1)),
            penalty=0.5,
        )
        if storage
        else None,
        spoilage=Spoilage(
            have=draw.uniform(0, 1, rows) * pack,
            use=np.minimum(demand * 1.3, demand[:, -1:] * draw.uniform(0.3, 1.2)),
            worth=draw.uniform(0.2, 4, rows) / pack,
        )
        if spoils
        else None,
    )


PROBLEMS = st.builds(
    tiny,
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 2),
    budget=st.booleans(),
    cap=st.booleans(),
    breaks=st.booleans(),
    storage=st.booleans(),
    spoils=st.booleans(),
    late=st.booleans(),
)


def every_plan(problem: Problem) -> Iterator[Ints]:
    """Every plan that the hard limits allow."""
    rows = problem.rows
    choices = []
    for row in range(rows.count):
        days = np.flatnonzero(rows.order_days[row])
        sizes = range(int(rows.most[row]) + 1)
        mine = []
        for packs in itertools.product(sizes, repeat=len(days)):
            plan = np.zeros(problem.days, dtype=np.int64)
            plan[days] = packs
            mine.append(plan)
        alone = _alone(problem, row)
        choices.append([plan for plan in mine if not check(alone, plan[None, :])])
    for plans in itertools.product(*choices):
        orders = np.array(plans)
        if not check(problem, orders):
            yield orders


def _alone(problem: Problem, row: int) -> Problem:
    rows = problem.rows
    picked = {name: getattr(rows, name) for name in Rows.__slots__}
    picked = {name: None if part is None else part[row : row + 1] for name, part in picked.items()}
    return replace(problem, rows=Rows(**picked), storage=None, spoilage=None)


def best_cost(problem: Problem) -> float:
    return min(cost(problem, orders).total for orders in every_plan(problem))
