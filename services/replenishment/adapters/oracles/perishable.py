"""Goods that expire: re-planning over demand scenarios against the exact optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.oracles.shelf import (
    base_stock,
    decode,
    encode,
    look_ahead,
    one_day,
    sweep,
)
from services.replenishment.domain.problem import Floats, Ints

SEED = 1
PATHS, BEYOND = 600, 3  # scenarios of a plan; days that it looks past life and lead time
LONG = 20_000  # days over which levels to order up to are compared
TAIL = 1e-9  # probability of demand that is left out
MOST_STATES = 20_000  # problems with more are not solved exactly here
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


def shelf_of(scenario: Mapping[str, Any]) -> Shelf | None:
    """The problem of a published scenario; None for kinds that are not played here."""
    p = scenario["parameters"]
    if scenario["scenario"] == "de_moor_perishable":
        shape = 1.0 / p["demand_gamma_cov"] ** 2
        scale = p["demand_gamma_mean"] / shape
        top = int(stats.gamma.isf(TAIL, shape, scale=scale)) + 2
        edges = np.append(0.0, np.arange(top) + 0.5)
        chances = np.diff(stats.gamma.cdf(edges, shape, scale=scale))
        oldest_first = p["issue_policy"] == "fifo"
        size = p["max_useful_life"] + p["lead_time"] - 1
        terms = [p[f"{name}_cost"] for name in ("variable_order", "shortage", "wastage", "holding")]
        terms += [0.0, p["gamma"]]
    elif scenario["scenario"] == "hendrix_perishable_one_product":
        mean = p["demand_poisson_mean"]
        chances = stats.poisson.pmf(np.arange(int(stats.poisson.isf(TAIL, mean)) + 2), mean)
        oldest_first, size = True, p["max_useful_life"]
        terms = [p["variable_order_cost"], 0.0, 0.0, 0.0, p["sales_price"], p["gamma"]]
    else:
        return None
    way = np.array([p["max_order_quantity"], p["max_useful_life"], int(oldest_first), size])
    return Shelf(way, np.array(terms, dtype=float), chances / chances.sum())


def play(shelf: Shelf) -> Answer:
    """What re-planning every day costs, and the least that any policy can cost."""
    value = optimal(shelf)
    codes, orders = _planned(shelf)
    ours = _evaluated(shelf, codes, orders)
    if shelf.terms[5] < 1.0:
        return Answer(ours, value, ours / value)
    return Answer(-ours, -value, value / ours)


def optimal(shelf: Shelf) -> float:
    """Least discounted cost from an empty shelf, or least cost a day where nothing is
    discounted: modified policy iteration over all states."""
    value, out = np.zeros(shelf.states), np.zeros(shelf.states)
    policy = np.full(shelf.states + 1, -1, dtype=np.int64)
    problem, terms = (shelf.way, shelf.terms, shelf.chances), shelf.terms
    while True:
        policy[0] = -1
        sweep(value, out, policy, problem)
        change = out - value
        spread = float(change.max() - change.min())
        value, out = out, value
        # The bounds of MacQueen: the optimum lies within the spread, discounted on.
        if terms[5] < 1.0:
            weight = terms[5] / (1.0 - terms[5])
            if weight * spread <= EXACT * abs(value[0]):
                return float(value[0] + weight * 0.5 * (change.max() + change.min()))
        elif spread <= EXACT * abs(change.max()):
            return float(0.5 * (change.max() + change.min()))
        policy[0] = 0
        for _ in range(EVALUATIONS):
            sweep(value, out, policy, problem)
            value, out = out, value
        if terms[5] == 1.0:
            value = value - value[0]


def _planned(shelf: Shelf) -> tuple[Ints, Ints]:
    """The states that re-planning reaches from an empty shelf, and what it orders in each."""
    random = np.random.default_rng(SEED)
    life, size = int(shelf.way[1]), int(shelf.way[3])
    horizon = size + BEYOND
    paths = random.choice(len(shelf.chances), (PATHS, horizon), p=shelf.chances)
    long = random.choice(len(shelf.chances), LONG, p=shelf.chances)
    levels = np.arange(1, int(shelf.way[0]) * (size - life + 2) + 1)
    costs = [base_stock(shelf.way, shelf.terms, long, level) for level in levels]
    level = int(levels[int(np.argmin(costs))])
    base = int(shelf.way[0]) + 1
    state = np.zeros(size, dtype=np.int64)
    orders: dict[int, int] = {}
    waiting = [0]
    while waiting:
        code = waiting.pop()
        if code in orders:
            continue
        decode(code, base, state)
        order = int(look_ahead(state, shelf.way, shelf.terms, paths, level))
        orders[code] = order
        for demand in range(len(shelf.chances)):
            after = state.copy()
            one_day(after, shelf.way, order, demand, shelf.terms)
            following = int(encode(after, base))
            if following not in orders:
                waiting.append(following)
    codes = np.array(sorted(orders))
    return codes, np.array([orders[code] for code in codes.tolist()])


def _evaluated(shelf: Shelf, codes: Ints, orders: Ints) -> float:
    """Exact cost of a policy on the states that it reaches, from an empty shelf."""
    base, size = int(shelf.way[0]) + 1, int(shelf.way[3])
    count, demands = len(codes), len(shelf.chances)
    following = np.zeros((count, demands), dtype=np.int64)
    cost = np.zeros(count)
    state = np.zeros(size, dtype=np.int64)
    for place in range(count):
        for demand in range(demands):
            decode(codes[place], base, state)
            cost[place] += shelf.chances[demand] * one_day(
                state, shelf.way, orders[place], demand, shelf.terms
            )
            following[place, demand] = encode(state, base)
    moves = np.searchsorted(codes, following)
    value, discount = np.zeros(count), float(shelf.terms[5])
    while True:
        new = cost + discount * (value[moves] @ shelf.chances)
        change = new - value
        value = new if discount < 1.0 else new - new[0]
        spread = float(change.max() - change.min())
        if discount < 1.0:
            weight = discount / (1.0 - discount)
            if weight * spread <= EXACT * abs(new[0]):
                return float(new[0] + weight * 0.5 * (change.max() + change.min()))
        elif spread <= EXACT * abs(change.max()):
            return float(0.5 * (change.max() + change.min()))
