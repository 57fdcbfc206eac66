"""Platelets: demand by weekday, units that arrive at any age, against the exact optimum.

A morning's state is the weekday and what is left by age (m - 1 amounts, the freshest
first). What is ordered arrives at once, each unit with a life drawn by itself; what a
shelf of one age cannot hold is not accepted. Then demand, the oldest first; what is left
of the oldest is thrown away, and everything left that night is charged for holding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.oracles.ages import (
    evening,
    look_ahead_unit,
    mixed_ages,
    one_night,
    reorder_cost,
    settle_shelf,
)
from services.replenishment.adapters.oracles.perishable import (
    MOST_PLANNED,
    PLAYED_DAYS,
    PLAYS,
    SEED,
    Answer,
)
from services.replenishment.domain.problem import Floats, Ints

WEEK = 7
CLOSE = 1e-6  # of the cost, as a share: how exactly it is worked out
MOST_SHELVES = 5_000_000  # full shelves after a delivery: those of more are not solved here
PATHS, AHEAD, LONG = 240, 10, 14_000


@dataclass(frozen=True, slots=True, eq=False)
class Platelets:
    life: int
    most: int  # a day's order, and of each age on the shelf
    demand: Floats  # [7, D + 1] chances by weekday
    ages: Floats  # [most + 1, m] chance of each age of a unit by the order's size, freshest first
    terms: Floats  # EUR: order, unit, short, waste, hold; then the discount

    @property
    def shelves(self) -> int:
        return int((self.most + 1) ** self.life)


def platelets_of(p: Mapping[str, Any]) -> Platelets:
    """The problem of a published scenario's parameters: negative binomial demand of n and
    mean delta, what lies above the highest counted as the highest; the logit of each life
    above one day is c0 + c1 x the order."""
    most, top = p["max_order_quantity"], p["max_demand"]
    n, mean = np.array(p["weekday_demand_negbin_n"]), np.array(p["weekday_demand_negbin_delta"])
    chances = stats.nbinom.pmf(np.arange(top + 1), n[:, None], (n / (n + mean))[:, None])
    chances[:, top] += 1.0 - chances.sum(axis=1)
    first = np.array(p["shelf_life_at_arrival_distribution_c_0"], dtype=float)
    slope = np.array(p["shelf_life_at_arrival_distribution_c_1"], dtype=float)
    logit = np.zeros((most + 1, p["max_useful_life"]))
    logit[:, 1:] = first + slope * np.arange(most + 1)[:, None]
    odds = np.exp(logit[:, ::-1])
    names = ("fixed_order", "variable_order", "shortage", "wastage", "holding")
    terms = np.array([*(p[f"{name}_cost"] for name in names), p["gamma"]], dtype=float)
    return Platelets(
        life=p["max_useful_life"],
        most=most,
        demand=chances,
        ages=odds / odds.sum(axis=1, keepdims=True),
        terms=terms,
    )


def play_platelets(one: Platelets) -> Answer:
    """What re-planning costs from an empty shelf, any weekday alike, and the least there is."""
    best, value = _least(one, None, np.zeros((WEEK, (one.most + 1) ** (one.life - 1))))
    ours, _ = _least(one, _planned(one), value)
    return Answer(ours, best, ours / best)


def _least(one: Platelets, orders: Ints | None, value: Floats) -> tuple[float, Floats]:
    """Discounted cost of these orders [weekday, state], or of the best ones, and [weekday,
    state] the values; `value` is where to begin."""
    discount = float(one.terms[5]) ** WEEK
    weight = discount / (1.0 - discount)
    while True:
        before = value.copy()
        for weekday in range(WEEK - 1, -1, -1):
            value[weekday] = _morning(one, weekday, value[(weekday + 1) % WEEK], orders)
        change = value - before
        low, high = change.min(axis=1), change.max(axis=1)
        if (weight * (high - low) <= CLOSE * abs(value[:, 0])).all():
            settled = value[:, 0] + weight * 0.5 * (high + low)
            return float(settled.mean()), value


def _morning(one: Platelets, weekday: int, after: Floats, orders: Ints | None) -> Floats:
    """[states] of one weekday, from the next morning's values."""
    width = one.most + 1
    full: Floats = np.empty(one.shelves)
    evening((one.life, one.most), one.demand[weekday], one.terms, after, full)
    full = full.reshape(width, -1)
    states = full.shape[1]
    best = full[0].copy() if orders is None else np.where(orders[weekday] == 0, full[0], np.inf)
    same = (one.ages == one.ages[0]).all()
    kind = (one.life, one.most)
    mixed = mixed_ages(full, one.ages[0], kind, (0, one.most)) if same else full
    for order in range(1, width):
        mine = np.arange(states) if orders is None else np.flatnonzero(orders[weekday] == order)
        if not len(mine):
            continue
        if not same:
            mixed = mixed_ages(full, one.ages[order], kind, (order, order))
        total = one.terms[0] + one.terms[1] * order + mixed[order, mine]
        best[mine] = np.minimum(best[mine], total)
    return best


def _planned(one: Platelets) -> Ints:
    """[weekday, state] orders: re-planned where many days of play come by, in the rarer
    states by the reorder points and levels of each weekday that cost least."""
    random = np.random.default_rng(SEED)
    kind, ladder = np.array([one.life, one.most]), np.cumsum(one.ages, axis=1)
    paths = _days(one, (WEEK, PATHS, AHEAD), random)
    rules = _rules(one, kind, ladder, _days(one, (1, 1, LONG), random))
    states = np.arange((one.most + 1) ** (one.life - 1))
    orders = np.zeros((WEEK, len(states)), dtype=np.int64)
    total = np.zeros(len(states), dtype=np.int64)
    for age in range(one.life - 1):
        total += states // (one.most + 1) ** age % (one.most + 1)
    for weekday in range(WEEK):
        low, high = rules[weekday]
        orders[weekday] = np.where(total <= low, np.clip(high - total, 0, one.most), 0)
    met: set[tuple[int, int]] = set()
    wanted, lives = _days(one, (1, PLAYS, PLAYED_DAYS), random)
    shelf = np.zeros(one.life, dtype=np.int64)
    for asked, life in zip(wanted[0], lives[0], strict=True):
        shelf[:] = 0
        for day in range(PLAYED_DAYS):
            weekday, code = day % WEEK, settle_shelf(shelf, one.most)
            if (weekday, code) not in met and len(met) < MOST_PLANNED:
                met.add((weekday, code))
                ahead = paths[0][weekday], paths[1][weekday]
                found = look_ahead_unit(shelf, (kind, ladder, one.terms, rules), ahead, weekday)
                orders[weekday, code] = found
            order = int(orders[weekday, code])
            one_night(shelf, (kind, ladder, one.terms), order, (asked[day], life[day]))
    return orders


def _days(
    one: Platelets, shape: tuple[int, int, int], random: np.random.Generator
) -> tuple[Ints, Floats]:
    """Demand of days in a row from each weekday on, and numbers in [0, 1) of each unit's life."""
    weekday = (np.arange(shape[0])[:, None] + np.arange(shape[2])) % WEEK
    ladder = np.cumsum(one.demand, axis=1)
    drawn = random.random(shape)
    wanted: Ints = (drawn[..., None] > ladder[weekday][:, None, :, :-1]).sum(axis=-1)
    return wanted, random.random((*shape, one.most))


def _rules(one: Platelets, kind: Ints, ladder: Floats, long: tuple[Ints, Floats]) -> Ints:
    """[weekday, (order at or below, up to)] tuned by turns on one long path."""
    rules = np.array([[one.most // 3, one.most]] * WEEK)
    days = long[0][0, 0], long[1][0, 0]
    best = np.inf
    while True:
        before = best
        for weekday in range(WEEK):
            for part, highest in ((0, 2 * one.most), (1, 2 * one.most)):
                for level in range(highest):
                    kept = rules[weekday, part]
                    rules[weekday, part] = level
                    cost = reorder_cost((kind, ladder, one.terms), rules, days)
                    if cost < best:
                        best = cost
                    else:
                        rules[weekday, part] = kept
        if best >= before * (1.0 - 1e-4):
            return rules
