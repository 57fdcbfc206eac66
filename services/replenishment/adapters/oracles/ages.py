"""Compiled loops of a shelf on which units arrive at any age: a night, a look ahead, the
exact expectation over how the units of an order are aged."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled


@compiled
def one_night(shelf: Any, one: Any, order: Any, chance: Any) -> Any:
    """Moves `shelf` [m] (freshest first, entry 0 empty in the morning) to the next morning;
    what the day costs. chance: demand, and a number in [0, 1) a unit that draws its life."""
    (life, most), ladder, terms = one[0], one[1], one[2]
    demand, drawn = chance
    for unit in range(order):
        age = 0
        while age < life - 1 and drawn[unit] >= ladder[order, age]:
            age += 1
        shelf[age] = min(most, shelf[age] + 1)
    left = demand
    for age in range(life - 1, -1, -1):
        taken = min(left, shelf[age])
        shelf[age] -= taken
        left -= taken
    cost = terms[1] * order + terms[2] * left + terms[3] * shelf[life - 1] + terms[4] * shelf.sum()
    if order > 0:
        cost += terms[0]
    for age in range(life - 1, 0, -1):
        shelf[age] = shelf[age - 1]
    shelf[0] = 0
    return cost


@compiled
def settle_shelf(shelf: Any, most: Any) -> Any:
    """The code of a morning's shelf: what is freshest is the first digit."""
    code = 0
    for age in range(1, len(shelf)):
        code = code * (most + 1) + shelf[age]
    return code


@compiled
def ordered(shelf: Any, most: Any, rule: Any) -> Any:
    """By a reorder point and a level."""
    total = shelf.sum()
    return min(most, max(0, rule[1] - total)) if total <= rule[0] else 0


@compiled
def reorder_cost(one: Any, rules: Any, days: Any) -> Any:
    """Mean cost a day over one path that begins on the first weekday."""
    wanted, drawn = days
    shelf, total = np.zeros(one[0][0], dtype=np.int64), 0.0
    for d in range(len(wanted)):
        order = ordered(shelf, one[0][1], rules[d % 7])
        total += one_night(shelf, one, order, (wanted[d], drawn[d]))
    return total / len(wanted)


@compiled
def look_ahead_unit(shelf: Any, model: Any, ahead: Any, weekday: Any) -> Any:
    """The order with the least mean discounted cost over the paths, if every later day goes
    by the rules of its weekday."""
    kind, ladder, terms, rules = model
    wanted, drawn = ahead
    scratch = np.empty(len(shelf), dtype=np.int64)
    best, arg = np.inf, 0
    for first in range(kind[1] + 1):
        total = 0.0
        for p in range(wanted.shape[0]):
            scratch[:] = shelf
            weight = 1.0
            for d in range(wanted.shape[1]):
                order = first
                if d > 0:
                    order = ordered(scratch, kind[1], rules[(weekday + d) % 7])
                chance = (wanted[p, d], drawn[p, d])
                total += weight * one_night(scratch, (kind, ladder, terms), order, chance)
                weight *= terms[5]
        if total < best - 1e-9:
            best, arg = total, first
    return arg


@compiled
def evening(kind: Any, chances: Any, terms: Any, after: Any, out: Any) -> Any:
    """out [(most + 1)^m]: expected cost of the day from a full shelf on, what follows included."""
    life, most = kind
    width, last = most + 1, len(chances) - 1
    shelf = np.empty(life, dtype=np.int64)
    power = np.ones(life + 1, dtype=np.int64)
    for k in range(life):
        power[k + 1] = power[k] * width
    for code in range(len(out)):
        here, rest = 0, code
        for age in range(life - 1, -1, -1):
            shelf[age] = rest % width
            rest //= width
            here += shelf[age]
        # tomorrow's morning: every age but the oldest moves one on
        morning = code // width
        place, left, total = life - 1, 1.0, 0.0
        for demand in range(last + 1):
            chance = chances[demand] if demand < here else left
            paid = terms[3] * shelf[life - 1] + terms[4] * (here - demand)
            total += chance * (paid + terms[5] * after[morning])
            if demand == here:
                for more in range(demand, last + 1):
                    total += chances[more] * terms[2] * (more - here)
                break
            left -= chance
            while shelf[place] == 0:
                place -= 1
            shelf[place] -= 1
            if place < life - 1:
                morning -= power[life - 2 - place]
        out[code] = total


@compiled
def mixed_ages(full: Any, ages: Any, kind: Any, sizes: Any) -> Any:
    """[order, states]: expectation of `full` [fresh units, states] over how an order of the
    `sizes` from the least to the largest is aged.

    Age by age from the oldest, a unit that is no older is of that age by itself: so the sum
    over all splits is one sum over a binomial after the other."""
    (life, most), (least, largest) = kind, sizes
    width = most + 1
    now = full[: largest + 1].copy()
    states = full.shape[1]
    choose = np.zeros((width, width))
    for n in range(width):
        choose[n, 0] = 1.0
        for k in range(1, n + 1):
            choose[n, k] = choose[n - 1, k - 1] + (choose[n - 1, k] if k < n else 0.0)
    stride = states
    share = ages[0]
    for age in range(1, life):  # entry age - 1 of a morning's shelf
        stride //= width
        share += ages[age]
        p = ages[age] / share
        following = np.zeros_like(now)
        for order in range(least if age == life - 1 else 0, largest + 1):
            for aged in range(order + 1):
                weight = choose[order, aged] * p**aged * (1.0 - p) ** (order - aged)
                source, target = now[order - aged], following[order]
                for block in range(0, states, stride * width):
                    for amount in range(width):
                        to = block + amount * stride
                        come = block + min(most, amount + aged) * stride
                        for k in range(stride):
                            target[to + k] += weight * source[come + k]
        now = following
    return now
