"""Plans that stand in a hard store are improved step by step, at the true cost.

Where a store may not be exceeded, what the decomposition proposes is all or nothing: its
plans are best at some price of the room, and few of them fit together. Here single steps
are added, taken away, or moved to the order day before or after, as long as that pays and
the store holds it. The bound has no part in this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from services.replenishment.domain.check import check, cost, spending
from services.replenishment.domain.marginal import difference, picked
from services.replenishment.domain.problem import Floats, Ints, Problem, smallest_order

SIZES = (1, 4)  # steps moved at once
AT_ONCE = 60  # rows whose moves are tried together
TRIED = 12  # of the best moves of a round, each on what the one before left
WIDER = 0.05  # of a store's room, to see what more of it is worth
WORTH = 1e-7  # EUR: less is rounding


def topped(problem: Problem, orders: Ints, seed: int, stop: Callable[[], bool]) -> Ints:
    """`orders` or a plan that costs less and keeps every hard limit."""
    random, best = np.random.default_rng(seed), orders
    for _, rows in _hard_stores(problem):
        found = best.copy()
        found[rows] = _climbed(_alone(problem, best, rows), best[rows], random, stop)
        if check(problem, found) == () and cost(problem, found).total < cost(problem, best).total:
            best = found
    return best


def room_worth(problem: Problem, orders: Ints, seed: int, stop: Callable[[], bool]) -> Floats:
    """[P] EUR that the plan would save at least for each unit more of a hard store on every
    day: a little more room is given, and the plan improved as `topped` does."""
    storage, random = problem.storage, np.random.default_rng(seed)
    if storage is None:
        return np.zeros(0)
    worth = np.zeros(len(storage.capacity))
    step = storage.volume * problem.rows.pack * problem.rows.multiple
    for place, rows in _hard_stores(problem):
        alone = _alone(problem, orders, rows)
        more = max(WIDER * float(storage.capacity[place].max()), float(step[rows].max()))
        room = storage.capacity.copy()
        room[place] += more
        wide = replace(alone, storage=replace(alone.storage or storage, capacity=room))
        found = _climbed(wide, orders[rows], random, stop)
        worth[place] = max(0.0, cost(wide, orders[rows]).total - cost(wide, found).total) / more
    return worth


def _hard_stores(problem: Problem) -> Iterator[tuple[int, Ints]]:
    """Each hard store with the rows that take room in it."""
    storage = problem.storage
    if storage is None or storage.hard is None:
        return
    for place in np.flatnonzero(storage.hard):
        rows = np.flatnonzero((storage.place == place) & (storage.volume > 0))
        if len(rows):
            yield int(place), rows


def _alone(problem: Problem, orders: Ints, rows: Ints) -> Problem:
    """The problem of these rows, with what the others leave of budgets and caps."""
    others = orders.copy()
    others[rows] = 0
    taken = others.sum(axis=1)
    capped = problem.rows.cap >= 0
    caps = problem.caps - np.bincount(
        problem.rows.cap[capped], weights=taken[capped], minlength=len(problem.caps)
    ).astype(np.int64)
    room = np.maximum(problem.weekly_budget - spending(problem, others), 0.0)
    return replace(picked(problem, rows), weekly_budget=room, caps=caps)


def _climbed(
    problem: Problem, orders: Ints, random: np.random.Generator, stop: Callable[[], bool]
) -> Ints:
    """Rounds of moves of some rows each, until no row has one that pays."""
    best, quiet = orders.copy(), 0
    while quiet * AT_ONCE < len(best) and not stop():
        rows = random.permutation(len(best))[:AT_ONCE]
        row, packs = _moves(problem, best, rows)
        saved = difference(problem, best, row, packs)
        moved: set[int] = set()
        for move in np.argsort(saved, kind="stable")[:TRIED]:
            mine = int(row[move])
            if saved[move] >= -WORTH or mine in moved:
                continue
            now = difference(problem, best, row[move : move + 1], packs[move : move + 1])
            changed = best.copy()
            changed[mine] = packs[move]
            if now[0] < -WORTH and check(problem, changed) == ():
                best = changed
                moved.add(mine)
        quiet = 0 if moved else quiet + 1
    return best


def _moves(problem: Problem, orders: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Row [K] and packs [K, T] of every move of these rows; amounts are orders that may be."""
    data = problem.rows
    smallest = smallest_order(data.minimum, data.multiple)
    found: list[tuple[int, Ints]] = []
    for row in rows:
        days, mine = np.flatnonzero(data.order_days[row]), orders[row]
        for place, day in enumerate(days):
            for size in SIZES:
                step = size * int(data.multiple[row])
                more, less = mine.copy(), mine.copy()
                more[day] = max(mine[day] + step, smallest[row])
                found.append((int(row), more))
                if not mine[day]:
                    continue
                left = int(mine[day]) - step
                less[day] = left if left >= smallest[row] else 0
                found.append((int(row), less))
                for other in days[max(0, place - 1) : place + 2]:
                    if other != day:
                        shifted = less.copy()
                        shifted[other] = max(mine[other] + mine[day] - less[day], smallest[row])
                        found.append((int(row), shifted))
    return (
        np.array([row for row, _ in found], dtype=np.int64),
        np.array([packs for _, packs in found], dtype=np.int64).reshape(-1, problem.days),
    )
