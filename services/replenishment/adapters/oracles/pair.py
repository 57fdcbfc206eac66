"""Two perishable goods of which one stands in for the other, against the exact optimum.

A morning's state is what is there of A and of B by age (m amounts each, the freshest
first). A day: who asks for B and finds none takes A with a given chance, after those who
asked for A; oldest first; the oldest rest expires; what was ordered arrives for the next
morning. What tomorrow begins with, today's orders aside, depends on today's state only:
one table of chances [state, what is left] serves all orders at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.oracles.perishable import (
    BEYOND,
    LONG,
    MOST_PLANNED,
    PATHS,
    PLAYED_DAYS,
    PLAYS,
    SEED,
    TAIL,
    Answer,
    settled,
)
from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.domain.problem import Floats, Ints

MOST_ENTRIES = 60_000_000  # of the table of chances
EVALUATIONS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Entry 0 of each is A's, entry 1 B's."""

    life: int
    most: tuple[int, int]  # a day's order
    mean: tuple[float, float]  # of a Poisson demand
    instead: float  # chance that A will do for who wanted B
    buys: Floats  # EUR a unit
    sells: Floats  # EUR a unit

    @property
    def one(self) -> tuple[int, int]:
        """States of each."""
        return (self.most[0] + 1) ** self.life, (self.most[1] + 1) ** self.life

    @property
    def left(self) -> tuple[int, int]:
        """What may be left of each for the next day."""
        return (self.most[0] + 1) ** (self.life - 1), (self.most[1] + 1) ** (self.life - 1)

    @property
    def entries(self) -> int:
        return self.one[0] * self.one[1] * self.left[0] * self.left[1]


def pair_of(p: Mapping[str, Any]) -> Pair:
    """The problem of a published scenario's parameters."""
    return Pair(
        life=p["max_useful_life"],
        most=(p["max_order_quantity_a"], p["max_order_quantity_b"]),
        mean=(p["demand_poisson_mean_a"], p["demand_poisson_mean_b"]),
        instead=p["substitution_probability"],
        buys=np.array([p["variable_order_cost_a"], p["variable_order_cost_b"]], dtype=float),
        sells=np.array([p["sales_price_a"], p["sales_price_b"]], dtype=float),
    )


def play_pair(pair: Pair) -> Answer:
    """What re-planning earns a day, and the most that any policy can earn."""
    model = _Model(pair)
    best, value = model.optimal()
    ours = model.earns(_planned(pair), value)
    return Answer(-ours, -best, best / ours)


class _Model:
    """The exact Markov decision process; values are costs [states of A, states of B]."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        issued = _issued(pair)
        kept = [_kept(most, pair.life) for most in pair.most]  # [states, issued] what is left
        here = [_shelves(most, pair.life).sum(axis=1) for most in pair.most]
        chance = np.zeros((*pair.one, *pair.left))
        sold = np.zeros(pair.one)
        earned = sum(
            pair.sells[k] * np.arange(issued.shape[2 + k]).reshape((-1, 1) if k == 0 else (1, -1))
            for k in (0, 1)
        )
        for a, b in itertools.product(range(pair.one[0]), range(pair.one[1])):
            gone = issued[here[0][a], here[1][b], : here[0][a] + 1, : here[1][b] + 1]
            place = (kept[0][a, : here[0][a] + 1, None], kept[1][b, None, : here[1][b] + 1])
            np.add.at(chance[a, b], np.broadcast_arrays(*place), gone)
            sold[a, b] = (gone * earned[: here[0][a] + 1, : here[1][b] + 1]).sum()
        self._chance = chance.reshape(np.prod(pair.one), np.prod(pair.left))
        self._sold = sold.ravel()

    def _ahead(self, value: Floats) -> Floats:
        """[what is left, orders] cost from tomorrow on, today's orders paid."""
        pair = self._pair
        shape = (pair.left[0], pair.most[0] + 1, pair.left[1], pair.most[1] + 1)
        ahead = value.reshape(shape).transpose(0, 2, 1, 3)
        paid = pair.buys[0] * np.arange(shape[1])[:, None] + pair.buys[1] * np.arange(shape[3])
        flat: Floats = (ahead + paid).reshape(pair.left[0] * pair.left[1], -1)
        return flat

    def optimal(self) -> tuple[float, Floats]:
        value = -self._sold
        while True:
            totals = self._chance @ self._ahead(value) - self._sold[:, None]
            orders, after = totals.argmin(axis=1), totals.min(axis=1)
            found = settled(value, after, 1.0, 0)
            if found is not None:
                return found, after
            value = after
            for _ in range(EVALUATIONS):
                value = self._follow(orders, value)
            value -= value[0]

    def earns(self, orders: Ints, value: Floats) -> float:
        """Cost a day (what is earned, negative) where these orders [states] are placed."""
        while True:
            after = self._follow(orders, value)
            found = settled(value, after, 1.0, 0)
            if found is not None:
                return found
            value = after - after[0]

    def _follow(self, orders: Ints, value: Floats) -> Floats:
        ahead = np.ascontiguousarray(self._ahead(value).T)
        followed: Floats = np.einsum("sk,sk->s", self._chance, ahead[orders]) - self._sold
        return followed


def _shelves(most: int, life: int) -> Ints:
    """[states, life]: the freshest is the last digit."""
    codes = np.arange((most + 1) ** life)
    digits: Ints = codes[:, None] // (most + 1) ** np.arange(life) % (most + 1)
    return digits


def _kept(most: int, life: int) -> Ints:
    """[states, issued] code of what is left of all but the oldest."""
    shelf = _shelves(most, life)
    issued = np.arange(most * life + 1)
    gone = np.broadcast_to(issued, (len(shelf), len(issued)))
    code = np.zeros(gone.shape, dtype=np.int64)
    for age in range(life - 1, -1, -1):  # the oldest go first
        taken = np.minimum(gone, shelf[:, age, None])
        gone = gone - taken
        if age < life - 1:
            code += (shelf[:, age, None] - taken) * (most + 1) ** age
    return code


def _issued(pair: Pair) -> Floats:
    """[stock of A, stock of B, issued of A, issued of B] chances."""
    highest = [most * pair.life for most in pair.most]
    demand = [
        stats.poisson.pmf(np.arange(int(stats.poisson.isf(TAIL, mean)) + 2), mean)
        for mean in pair.mean
    ]
    demand = [chances / chances.sum() for chances in demand]
    found = np.zeros((highest[0] + 1, highest[1] + 1, highest[0] + 1, highest[1] + 1))
    for there in range(highest[1] + 1):
        # [issued of B, asked for A]: those who wanted A, and those who take it instead
        asked = np.zeros((there + 1, len(demand[0]) + len(demand[1])))
        for wanted, chance in enumerate(demand[1]):
            lacking = max(0, wanted - there)
            instead = stats.binom.pmf(np.arange(lacking + 1), lacking, pair.instead)
            both = np.convolve(demand[0], instead)
            asked[min(wanted, there), : len(both)] += chance * both
        for stock in range(highest[0] + 1):
            found[stock, there, :stock, : there + 1] = asked[:, :stock].T
            found[stock, there, stock, : there + 1] = asked[:, stock:].sum(axis=1)
    return found


def _planned(pair: Pair) -> Ints:
    """[states] both orders as one number: as for one good, the levels tuned by turns."""
    random = np.random.default_rng(SEED)
    days = 2 * pair.life + BEYOND
    paths = _drawn(pair, (PATHS, days), random)
    long = _drawn(pair, (1, LONG // 4), random)[0]
    way, terms = np.array([*pair.most, pair.life]), np.array([*pair.buys, *pair.sells])
    level = _levels(pair, way, terms, long)
    shelves = [_shelves(most, pair.life) for most in pair.most]
    wanted = [
        np.clip(level[k] - shelves[k].sum(axis=1), 0, pair.most[k]).astype(np.int64) for k in (0, 1)
    ]
    orders: Ints = (wanted[0][:, None] * (pair.most[1] + 1) + wanted[1]).ravel()
    met: set[int] = set()
    for asked in _drawn(pair, (PLAYS, PLAYED_DAYS), random):
        state = np.zeros((2, pair.life), dtype=np.int64)
        for today in asked:
            code = _code(pair, state)
            if code not in met:
                if len(met) == MOST_PLANNED:
                    break
                met.add(code)
                first = np.array(divmod(int(orders[code]), pair.most[1] + 1))
                found = look_ahead_pair(state, (way, terms, level), paths, first)
                orders[code] = found[0] * (pair.most[1] + 1) + found[1]
            day_of_pair(state, way, np.array(divmod(int(orders[code]), pair.most[1] + 1)), today)
    return orders


def _code(pair: Pair, state: Ints) -> int:
    a, b = (int((state[k] * (pair.most[k] + 1) ** np.arange(pair.life)).sum()) for k in (0, 1))
    return a * pair.one[1] + b


def _drawn(pair: Pair, shape: tuple[int, int], random: np.random.Generator) -> Ints:
    """[.., 3] demand for A, for B, and by how many of B's chances in 2**62 A will do: of
    who lack B, the first so many of 62 tosses count."""
    tosses = random.random((*shape, 62)) < pair.instead
    bits = (tosses * (1 << np.arange(62, dtype=np.int64))).sum(axis=-1)
    asked = [random.poisson(mean, shape) for mean in pair.mean]
    drawn: Ints = np.stack([*asked, bits], axis=-1)
    return drawn


def _levels(pair: Pair, way: Ints, terms: Floats, long: Ints) -> Ints:
    """Levels of A and B that earn most over one long path, each improved in turn."""
    level = np.array([int(2 * mean) for mean in pair.mean])
    while True:
        before = level.copy()
        for k in (0, 1):
            tried = []
            for one in range(1, 2 * pair.most[k] + 1):
                level[k] = one
                tried.append(pair_up_to(way, terms, level, long))
            level[k] = 1 + int(np.argmin(tried))
        if (level == before).all():
            return level


@compiled
def day_of_pair(state: Any, way: Any, order: Any, asked: Any) -> Any:
    """Moves state [2, m] one day on; what was issued of A and of B."""
    life = way[2]
    here = state[1].sum()
    lacking = max(0, asked[1] - here)
    wanted_a, bits = asked[0], asked[2]
    for _ in range(min(lacking, 62)):
        wanted_a += bits & 1
        bits >>= 1
    issued = np.zeros(2, dtype=np.int64)
    for k in range(2):
        left = wanted_a if k == 0 else asked[1]
        for age in range(life - 1, -1, -1):
            taken = min(left, state[k, age])
            state[k, age] -= taken
            left -= taken
            issued[k] += taken
        for age in range(life - 1, 0, -1):
            state[k, age] = state[k, age - 1]
        state[k, 0] = order[k]
    return issued


@compiled
def pair_up_to(way: Any, terms: Any, level: Any, asked: Any) -> Any:
    """Mean cost a day of ordering both up to their levels, over one path."""
    state, order = np.zeros((2, way[2]), dtype=np.int64), np.zeros(2, dtype=np.int64)
    total = 0.0
    for d in range(len(asked)):
        for k in range(2):
            order[k] = min(way[k], max(0, level[k] - state[k].sum()))
        issued = day_of_pair(state, way, order, asked[d])
        for k in range(2):
            total += terms[k] * order[k] - terms[2 + k] * issued[k]
    return total / len(asked)


@compiled
def look_ahead_pair(state: Any, terms_of: Any, paths: Any, first: Any) -> Any:
    """The orders with the least mean cost over the paths, if every later day orders up to
    the levels: from `first` on one of the two is changed while that helps."""
    way = terms_of[0]
    best = _tried(state, terms_of, paths, first)
    for _ in range(4):
        moved = False
        for k in range(2):
            kept = first[k]
            for order in range(way[k] + 1):
                trial = first.copy()
                trial[k] = order
                cost = best if order == first[k] else _tried(state, terms_of, paths, trial)
                if cost < best - 1e-9:
                    best, kept = cost, order
            moved = moved or kept != first[k]
            first[k] = kept
        if not moved:
            break
    return first


@compiled
def _tried(state: Any, terms_of: Any, paths: Any, first: Any) -> Any:
    way, terms, level = terms_of
    scratch, order = np.empty(state.shape, dtype=np.int64), np.empty(2, dtype=np.int64)
    total = 0.0
    for p in range(len(paths)):
        scratch[:] = state
        for d in range(paths.shape[1]):
            for k in range(2):
                order[k] = first[k]
                if d > 0:
                    order[k] = min(way[k], max(0, level[k] - scratch[k].sum()))
            issued = day_of_pair(scratch, way, order, paths[p, d])
            for k in range(2):
                total += terms[k] * order[k] - terms[2 + k] * issued[k]
        for k in range(2):
            total -= terms[k] * scratch[k].sum()
    return total
