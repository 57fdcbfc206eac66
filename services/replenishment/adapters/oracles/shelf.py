"""Compiled loops of a shelf whose goods expire: one day, the exact optimum, a look ahead.

A state holds what is on its way (L - 1 orders, the newest first) and what is on the
shelf by age (m amounts, the freshest first). A day: demand is served, oldest or freshest
first; what is not served is lost; the oldest rest expires; what was ordered L - 1 days
ago arrives for the next morning (today's order where L is 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled


@compiled
def one_day(state: Any, way: Any, order: Any, demand: Any, terms: Any) -> Any:
    """Moves `state` one day on; the day's cost. terms: order, short, waste, hold, sold (EUR)."""
    life, oldest_first = way[1], way[2] == 1
    moving = len(state) - life
    left = demand
    for k in range(life):
        place = moving + (life - 1 - k if oldest_first else k)
        taken = min(left, state[place])
        state[place] -= taken
        left -= taken
    expired = state[moving + life - 1]
    kept = 0
    for k in range(life - 1):
        kept += state[moving + k]
    for k in range(life - 1, 0, -1):
        state[moving + k] = state[moving + k - 1]
    if moving == 0:
        state[0] = order
    else:
        state[moving] = state[moving - 1]
        for k in range(moving - 1, 0, -1):
            state[k] = state[k - 1]
        state[0] = order
    cost = terms[0] * order + terms[1] * left + terms[2] * expired + terms[3] * kept
    return cost - terms[4] * (demand - left)


@compiled
def decode(code: Any, base: Any, state: Any) -> Any:
    for k in range(len(state)):
        state[k] = code % base
        code //= base


@compiled
def encode(state: Any, base: Any) -> Any:
    """The newest order is the last digit, so that what may be ordered lies side by side."""
    code = 0
    for k in range(len(state) - 1, -1, -1):
        code = code * base + state[k]
    return code


@compiled
def sweep(  # noqa: C901, PLR0912  one compiled loop over plain arrays
    value: Any, out: Any, policy: Any, problem: Any
) -> Any:
    """One sweep of value iteration where policy[0] < 0, else of evaluating `policy`.

    Where it improves, `policy` is filled from entry 1 on (entry 0 stays the mark). Serving
    one more only takes one more off the shelf, and no demand beyond what is there makes a
    difference but for what it lacks: so every demand of a state costs a step, not a day.
    """
    way, terms, chances = problem
    most, life, oldest_first, size = way[0], way[1], way[2] == 1, way[3]
    base, moving, discount = most + 1, size - life, terms[5]
    digit = np.ones(size + 1, dtype=np.int64)
    for k in range(size):
        digit[k + 1] = digit[k] * base
    state, totals = np.empty(size, dtype=np.int64), np.empty(base)
    improve = policy[0] < 0
    for code in range(len(value)):
        decode(code, base, state)
        here, after = 0, 0  # on the shelf; where tomorrow's states begin, by today's order
        for k in range(moving, size):
            here += state[k]
        for k in range(size - 1):
            after += state[k] * digit[k + 1]
        first, last = 0, most
        if not improve:
            first = last = policy[1 + code]
        for order in range(first, last + 1):
            totals[order] = terms[0] * order
        place = size - 1 if oldest_first else moving
        kept, left, paid = here - state[size - 1], 1.0, 0.0
        for demand in range(len(chances)):
            chance = chances[demand] if demand < here else left
            paid += chance * (terms[2] * state[size - 1] + terms[3] * kept - terms[4] * demand)
            for order in range(first, last + 1):
                totals[order] += chance * discount * value[after + order]
            if demand == here:  # whatever else is asked for is lost
                for more in range(demand, len(chances)):
                    paid += chances[more] * terms[1] * (more - here)
                break
            left -= chance
            while state[place] == 0:
                place += -1 if oldest_first else 1
            state[place] -= 1
            if place < size - 1:
                kept -= 1
                after -= digit[place + 1]
        best, arg = np.inf, 0
        for order in range(first, last + 1):
            if totals[order] < best:
                best, arg = totals[order], order
        out[code] = best + paid
        if improve:
            policy[1 + code] = arg


@compiled
def look_ahead(state: Any, way: Any, terms: Any, paths: Any, level: Any) -> Any:
    """The order with the least mean cost over the demand paths [P, H], if every later day
    orders up to `level`; what is left at the end is worth what it cost."""
    most, size = way[0], way[3]
    discount = terms[5]
    scratch = np.empty(size, dtype=np.int64)
    best, arg = np.inf, 0
    for first in range(most + 1):
        total = 0.0
        for p in range(paths.shape[0]):
            scratch[:] = state
            weight = 1.0
            for d in range(paths.shape[1]):
                order = first
                if d > 0:
                    order = min(most, max(0, level - scratch.sum()))
                total += weight * one_day(scratch, way, order, paths[p, d], terms)
                weight *= discount
            total -= weight * terms[0] * scratch.sum()
        if total < best - 1e-9:
            best, arg = total, first
    return arg


@compiled
def base_stock(way: Any, terms: Any, demand: Any, level: Any) -> Any:
    """Mean cost a day of ordering up to `level` every day, over one long path."""
    state = np.zeros(way[3], dtype=np.int64)
    total = 0.0
    for d in range(len(demand)):
        order = min(way[0], max(0, level - state.sum()))
        total += one_day(state, way, order, demand[d], terms)
    return total / len(demand)


@compiled
def up_to(states: Any, way: Any, level: Any) -> Any:
    """[states] what ordering up to `level` orders in each state."""
    orders, state = np.empty(states, dtype=np.int64), np.empty(way[3], dtype=np.int64)
    for code in range(states):
        decode(code, way[0] + 1, state)
        orders[code] = min(way[0], max(0, level - state.sum()))
    return orders
