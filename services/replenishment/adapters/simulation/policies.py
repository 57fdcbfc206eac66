"""The policies that are played, all with the same news of the past."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from services.replenishment.adapters.simulation.shelf import (
    BASE_STOCK,
    REORDER,
    play,
    serve,
    tune,
)
from services.replenishment.adapters.simulation.world import LINE, ORDER, World
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.policy import LEVELS, WEIGHTS
from services.replenishment.domain.problem import (
    NO_BREAK,
    NO_CAP,
    Flags,
    Floats,
    Ints,
    Problem,
    Rows,
    Spoilage,
)

WINDOW = 84  # days of the past in a forecast, as in the AMC of three months
ERROR = 0.15  # of a forecast's mean, as a share: standard deviation
HORIZON = 28
SHARED = 6.0  # lines that share an order, on average: for the rules that plan lines alone
AMC_REORDER, AMC_MOST = 30.0, 30.0  # days: order below one month, up to two
EXTRA_DAYS = 3
RUN_IN = 90  # days that are played before the test, so that shelves are as the policy leaves them


@dataclass(frozen=True, slots=True)
class Stress:
    """What goes wrong in the test, if anything."""

    name: str = "none"
    closed: tuple[int, int] = (0, 0)  # days of the test on which suppliers take no order
    share: float = 1.0  # of each order that arrives
    demand: float = 1.0  # times, over the days `surge`
    surge: tuple[int, int] = (0, 0)
    bias: float = 1.0  # of the forecasts' mean


CALM = Stress()


@dataclass(frozen=True, slots=True)
class Caution:
    """How ours is set: chosen on items that are not reported."""

    vital_spread: float = 1.0  # times the deviation that is forecast for vital items
    vital_shortage: float = 1.0  # times the price of a shortage of vital items
    spoilage: float = 1.0  # times the price of what is thrown away


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What one policy did over the test: amounts in packs, EUR, by item and day."""

    on_hand: Floats
    missing: Floats
    short: Floats  # of the day's own demand
    expired: Floats
    ordered: Floats
    demand: Floats


class Scene:
    """A world, its seeded lead times, and what was known each morning."""

    def __init__(self, world: World, stress: Stress = CALM) -> None:
        self.world, self.stress = world, stress
        w, s = world, stress
        draw = np.random.default_rng(2)
        late = draw.random((w.count, w.days)) < w.late[:, None]
        self.extra: Ints = (late * EXTRA_DAYS).astype(np.int64)
        self.opened = w.open_days.copy()
        self.opened[:, w.warm + s.closed[0] : w.warm + s.closed[1]] = False
        self.demand = w.demand.copy()
        self.demand[:, w.warm + s.surge[0] : w.warm + s.surge[1]] *= s.demand
        self.share = np.ones(w.days)
        self.share[w.warm :] = s.share
        summed = np.cumsum(np.pad(self.demand, ((0, 0), (1, 0))), axis=1)
        days = np.arange(w.days)
        start = np.maximum(days - WINDOW, 0)
        length = np.maximum(days - start, 1)
        self.mean = (summed[:, days] - summed[:, start]) / length
        # the spread of weeks, which a profile within the week does not blur
        weeks = [np.maximum(days - 7 * k, 0) for k in range(WINDOW // 7 + 1)]
        sums = np.stack([summed[:, a] - summed[:, b] for a, b in itertools.pairwise(weeks)])
        self.spread = np.sqrt(sums.var(axis=0) / 7.0)
        self.mean[:, w.warm :] *= s.bias
        self.start = max(w.first, w.warm - RUN_IN)

    def inputs(self, item: int, span: slice) -> tuple[tuple[Any, ...], tuple[float, ...]]:
        w = self.world
        lead = np.full(w.days, w.lead[item], dtype=np.int64)
        days = (
            self.demand[item, span], self.opened[item, span], lead[span],
            self.extra[item, span], self.share[span],
        )  # fmt: skip
        terms = (
            float(w.life[item]), float(w.kind[item] < 2), float(w.holding[item]),
            float(w.shortage[item]), float(w.price[item]), LINE + ORDER / SHARED,
        )  # fmt: skip
        return days, terms

    def news(self, item: int, span: slice) -> Floats:
        return np.stack([self.mean[item, span], self.spread[item, span]])

    def played(self, out: Floats) -> Played:
        w = self.world
        test = out[:, w.warm - self.start :]
        on_hand, missing, short, expired, ordered = (test[:, :, k] for k in range(5))
        return Played(on_hand, missing, short, expired, ordered, self.demand[:, w.warm :])


def by_rule(scene: Scene, choices: Floats, times: float = 1.0) -> Played:
    """A rule per item, the one that cost least over the warm-up (never stressed), where a
    shortage counted so many `times`."""
    w = scene.world
    calm = Scene(w)
    out = np.zeros((w.count, w.days - scene.start, 6))
    for item in range(w.count):
        before, whole = slice(w.first, w.warm), slice(scene.start, w.days)
        days, terms = calm.inputs(item, before)
        dearer = (*terms[:3], terms[3] * times, *terms[4:])
        best = tune(days, dearer, choices, calm.news(item, before))
        days, terms = scene.inputs(item, whole)
        play(days, terms, choices[best], scene.news(item, whole), out[item])
    return scene.played(out)


def base_stock_choices() -> Floats:
    levels = itertools.product((3, 5, 7, 10, 14, 18, 24, 32, 45), (0.0, 1.0, 2.0, 3.0))
    return np.array([[BASE_STOCK, level, 0.0, safety] for level, safety in levels])


def reorder_choices() -> Floats:
    levels = itertools.product((3, 5, 7, 10, 14, 20, 30), (3, 7, 14, 21, 35), (0.0, 1.0, 2.0, 3.0))
    return np.array([[REORDER, low, up, safety] for low, up, safety in levels])


def amc_choices() -> Floats:
    return np.array([[REORDER, AMC_REORDER, AMC_MOST, 0.0]])


def by_plan(scene: Scene, perfect: bool, caution: Caution) -> Played:
    """The engine re-plans every day of the whole play; only the first day is carried out."""
    w = scene.world
    out = np.zeros((w.count, w.days - scene.start, 6))
    lots = [np.zeros(int(life)) for life in w.life]
    coming, owed = np.zeros((w.count, 60)), np.zeros(w.count)
    for item in range(w.count):
        lots[item][-1] = 14.0 * scene.mean[item, scene.start]
    for place, day in enumerate(range(scene.start, w.days)):
        if scene.opened[:, day].any():
            orders = _orders(scene, day, (lots, coming, owed), caution if not perfect else None)
            for item in np.flatnonzero(orders).tolist():
                arrives = int(w.lead[item] + scene.extra[item, day])
                coming[item, arrives] += orders[item] * scene.share[day]
            out[:, place, 4] = orders
        for item in range(w.count):
            before, demand = owed[item], scene.demand[item, day]
            served, owed[item], missing, expired = serve(
                lots[item], coming[item], before, demand, w.kind[item] < 2
            )
            short = min(demand, max(0.0, demand - max(0.0, served - before)))
            out[item, place, :4] = lots[item].sum(), missing, short, expired
    return scene.played(out)


def _orders(
    scene: Scene, day: int, state: tuple[list[Floats], Floats, Floats], caution: Caution | None
) -> Ints:
    """[N] packs to order this morning; without `caution`, what comes is foreseen."""
    w, (lots, coming, owed) = scene.world, state
    ahead: Floats = np.arange(1.0, HORIZON + 1)
    vital, set_to = w.kind == 0, caution or Caution()
    if caution is None:
        there = scene.demand[:, day : day + HORIZON]
        path = np.cumsum(np.pad(there, ((0, 0), (0, HORIZON - there.shape[1]))), axis=1)
        demand, weights = path[:, :, None], np.ones(1)
    else:
        mean = np.maximum(scene.mean[:, day], 1e-6)[:, None] * ahead
        variance = scene.spread[:, day, None] ** 2 * ahead + (ERROR * mean) ** 2
        variance *= np.where(vital, set_to.vital_spread**2, 1.0)[:, None]
        demand, weights = _quantiles(mean, np.maximum(variance, 1e-6 * mean)), WEIGHTS
    on_hand = np.array([one.sum() for one in lots])
    due = np.zeros((w.count, HORIZON))
    for item in range(w.count):
        part = lots[item][:HORIZON]
        due[item, : len(part)] = np.cumsum(part)
        due[item, len(part) :] = part.sum()
    lost = np.maximum.accumulate(np.maximum(due[:, :, None] - demand, 0.0), axis=1)
    arrived = np.cumsum(coming[:, :HORIZON], axis=1)
    supply = (on_hand[:, None] + arrived - owed[:, None])[:, :, None] - lost
    opened = np.zeros((w.count, HORIZON), dtype=bool)
    known = w.open_days[:, day : day + HORIZON]
    opened[:, : known.shape[1]] = known
    opened[:, 0] = scene.opened[:, day]
    # an order of day t must be used by day t + lead + life - 1: beyond the horizon, at its rate
    last = np.arange(HORIZON)[None, :] + (w.lead + w.life - 1)[:, None]
    row = np.arange(w.count)[:, None]
    further = np.maximum(last + 1 - HORIZON, 0)[:, :, None] / HORIZON
    use = demand[row, np.minimum(last, HORIZON - 1)] + further * demand[:, -1:, :]
    # what expires unused leaves its place to what is ordered
    have = on_hand + coming.sum(axis=1) - owed - lost[:, -1] @ weights
    spoilage = Spoilage(have, use, w.price * set_to.spoilage)
    shortage = w.shortage * np.where(vital, set_to.vital_shortage, 1.0)
    problem = _problem(scene, (demand, supply, weights), (opened, shortage), spoilage)
    plan = solve(problem, Effort(rounds=1), 1, Watch(time.monotonic))
    return plan.orders[:, 0]


def _quantiles(mean: Floats, variance: Floats) -> Floats:
    """[N, T, L] of a gamma with this mean and variance, from a table by its shape."""
    shape = np.clip(mean**2 / variance, 1e-2, 1e4)
    found: Floats = np.stack([np.interp(np.log(shape), _GRID, row) for row in _TABLE], axis=2)
    paths = found * mean[:, :, None]
    return np.maximum.accumulate(paths, axis=1)


_GRID = np.linspace(np.log(1e-2), np.log(1e4), 120)
_TABLE = stats.gamma.ppf(LEVELS[:, None], np.exp(_GRID)[None, :]) / np.exp(_GRID)[None, :]


def _problem(
    scene: Scene,
    paths: tuple[Floats, Floats, Floats],
    terms: tuple[Flags, Floats],
    spoilage: Spoilage,
) -> Problem:
    w, (demand, supply, weights), (opened, shortage) = scene.world, paths, terms
    ones = np.ones(w.count, dtype=np.int64)
    rows = Rows(
        demand=demand,
        supply=np.broadcast_to(supply, demand.shape),
        pack=np.ones(w.count),
        lead=w.lead,
        order_days=opened,
        minimum=ones,
        multiple=ones,
        most=np.full(w.count, np.iinfo(np.int64).max // 4),
        price=w.price,
        break_packs=np.full((w.count, 0), NO_BREAK),
        break_discount=np.zeros((w.count, 0)),
        line_cost=np.full(w.count, LINE),
        holding=w.holding,
        shortage=shortage,
        site=0 * ones,
        group=w.supplier,
        cap=np.full(w.count, NO_CAP),
    )
    return Problem(
        rows=rows,
        weights=weights,
        order_cost=np.full(int(w.supplier.max()) + 1, ORDER),
        weekly_budget=np.full((1, HORIZON // 7), np.inf),
        budget_penalty=0.0,
        caps=np.zeros(0, dtype=np.int64),
        spoilage=spoilage,
    )


RULES: dict[str, Callable[[], Floats]] = {
    "base_stock": base_stock_choices,
    "s_S": reorder_choices,
    "amc": amc_choices,
}
