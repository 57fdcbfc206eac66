"""What a plan would cost with one row ordered otherwise and all else as it is.

Each difference is that of the whole plan's `cost`, without working the plan out anew:
what the row costs on its own, the orders and budgets that it shares, and the shelves.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from services.replenishment.domain.check import (
    AT_ONCE,
    ROUNDING,
    discount,
    expected,
    fill,
    own_costs,
    spending,
)
from services.replenishment.domain.problem import Floats, Ints, Problem, Rows


def savings(problem: Problem, orders: Ints) -> Floats:
    """[N, T] EUR that the plan would cost more without that line; 0 where there is none."""
    row, day = np.nonzero(orders)
    packs = orders[row]
    packs[np.arange(len(row)), day] = 0
    found = np.zeros(orders.shape)
    found[row, day] = difference(problem, orders, row, packs)
    return found


def pack_worth(problem: Problem, orders: Ints, row: int) -> float:
    """EUR a pack that the plan would save if the row had a little more of its allocation.

    The best of adding one multiple, or the smallest order where there is none yet, on one
    order day; 0 where no such addition would save anything.
    """
    rows = problem.rows
    multiple = int(rows.multiple[row])
    smallest = -(-int(rows.minimum[row]) // multiple) * multiple
    days = np.flatnonzero(rows.order_days[row])
    if not len(days):
        return 0.0
    packs = np.repeat(orders[row][None, :], len(days), axis=0)
    more = np.where(packs[np.arange(len(days)), days] > 0, multiple, smallest)
    packs[np.arange(len(days)), days] += more
    change = difference(problem, orders, np.full(len(days), row), packs)
    return max(0.0, float((-change / more).max()))


def difference(problem: Problem, orders: Ints, row: Ints, packs: Ints) -> Floats:
    """[K] EUR by which the plan's cost changes when row `row[k]` alone orders `packs[k]` [T]."""
    spent = spending(problem, orders)
    used = np.zeros((len(problem.order_cost), problem.days), dtype=np.int64)
    np.add.at(used, problem.rows.group, (orders > 0).astype(np.int64))
    filled = None if problem.storage is None else fill(problem, orders)
    found = np.zeros(len(row))
    for first in range(0, len(row), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        mine, old, new = picked(problem, row[part]), orders[row[part]], packs[part]
        found[part] = own_costs(mine, new) - own_costs(mine, old)
        found[part] += _shared_orders(mine, used, old, new)
        found[part] += _budgets(mine, spent, old, new)
        if filled is not None:
            found[part] += _shelves(mine, filled, old, new)
    return found


def picked(problem: Problem, row: Ints) -> Problem:
    """The problem of these rows (a row may be there several times), limits unchanged."""
    parts = {one.name: getattr(problem.rows, one.name) for one in fields(Rows)}
    mine: dict[str, Any] = {n: None if part is None else part[row] for n, part in parts.items()}
    rows = Rows(**mine)
    storage, spoilage = problem.storage, problem.spoilage
    if storage is not None:
        storage = replace(storage, volume=storage.volume[row], place=storage.place[row])
    if spoilage is not None:
        spoilage = replace(
            spoilage,
            have=spoilage.have[row],
            use=spoilage.use[row],
            worth=spoilage.worth[row],
        )
    return replace(problem, rows=rows, storage=storage, spoilage=spoilage)


def _shared_orders(mine: Problem, used: Ints, old: Ints, new: Ints) -> Floats:
    """An order to a supplier is paid once, by whoever is on it."""
    before = used[mine.rows.group]
    after = before - (old > 0) + (new > 0)
    changed = (after > 0).sum(axis=1) - (before > 0).sum(axis=1)
    paid: Floats = changed * mine.order_cost[mine.rows.group]
    return paid


def _budgets(mine: Problem, spent: Floats, old: Ints, new: Ints) -> Floats:
    weeks = np.zeros((len(old), mine.weeks))
    for packs, sign in ((new, 1.0), (old, -1.0)):
        paid = packs * mine.rows.price[:, None] * (1.0 - discount(mine, packs))
        for day in range(mine.days):
            weeks[:, day // 7] += sign * paid[:, day]
    before = spent[mine.rows.site] - mine.weekly_budget[mine.rows.site]
    over = np.maximum(before + weeks, 0.0) - np.maximum(before, 0.0)
    priced: Floats = over.sum(axis=1) * mine.budget_penalty
    return priced


def _shelves(mine: Problem, filled: Floats, old: Ints, new: Ints) -> Floats:
    storage = mine.storage
    if storage is None:
        return np.zeros(len(old))
    change = storage.volume[:, None] * (expected(mine, new)[0] - expected(mine, old)[0])
    capacity = storage.capacity[storage.place]
    before = filled[storage.place] - capacity
    over = np.maximum(before + change, 0.0) - np.maximum(before, 0.0)
    if storage.hard is None:
        return np.asarray(over.sum(axis=1) * storage.penalty, dtype=np.float64)
    hard = storage.hard[storage.place]
    priced: Floats = np.where(hard, 0.0, over.sum(axis=1) * storage.penalty)
    # beyond a hard limit there is no plan at any price
    beyond = (change > 0) & (before + change > capacity * ROUNDING + ROUNDING)
    priced[hard & beyond.any(axis=1)] = np.inf
    return priced
