"""Textbook problems put to the engine: newsvendor, Wagner-Whitin, (s, S) and (r, Q)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Solution, Watch
from services.replenishment.domain.problem import (
    NO_BREAK,
    NO_CAP,
    Floats,
    Ints,
    Problem,
    Rows,
)

HORIZON, LEVELS = 28, 99  # of the rolling plan: days, equiprobable quantiles
TAIL = 1e-13  # probability of demand that is left out of exact sums
NEVER_SHORT = 1e6  # EUR: where demand must be met


def newsvendor(case: Mapping[str, Any]) -> float:
    """Least expected cost of one period: h E[(S - D)+] + p E[(D - S)+]."""
    holding, shortage, mean = case["holding"], case["shortage"], case["mean"]
    if case["demand"] == "normal":
        # An amount of any size, not packs: the closed form, at the service's critical ratio.
        standard = NormalDist()
        level = shortage / (shortage + holding)
        density = standard.pdf(standard.inv_cdf(level))
        return float((holding + shortage) * case["sd"] * density)
    units = np.arange(int(stats.poisson.isf(TAIL, mean)) + 2)
    weights = stats.poisson.pmf(units, mean)
    demand = units[None, None, :].astype(float)
    found = _solved(_problem(demand, np.zeros(1), weights, (0.0, holding, shortage)))
    return found.progress.cost


def wagner_whitin(case: Mapping[str, Any]) -> float:
    """Least cost of meeting a known demand: a fixed cost an order, holding a day."""
    demand = np.cumsum(np.array(case["demand"], dtype=float))[None, :, None]
    terms = (case["fixed_cost"], case["holding"], NEVER_SHORT)
    return _solved(_problem(demand, np.zeros(1), np.ones(1), terms)).progress.cost


def rolling_plan(case: Mapping[str, Any]) -> float:
    """Long-run cost a period of re-planning every period with the engine, exactly.

    Poisson demand, orders arrive at once. What is ordered depends on the stock alone, so
    the engine plans from every stock there can be, only the first day's order counts,
    and the stationary distribution of that Markov chain gives the cost.
    """
    mean, fixed = case["mean"], case["fixed_cost"]
    top = int(6 * mean + 4 * math.sqrt(2 * fixed * mean / case["holding"])) + 20
    stock = np.arange(-int(10 * mean) - 20, top + 1)
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    days = np.arange(1, HORIZON + 1)
    paths = stats.poisson.ppf(levels[None, :], mean * days[:, None])
    demand = np.broadcast_to(paths, (len(stock), *paths.shape))
    terms = (fixed, case["holding"], case["backorder"])
    weights = np.full(LEVELS, 1 / LEVELS)
    found = _solved(_problem(demand, stock.astype(float), weights, terms))
    return policy_cost(case, stock, found.orders[:, 0])


def policy_cost(case: Mapping[str, Any], stock: Ints, ordered: Ints) -> float:
    """Long-run cost a period when `ordered` [n] is ordered at the stock levels `stock` [n]."""
    mean = case["mean"]
    level = stock + ordered
    demand = np.arange(int(stats.poisson.isf(TAIL, mean)) + 2)
    chance = stats.poisson.pmf(demand, mean)
    after = level[:, None] - demand[None, :]
    daily = case["holding"] * np.maximum(after, 0) + case["backorder"] * np.maximum(-after, 0)
    cost = daily @ chance + case["fixed_cost"] * (ordered > 0)
    count = len(stock)
    moves = np.zeros((count, count))
    place = np.clip(after - stock[0], 0, count - 1)
    np.add.at(moves, (np.arange(count)[:, None], place), chance[None, :])
    # stationary: p (moves - 1) = 0 and sum p = 1
    system = np.vstack([(moves - np.eye(count)).T, np.ones(count)])
    share = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    return float(share @ cost)


def reorder_point(case: Mapping[str, Any]) -> float:
    """Least long-run cost of (r, Q) under continuous review, Poisson demand, a fixed lead time.

    cost(r, Q) = (rate K + sum over y = r + 1 .. r + Q of G(y)) / Q, where G(y) is the
    newsvendor's cost at the inventory position y against the demand over the lead time.
    Each Q takes the Q positions with the least G, which lie side by side (Federgruen and
    Zheng 1992), so Q is raised while the next position lowers the mean.
    """
    mean = case["rate"] * case["lead_time"]
    top = int(
        mean + 12 * math.sqrt(mean + 1) + 10 * math.sqrt(2 * case["rate"] * case["fixed_cost"])
    )
    position = np.arange(-top, top + 1)
    demand = np.arange(int(stats.poisson.isf(TAIL, mean)) + 2)
    chance = stats.poisson.pmf(demand, mean)
    after = position[:, None] - demand[None, :]
    cost = (
        case["holding"] * np.maximum(after, 0) + case["backorder"] * np.maximum(-after, 0)
    ) @ chance
    least = np.sort(cost)
    sizes = np.arange(1, len(least) + 1)
    return float(((case["rate"] * case["fixed_cost"] + np.cumsum(least)) / sizes).min())


def _solved(problem: Problem) -> Solution:
    return solve(problem, Effort(rounds=60, gap=1e-12), 1, Watch(time.monotonic))


def _problem(
    demand: Floats, stock: Floats, weights: Floats, terms: tuple[float, float, float]
) -> Problem:
    """Rows that share nothing; `demand` [N, T, Q] cumulative; terms: order, holding, shortage."""
    count, days, levels = demand.shape
    order, holding, shortage = terms
    ones = np.ones(count, dtype=np.int64)
    rows = Rows(
        demand=demand,
        supply=np.broadcast_to(stock[:, None, None], (count, days, levels)),
        pack=np.ones(count),
        lead=0 * ones,
        order_days=np.ones((count, days), dtype=bool),
        minimum=ones,
        multiple=ones,
        most=np.full(count, np.iinfo(np.int64).max // 4),
        price=np.zeros(count),
        break_packs=np.full((count, 0), NO_BREAK),
        break_discount=np.zeros((count, 0)),
        line_cost=np.zeros(count),
        holding=np.full(count, float(holding)),
        shortage=np.full(count, float(shortage)),
        site=0 * ones,
        group=np.arange(count),
        cap=np.full(count, NO_CAP),
    )
    return Problem(
        rows=rows,
        weights=weights / weights.sum(),
        order_cost=np.full(count, float(order)),
        weekly_budget=np.full((1, -(-days // 7)), np.inf),
        budget_penalty=0.0,
        caps=np.zeros(0, dtype=np.int64),
    )
