"""Feasibility and cost of any plan, worked out without knowing how it was made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from services.replenishment.domain.problem import NO_CAP, Cost, Floats, Ints, Problem

NOT_WHOLE = "NOT_WHOLE_PACKS"
NEGATIVE = "NEGATIVE_ORDER"
WRONG_DAY = "NOT_AN_ORDER_DAY"
BELOW_MINIMUM = "BELOW_MINIMUM"
NOT_A_MULTIPLE = "NOT_A_MULTIPLE"
ABOVE_MOST = "ABOVE_MOST"
ABOVE_CAP = "ABOVE_CAP"
ABOVE_ROOM = "ABOVE_ROOM"
ROUNDING = 1e-6  # of a store's capacity, as a share: sums of thousands of terms
AT_ONCE = 4096  # rows


def check(problem: Problem, orders: Ints | Floats) -> tuple[str, ...]:
    """Names of the hard limits that `orders` [item-site, day], in packs, breaks.

    Empty when the plan may be carried out.
    """
    rows = problem.rows
    if orders.shape != (rows.count, problem.days):
        return (NOT_WHOLE,)
    broken = []
    packs = np.rint(orders).astype(np.int64) if orders.dtype.kind == "f" else orders
    if packs is not orders and np.any(np.abs(orders - packs) > 1e-9):
        broken.append(NOT_WHOLE)
    packs = packs.astype(np.int64, copy=False)
    if np.any(packs < 0):
        broken.append(NEGATIVE)
    if np.any(packs[~rows.order_days] != 0):
        broken.append(WRONG_DAY)
    if np.any((packs > 0) & (packs < rows.minimum[:, None])):
        broken.append(BELOW_MINIMUM)
    if np.any(packs % rows.multiple[:, None] != 0):
        broken.append(NOT_A_MULTIPLE)
    totals = packs.sum(axis=1)
    if np.any(totals > rows.most):
        broken.append(ABOVE_MOST)
    return (*broken, *_beyond_shared(problem, packs))


def _beyond_shared(problem: Problem, packs: Ints) -> list[str]:
    """The hard limits that several rows share."""
    rows, broken = problem.rows, []
    totals = packs.sum(axis=1)
    capped = rows.cap != NO_CAP
    taken = np.bincount(rows.cap[capped], weights=totals[capped], minlength=len(problem.caps))
    if np.any(taken > problem.caps):
        broken.append(ABOVE_CAP)
    storage = problem.storage
    if storage is not None and storage.hard is not None and storage.hard.any():
        room = storage.capacity * (1.0 + ROUNDING) + ROUNDING
        if np.any((fill(problem, packs) > room)[storage.hard]):
            broken.append(ABOVE_ROOM)
    return broken


def fill(problem: Problem, orders: Ints) -> Floats:
    """[P, T] volume that is expected on the shelves of each store at the end of each day."""
    storage = problem.storage
    if storage is None:
        return np.zeros((0, problem.days))
    on_hand, _ = expected(problem, orders)
    filled: Floats = np.zeros(storage.capacity.shape)
    np.add.at(filled, storage.place, storage.volume[:, None] * on_hand)
    return filled


def received(
    problem: Problem, orders: Ints, part: slice = slice(None), lead: Ints | None = None
) -> Floats:
    """Base units of `orders` that have arrived by the end of each day [item-site, day], by
    the lead times [n] of `part`, or else by those that are counted on."""
    days, bought = problem.days, orders[part]
    lead = problem.rows.lead[part] if lead is None else lead
    arrived: Floats = np.zeros(bought.shape)
    for day in range(days):
        arrival = day + lead
        inside = np.flatnonzero(arrival < days)
        np.add.at(arrived, (inside, arrival[inside]), bought[inside, day])
    np.cumsum(arrived, axis=1, out=arrived)
    arrived *= problem.rows.pack[part, None]
    return arrived


def stock(problem: Problem, orders: Ints) -> Floats:
    """Base units in stock [item-site, day, scenario] at the end of each day."""
    rows = problem.rows
    level: Floats = rows.supply + received(problem, orders)[:, :, None] - rows.demand
    return level


def expected(problem: Problem, orders: Ints) -> tuple[Floats, Floats]:
    """Mean base units on hand and missing [item-site, day]."""
    on_hand, missing = np.zeros(orders.shape), np.zeros(orders.shape)
    for part, there, lacking in _expected(problem, orders):
        on_hand[part], missing[part] = there, lacking
    return on_hand, missing


def _expected(problem: Problem, orders: Ints) -> Iterator[tuple[slice, Floats, Floats]]:
    """The same for some rows at a time: all scenarios of all rows at once would take most of
    the memory of a large plan."""
    for part in _parts(problem):
        yield part, *_levels(problem, part, received(problem, orders, part))


def waiting(problem: Problem) -> list[Floats]:
    """For each lead time, [N, T] EUR a day of holding and shortage if nothing is ordered."""
    rows, found = problem.rows, []
    for lead in rows.leads():
        there, lacking = np.zeros(lead.moved.shape), np.zeros(lead.moved.shape)
        for part in _parts(problem):
            there[part], lacking[part] = _levels(problem, part, lead.moved[part])
        found.append(rows.holding[:, None] * there + rows.shortage[:, None] * lacking)
    return found


def _parts(problem: Problem) -> Iterator[slice]:
    for first in range(0, problem.rows.count, AT_ONCE):
        yield slice(first, first + AT_ONCE)


def _levels(problem: Problem, part: slice, arrived: Floats) -> tuple[Floats, Floats]:
    level = problem.rows.supply[part] + arrived[:, :, None] - problem.rows.demand[part]
    there, lacking = np.maximum(level, 0.0), np.maximum(-level, 0.0)
    return there @ problem.weights, lacking @ problem.weights


def _stock_costs(problem: Problem, orders: Ints, part: slice) -> tuple[Floats, Floats, Floats]:
    """EUR of holding [n] and of shortage [n], expected over the lead times, and base units on
    hand [n, T] by the lead times that are counted on."""
    rows = problem.rows
    holding, shortage = np.zeros(len(orders[part])), np.zeros(len(orders[part]))
    counted_on: Floats | None = None
    for lead in rows.leads(part):
        arrived = received(problem, orders, part, lead.days) + lead.moved
        there, lacking = _levels(problem, part, arrived)
        holding += lead.chance * rows.holding[part] * there.sum(axis=1)
        shortage += lead.chance * rows.shortage[part] * lacking.sum(axis=1)
        counted_on = there if rows.lead_days is None else None
    if counted_on is None:
        counted_on = _levels(problem, part, received(problem, orders, part))[0]
    return holding, shortage, counted_on


def discount(problem: Problem, orders: Ints) -> Floats:
    """Fraction of the price taken off each line [item-site, day]."""
    rows = problem.rows
    best = np.zeros(orders.shape)
    for step in range(rows.break_packs.shape[1]):
        reached = orders >= rows.break_packs[:, step][:, None]
        best = np.maximum(best, np.where(reached, rows.break_discount[:, step][:, None], 0.0))
    return best


def spending(problem: Problem, orders: Ints) -> Floats:
    """EUR by site and week of the order day."""
    spent = np.zeros(problem.weekly_budget.shape)
    for day in range(problem.days):
        full, off = _priced(problem, orders, day)
        np.add.at(spent[:, day // 7], problem.rows.site, full - off)
    return spent


def _priced(problem: Problem, orders: Ints, day: int) -> tuple[Floats, Floats]:
    """[N] EUR of one day's orders at list price, and what is taken off."""
    bought = orders[:, day : day + 1]
    full = bought[:, 0] * problem.rows.price
    return full, full * discount(problem, bought)[:, 0]


def _taken_off(problem: Problem, orders: Ints) -> Floats:
    """[N] EUR of discounts."""
    off: Floats = np.zeros(len(orders))
    for day in range(problem.days):
        off += _priced(problem, orders, day)[1]
    return off


def spoiled(problem: Problem, orders: Ints) -> Floats:
    """[N] EUR of new orders that will be thrown away unused."""
    spoilage, total = problem.spoilage, np.zeros(problem.rows.count)
    if spoilage is None:
        return total
    bought = spoilage.have[:, None] + np.cumsum(orders, axis=1) * problem.rows.pack[:, None]
    for day in range(problem.days):
        after, use = bought[:, day, None], spoilage.use[:, day]
        before = after - (orders[:, day] * problem.rows.pack)[:, None]
        lost = np.maximum(after - use, 0.0) - np.maximum(before - use, 0.0)
        total += spoilage.worth * (lost @ problem.weights)
    return total


def own_costs(problem: Problem, orders: Ints) -> Floats:
    """[N] EUR of each row that no other row has a part in: holding, shortage, lines and
    spoilage, less discounts."""
    rows = problem.rows
    parts = [_stock_costs(problem, orders, part)[:2] for part in _parts(problem)]
    stocked = [holding + shortage for holding, shortage in parts]
    own: Floats = (
        np.concatenate([np.zeros(0), *stocked])
        + rows.line_cost * (orders > 0).sum(axis=1)
        + spoiled(problem, orders)
        - _taken_off(problem, orders)
    )
    return own


def cost(problem: Problem, orders: Ints) -> Cost:
    """Cost of a plan over the horizon, expected over the scenarios."""
    rows, storage = problem.rows, problem.storage
    used = np.zeros((len(problem.order_cost), problem.days), dtype=bool)
    row, day = np.nonzero(orders)
    used[rows.group[row], day] = True
    over = np.maximum(spending(problem, orders) - problem.weekly_budget, 0.0)
    holding = shortage = 0.0
    filled = np.zeros((0, problem.days) if storage is None else storage.capacity.shape)
    for part in _parts(problem):
        held, lacked, on_hand = _stock_costs(problem, orders, part)
        holding, shortage = holding + float(held.sum()), shortage + float(lacked.sum())
        if storage is not None:
            np.add.at(filled, storage.place[part], storage.volume[part, None] * on_hand)
    return Cost(
        holding=holding,
        shortage=shortage,
        lines=float(rows.line_cost @ (orders > 0).sum(axis=1)),
        orders=float((used * problem.order_cost[:, None]).sum()),
        discounts=float(_taken_off(problem, orders).sum()),
        over_budget=float(over.sum()) * problem.budget_penalty,
        over_storage=0.0 if storage is None else float(storage.over(filled).sum()),
        spoiled=float(spoiled(problem, orders).sum()),
    )
