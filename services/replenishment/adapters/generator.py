"""Made planning problems of any size in the `own_multi_item` format, drawn with a seed.

The distribution is that of the benchmark instances: drugs of a hospital group, most of
them cheap, a few dear; what the group needs, what it may spend and what fits its shelves
belong together, because the limits are drawn around the plan that is cheapest without.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from services.replenishment.adapters.instances import problem_of
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.check import spending, stock
from services.replenishment.domain.problem import NO_CAP, Floats, Ints

DAYS, WEEKS = 28, 4
WEEK = np.array([1.15, 1.1, 1.1, 1.1, 1.05, 0.8, 0.7])
LEVELS = (np.arange(9) + 0.5) / 9
PACKS = (1, 5, 10, 25, 50, 100)
NO_ALLOCATION = 1e9
Arrays = dict[str, NDArray[Any]]


def generate(item_sites: int, seed: int) -> Arrays:
    """The arrays of one problem; `item_sites` is rounded to whole items (2 sites up to 100)."""
    draw = np.random.default_rng(seed)
    sites = 2 if item_sites <= 100 else 5
    items = max(1, item_sites // sites)
    arrays = _rows(draw, items, sites)
    return arrays | _limits(draw, arrays, items, sites)


def write(path: Path, arrays: Arrays) -> None:
    # np.savez would append .npz to another name
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _rows(draw: np.random.Generator, items: int, sites: int) -> Arrays:
    supplier_count = max(3, items // 20)
    supplier = draw.integers(0, supplier_count, items)
    unit = np.clip(draw.lognormal(1.4, 1.2, items), 0.05, 3000)
    price = np.clip(unit * draw.choice(PACKS, items), 1, 2000)
    level = draw.choice([0.995, 0.98, 0.95], items, p=[0.2, 0.4, 0.4])
    minimum = np.where(draw.random(items) < 0.3, draw.integers(2, 5, items), 1)
    discounted = (draw.random(items) < 0.3) & (price < 150)
    volume = draw.lognormal(-6.5, 1, items) * np.clip(np.sqrt(price), 0.5, 10)
    days, counts, lead = _calendar(draw, supplier_count)
    item = np.repeat(np.arange(items), sites)
    mean = draw.lognormal(1.8, 1.1, items)[item] * draw.lognormal(0, 0.5, len(item))
    mean = np.clip(mean, 0.3, 110)
    holding = price[item] * 0.25 / 365
    demand = _demand(draw, mean)
    break_at = np.maximum(minimum + 1, draw.integers(3, 9, items))
    need = np.maximum(demand.max(axis=(1, 2)), 1.0)
    return {
        "cum_demand_q": demand,
        "initial_stock": draw.uniform(2, 16, len(item)) * mean / DAYS,
        "moq": minimum[item],
        "break_qty": break_at[item],
        "break_discount": np.where(discounted, draw.uniform(0.005, 0.02, items), 0.0)[item],
        "pack_price": price[item],
        "holding": holding,
        "backorder": holding * (level / (1 - level))[item],
        "line_cost": np.full(len(item), 2.0),
        "order_cost": np.array(25.0),
        "volume": volume[item],
        "cold": (draw.random(items) < 0.15)[item],
        "site": np.tile(np.arange(sites), items),
        "item": item,
        "supplier": supplier[item],
        "lead": lead[supplier[item]],
        "order_day": days[supplier[item]],
        "n_order_days": counts[supplier[item]],
        "max_packs": np.ceil(1.25 * need).astype(np.int64) + 4,
    }


def _calendar(draw: np.random.Generator, suppliers: int) -> tuple[Ints, Ints, Ints]:
    """Order days [S, k], how many of them count [S], lead days [S]."""
    lead = draw.integers(1, 6, suppliers)
    days, counts = np.zeros((suppliers, 3 * WEEKS), dtype=np.int64), np.zeros(suppliers, np.int64)
    for one in range(suppliers):
        weekdays = np.sort(draw.choice(5, draw.integers(2, 4), replace=False))
        open_days = (7 * np.arange(WEEKS)[:, None] + weekdays).ravel()
        open_days = open_days[open_days + lead[one] < DAYS]
        days[one, : len(open_days)], counts[one] = open_days, len(open_days)
    return days, counts, lead


def _demand(draw: np.random.Generator, mean: Floats) -> Floats:
    """[N, T, 9] packs: gamma with the mean M of the days so far, at nine levels."""
    share = np.cumsum(np.tile(WEEK / WEEK.sum() / WEEKS, WEEKS))
    so_far = mean[:, None] * share
    dispersion = draw.uniform(0.3, 1.5, len(mean))[:, None]
    spread = draw.uniform(0.15, 0.5, len(mean))[:, None]
    variance = so_far * dispersion + 0.5 * (spread * so_far) ** 2
    shape, scale = so_far**2 / variance, variance / so_far
    demand: Floats = stats.gamma.ppf(LEVELS, shape[:, :, None], scale=scale[:, :, None])
    return np.maximum.accumulate(demand, axis=1)


def _limits(draw: np.random.Generator, arrays: Arrays, items: int, sites: int) -> Arrays:
    """Limits around the plan that is cheapest without any."""
    count = len(arrays["item"])
    free = arrays | {
        "storage_cap": np.full((sites, 2, DAYS), 1e12),
        "storage_penalty": np.array(10.0),
        "budget_cap": np.full((sites, WEEKS), 1e12),
        "budget_penalty": np.array(0.1),
        "alloc_cap": np.full(items, NO_ALLOCATION),
    }
    problem = problem_of(free)
    rows = replace(
        problem.rows,
        line_cost=problem.rows.line_cost + 2.0,
        group=np.arange(count),
        cap=np.full(count, NO_CAP),
    )
    alone = replace(problem, rows=rows, order_cost=np.zeros(count), storage=None)
    orders = solve(alone, Effort(rounds=1), 1, Watch(time.monotonic)).orders
    place = arrays["site"] * 2 + arrays["cold"]
    storage = np.zeros((2, sites * 2, DAYS))
    for plan, packs in enumerate((0 * orders, orders)):
        on_hand = np.maximum(stock(alone, packs), 0.0) @ alone.weights
        np.add.at(storage[plan], place, arrays["volume"][:, None] * on_hand)
    highest = storage[1].max(axis=1, keepdims=True)
    weekly = spending(alone, orders).mean(axis=1, keepdims=True)
    allocation = np.full(items, NO_ALLOCATION)
    capped = draw.choice(items, max(1, round(0.05 * items)), replace=False)
    bought = np.bincount(arrays["item"], orders.sum(axis=1), items)[capped]
    allocation[capped] = np.ceil(bought * draw.uniform(0.5, 0.8, len(capped)))
    cap = np.maximum(1.02 * storage[0], 0.90 * highest)
    return free | {
        "storage_cap": cap.reshape(sites, 2, DAYS),
        "budget_cap": np.repeat(1.02 * weekly, WEEKS, axis=1),
        "alloc_cap": allocation,
    }
