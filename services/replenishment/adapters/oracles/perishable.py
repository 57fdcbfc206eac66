"""Goods that expire: re-planning over demand scenarios against the exact optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.oracles.shelf import (
    base_stock,
    encode,
    look_ahead,
    one_day,
    sweep,
    up_to,
)
from services.replenishment.domain.problem import Floats, Ints

SEED = 1
PATHS, BEYOND = 600, 3  # scenarios of a plan; days that it looks past life and lead time
LONG = 20_000  # days over which levels to order up to are compared
TAIL = 1e-9  # probability of demand that is left out
MOST_STATES = 2_000_000  # problems with more are not solved exactly here
PLAYS, PLAYED_DAYS = 40, 400  # in which the states that matter are met
MOST_PLANNED = 6_000  # states that are planned; in the rarer ones one orders up to a level
EVALUATIONS = 30  # sweeps of evaluation between two improvements
EXACT = 1e-7  # relative


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """One perishable problem. way: most a day, life, oldest first, entries of a state."""

    way: Ints
    terms: Floats  # EUR: order, short, waste, hold, sold; then the discount
    chances: Floats  # of each demand

    @property
    def states(self) -> int:
        return int((self.way[0] + 1) ** self.way[3])


@dataclass(frozen=True, slots=True)
class Answer:
    """Cost from an empty shelf (discounted), or a day's reward (not discounted)."""

    ours: float
    optimum: float
    ratio: float


def shelf_of(kind: str, p: Mapping[str, Any]) -> Shelf | None:
    """The problem of a published scenario's parameters; None for other kinds."""
    if kind == "de_moor_perishable":
        shape = 1.0 / p["demand_gamma_cov"] ** 2
        scale = p["demand_gamma_mean"] / shape
        top = int(stats.gamma.isf(TAIL, shape, scale=scale)) + 2
        edges = np.append(0.0, np.arange(top) + 0.5)
        chances = np.diff(stats.gamma.cdf(edges, shape, scale=scale))
        oldest_first = p["issue_policy"] == "fifo"
        size = p["max_useful_life"] + p["lead_time"] - 1
        terms = [p[f"{name}_cost"] for name in ("variable_order", "shortage", "wastage", "holding")]
        terms += [0.0, p["gamma"]]
    elif kind == "hendrix_perishable_one_product":
        mean = p["demand_poisson_mean"]
        chances = stats.poisson.pmf(np.arange(int(stats.poisson.isf(TAIL, mean)) + 2), mean)
        oldest_first, size = True, p["max_useful_life"]
        terms = [p["variable_order_cost"], 0.0, 0.0, 0.0, p["sales_price"], p["gamma"]]
    else:
        return None
    way = np.array([p["max_order_quantity"], p["max_useful_life"], int(oldest_first), size])
    return Shelf(way, np.array(terms, dtype=float), chances / chances.sum())


def play(shelf: Shelf) -> Answer:
    """What re-planning costs, and the least that any policy can cost."""
    best, value = optimal(shelf)
    ours = _cost_of(shelf, _planned(shelf), value)
    if shelf.terms[5] < 1.0:
        return Answer(ours, best, ours / best)
    return Answer(-ours, -best, best / ours)


def optimal(shelf: Shelf) -> tuple[float, Floats]:
    """Least discounted cost from an empty shelf, or least cost a day where nothing is
    discounted, and the value of every state: modified policy iteration over all states."""
    value, out = np.zeros(shelf.states), np.zeros(shelf.states)
    policy = np.full(shelf.states + 1, -1, dtype=np.int64)
    problem = (shelf.way, shelf.terms, shelf.chances)
    while True:
        policy[0] = -1
        sweep(value, out, policy, problem)
        known = settled(value, out, float(shelf.terms[5]), 0)
        value, out = out, value
        if known is not None:
            return known, value
        policy[0] = 0
        for _ in range(EVALUATIONS):
            sweep(value, out, policy, problem)
            value, out = out, value
        if shelf.terms[5] == 1.0:
            value -= value[0]


def settled(before: Floats, after: Floats, discount: float, start: int) -> float | None:
    """The discounted cost from state `start`, or the cost a step where nothing is discounted,
    once one more sweep moved all values alike; None before (the bounds of MacQueen 1966)."""
    change = after - before
    low, high = float(change.min()), float(change.max())
    if discount < 1.0:
        weight = discount / (1.0 - discount)
        if weight * (high - low) > EXACT * abs(after[start]):
            return None
        return float(after[start] + weight * 0.5 * (high + low))
    return 0.5 * (high + low) if high - low <= EXACT * max(abs(high), abs(low)) else None


def _planned(shelf: Shelf) -> Ints:
    """[states] what is ordered in each: re-planned in those that many days of play meet, in
    the rarer ones up to the level that costs least."""
    random = np.random.default_rng(SEED)
    life, size, most = int(shelf.way[1]), int(shelf.way[3]), int(shelf.way[0])
    paths = random.choice(len(shelf.chances), (PATHS, size + BEYOND), p=shelf.chances)
    long = random.choice(len(shelf.chances), LONG, p=shelf.chances)
    levels = np.arange(1, most * (size - life + 2) + 1)
    costs = [base_stock(shelf.way, shelf.terms, long, level) for level in levels]
    level = int(levels[int(np.argmin(costs))])
    demand = random.choice(len(shelf.chances), (PLAYS, PLAYED_DAYS), p=shelf.chances)
    met: dict[int, int] = {}
    state = np.zeros(size, dtype=np.int64)
    for play_days in demand.tolist():
        state[:] = 0
        for asked in play_days:
            code = int(encode(state, most + 1))
            if code not in met:
                if len(met) == MOST_PLANNED:
                    break
                met[code] = int(look_ahead(state, shelf.way, shelf.terms, paths, level))
            one_day(state, shelf.way, met[code], asked, shelf.terms)
    orders: Ints = up_to(shelf.states, shelf.way, level)
    for code, order in met.items():
        orders[code] = order
    return orders


def _cost_of(shelf: Shelf, orders: Ints, value: Floats) -> float:
    """Exact cost of a policy [states] from an empty shelf; `value` is where to begin."""
    policy = np.concatenate([[0], orders])
    problem, out = (shelf.way, shelf.terms, shelf.chances), np.empty(len(value))
    while True:
        sweep(value, out, policy, problem)
        known = settled(value, out, float(shelf.terms[5]), 0)
        if known is not None:
            return known
        value, out = out, value
        if shelf.terms[5] == 1.0:
            value -= value[0]
