"""From a problem to a plan and a proof of how far it can be from the best one.

Rounds of: put prices on the limits; improve the bound on shared orders (links); find a
plan of every group at these prices (patterns); let GLOP mix the known plans into new
prices (master). The bound of every round is valid, the best one is kept. Between rounds
the rows' plans are mixed at the true cost (finish).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.book import Book
from services.replenishment.adapters.solver.capped import Capped
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.finish import Finish
from services.replenishment.adapters.solver.grid import grid_of, reach
from services.replenishment.adapters.solver.links import Links
from services.replenishment.adapters.solver.patterns import Patterns
from services.replenishment.adapters.solver.polish import MOST_ROWS, Polish, Proof
from services.replenishment.domain.check import check, cost
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import NO_CAP, Flags, Floats, Ints, Problem

FIRST_SWEEPS, SWEEPS, KICKS, VARIANTS = 8, 3, 2, 2
LOOKS = 3  # while prices are being found, every so many rounds a plan is finished
LAST = 4  # and in the last so many rounds that time allows, plans are improved in any case
PACE = 3  # in small problems, prices move so many times from one improvement to the next
SETTLED = 0.001  # distance from the master's value at which prices count as found,
QUIET, QUIET_ROUNDS = 1e-5, 6  # or so many rounds that did not raise the bound by this share,
NEAR = 0.02  # when it is not farther than this
ROUNDING = 1e-7  # of sums of thousands of terms, as a share
# After a warm start prices move by so much of themselves, or of their ceiling (at most so
# many EUR): the first few plans say little. And plans are improved after so many rounds.
TRUST, LEEWAY, HIGHEST, WARM = 0.5, 0.05, 100.0, 5
SMOOTHING = 0.5  # how much of the best prices is kept when new ones come from the master
CHOOSE = 4  # every so many rounds of improvement there are exact choices: up to so many,
CHOICES, ROWS_CHOSEN = 4, 400  # of about so many rows in all
WALKS = 2  # pairs of them in every round of improvement
LONG, SLICE = 1.5, 0.3  # seconds that a choice may take; or this share of what is left
NOISE = 0.5  # spread of the prices of a variant, as a share


@dataclass(frozen=True, slots=True)
class Effort:
    """When to stop: whichever comes first."""

    seconds: float = float("inf")
    rounds: int = 60
    gap: float = 0.0005


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a solve is: EUR, and (cost - bound) / cost."""

    cost: float
    bound: float
    gap: float
    seconds: float
    rounds: int


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    orders: Ints  # [N, T] packs
    progress: Progress
    prices: Floats  # [R] of the limits, EUR per unit
    named: Prices  # the same and the shares of orders, for the next plan to start from


def gap_of(incumbent: float, bound: float) -> float:
    """(cost - bound) / cost, 0 when both are 0, never below 0."""
    if incumbent <= bound or incumbent == 0.0:
        return 0.0
    return min(1.0, (incumbent - bound) / abs(incumbent))


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks at a running solve: the time, who is told, and who may end it early."""

    timer: Callable[[], float]
    tell: Callable[[Progress, Ints | None], None] = lambda _progress, _orders: None
    cancelled: Callable[[], bool] = lambda: False
    price: Callable[[Prices], None] | None = None  # told the prices of every round, if asked for


def solve(
    problem: Problem, effort: Effort, seed: int, watch: Watch, start: Prices | None = None
) -> Solution:
    """The best plan found within `effort`, with its proven bound.

    `start`: prices of an earlier plan; the better they fit, the sooner plan and bound are
    near each other. The bound is proven whatever they are. The same problem, start, seed
    and rounds give the same plan as long as neither `seconds` nor `cancelled` cuts the
    search short.
    """
    search = _Search(problem, effort, seed, watch, start)
    search.run()
    return search.solution()


def _fold_caps(problem: Problem) -> Ints:
    """[N] most packs of each row, its own cap included."""
    rows = problem.rows
    caps = np.append(problem.caps, np.iinfo(np.int64).max)
    most: Ints = np.minimum(rows.most, caps[np.where(rows.cap == NO_CAP, len(caps) - 1, rows.cap)])
    return most


class _Search:
    """The state of one solve."""

    def __init__(
        self,
        problem: Problem,
        effort: Effort,
        seed: int,
        watch: Watch,
        start: Prices | None = None,
    ) -> None:
        self._known_prices = start
        self._problem, self._effort, self._watch = problem, effort, watch
        self._start = watch.timer()
        self._random = np.random.default_rng(seed)
        rows = problem.rows
        self._orders: Ints = np.zeros((rows.count, problem.days), dtype=np.int64)
        self._cost = cost(problem, self._orders).total
        self._told: Ints | None = None
        self._bound = -np.inf
        self._rounds = 0
        self._coupling = Coupling(problem)
        self._best_prices: Floats = np.zeros(self._coupling.count)
        self._best_links: Floats = np.zeros(0)

    @property
    def _seconds(self) -> float:
        return self._watch.timer() - self._start

    def _stop(self) -> bool:
        return self._seconds >= self._effort.seconds or self._watch.cancelled()

    def _progress(self) -> Progress:
        if self._bound > self._cost + ROUNDING * (1.0 + abs(self._cost)):
            raise ArithmeticError("a plan costs less than the bound: the bound is wrong")
        bound = min(self._bound, self._cost)
        return Progress(self._cost, bound, gap_of(self._cost, bound), self._seconds, self._rounds)

    def solution(self) -> Solution:
        return Solution(self._orders, self._progress(), self._best_prices, self._named())

    def _named(self) -> Prices:
        return self._coupling.named(self._best_prices, self._links.named(self._best_links))

    def run(self) -> None:
        problem, coupling = self._problem, self._coupling
        allowed = _fold_caps(problem) // problem.rows.multiple
        limit = np.minimum(reach(problem), allowed)
        self._grid = grid_of(problem, limit)
        self._floors = self._best_prices = coupling.floors(limit, allowed)
        self._fixed, self._fixed_use = coupling.fixed(self._grid)
        coupling.apply(self._grid, self._best_prices)
        self._capped = Capped(coupling, self._grid)
        self._links = Links(problem, self._grid)
        if self._known_prices is not None:
            wanted = coupling.numbered(self._known_prices)
            self._best_prices = np.maximum(wanted, self._floors)
            coupling.apply(self._grid, self._best_prices)
            self._links.start_from(self._known_prices.share)
        self._best_links = self._links.price.copy()
        self._patterns = Patterns(problem, self._grid, self._links.ahead)
        nothing = coupling.use_of(self._grid, np.zeros_like(self._orders))
        self._finish = Finish(coupling, self._fixed_use, nothing)
        self._polish = Polish(coupling, self._grid, self._finish)
        self._book = Book(coupling, self._fixed_use)
        self._book.enter(nothing, np.zeros_like(self._orders))
        self._rounds_of_search()

    def _rounds_of_search(self) -> None:
        """First the prices are found with quick plans, then the plans are improved."""
        prices, quiet, improved = self._best_prices, 0, 0
        settled, warm = False, self._known_prices is not None
        small = self._problem.rows.count <= MOST_ROWS
        pattern: Flags | None = None
        while not self._done():
            before, began = self._bound, self._seconds
            self._coupling.apply(self._grid, prices)
            self._bound_at(prices, FIRST_SWEEPS if pattern is None else SWEEPS)
            pattern, slots = self._plan_at(pattern, KICKS if settled else 1)
            if settled or self._rounds % LOOKS == 0:
                self._finish.start_from(slots, self._random, self._stop)
                self._divide_caps(prices)
                self._keep_plan(self._finish.steps)
            prices, distance = self._next_prices()
            left = self._effort.seconds - self._seconds
            in_turn = settled and (not small or self._rounds % PACE == 0)
            if in_turn or left < LAST * (self._seconds - began):
                self._improve(pattern)
                improved += 1
                if small:
                    self._walk()
                if small and improved % CHOOSE == 0:
                    self._choose()
            elif self._rounds % LOOKS == 0:
                self._round_off()
            self._rounds += 1
            self._say()
            quiet = 0 if self._bound > before + QUIET * abs(before) else quiet + 1
            stalled = quiet >= QUIET_ROUNDS and distance <= NEAR
            settled = settled or distance <= SETTLED or stalled
            settled = settled or (warm and self._rounds >= WARM)

    def _improve(self, pattern: Flags) -> None:
        for _ in range(VARIANTS):
            if not self._stop():
                self._round_off()
            if not self._stop():
                self._vary(pattern)

    def _say(self) -> None:
        """Tells how far it is, and hands over the plan when it is a better one."""
        better = self._orders is not self._told
        self._told = self._orders
        if self._watch.price is not None:
            self._watch.price(self._named())
        self._watch.tell(self._progress(), self._orders if better else None)

    def _done(self) -> bool:
        return self._rounds > 0 and (
            self._progress().gap <= self._effort.gap
            or self._rounds >= self._effort.rounds
            or self._stop()
        )

    def _vary(self, pattern: Flags) -> None:
        """Plans at prices that differ a little from group to group, mixed into the best."""
        width = NOISE * self._random.random()
        noise = np.exp(self._random.normal(0.0, width, len(self._problem.order_cost)))
        factor = noise[self._problem.rows.group]
        self._coupling.apply(self._grid, self._best_prices, factor)
        _, slots = self._plan_at(pattern, KICKS)
        self._finish.take(slots, self._random, self._stop)
        self._keep_plan(self._finish.steps)

    def _walk(self) -> None:
        """Random walks among near plans."""
        scale = self._cost / self._problem.rows.count
        self._fetch()
        for _ in range(WALKS):
            if not self._stop():
                self._polish.anneal(scale, self._random)
                self._keep_plan(self._finish.steps)

    def _fetch(self) -> None:
        """The finish gets each row's plans near the prices of the proof."""
        gap = self._cost - self._bound
        self._polish.fetch(Proof(self._best_prices, self._best_links), gap)

    def _choose(self) -> None:
        """Exact choices among near plans."""
        self._fetch()
        for _ in range(min(CHOICES, max(1, ROWS_CHOSEN // self._problem.rows.count))):
            if self._stop():
                return
            left = self._effort.seconds - self._seconds
            self._polish.improve(min(left, max(LONG, SLICE * left)), self._random)
            self._keep_plan(self._finish.steps)
            self._say()

    def _round_off(self) -> None:
        """One plan per group, drawn from the master's mix, improved as a whole."""
        if not self._book.mixed:
            return
        steps = self._book.draw(self._random)
        use = self._coupling.use_of(self._grid, steps)
        slots = self._finish.remember(steps, use)
        self._finish.start_from(slots, self._random, self._stop)
        self._finish.take(slots, self._random, self._stop)
        self._keep_plan(self._finish.steps)

    def _divide_caps(self, prices: Floats) -> None:
        """The present mix with every allocation divided as the bound divides it."""
        if not self._capped.any or self._stop():
            return
        steps = self._capped.divide(prices, self._links.price, self._finish.steps)
        slots = self._finish.remember(steps, self._coupling.use_of(self._grid, steps))
        self._finish.start_from(slots, self._random, self._stop)

    def _bound_at(self, prices: Floats, sweeps: int) -> None:
        free = float(prices @ (self._coupling.room - self._fixed_use))
        self._keep_bound(self._fixed + self._links.restart() - free, prices)
        for _ in range(sweeps):
            if self._stop():
                return
            swept = self._links.sweep()
            lift = self._capped.lift(prices, self._links.price)
            self._keep_bound(self._fixed + swept - free + lift, prices)

    def _keep_bound(self, bound: float, prices: Floats) -> None:
        if bound > self._bound:
            self._bound, self._best_prices = bound, prices
            self._best_links = self._links.price.copy()

    def _plan_at(self, pattern: Flags | None, kicks: int) -> tuple[Flags, Ints]:
        """The plan of every group at the present prices: its open days, and its slots."""
        start = self._patterns.used(self._links.price) if pattern is None else pattern
        found = self._patterns.search(start, kicks, self._random, self._stop)
        steps = self._patterns.orders(found)
        use = self._coupling.use_of(self._grid, steps)
        self._book.enter(use, steps)
        return found, self._finish.remember(steps, use)

    def _keep_plan(self, steps: Ints) -> None:
        orders = steps * self._problem.rows.multiple[:, None]
        if check(self._problem, orders):
            return
        total = cost(self._problem, orders).total
        if total < self._cost:
            self._cost, self._orders = total, orders

    def _next_prices(self) -> tuple[Floats, float]:
        """Prices for the next round, and how far the best ones may be from the optimum.

        The distance is that of the bound from the master's value, as a fraction.
        """
        solved = self._book.prices(self._effort.seconds - self._seconds)
        if solved is None:
            return self._best_prices, 0.0
        value, wanted = solved
        value += self._fixed
        if self._known_prices is not None:
            little = LEEWAY * np.minimum(self._coupling.penalty, HIGHEST)
            least = self._best_prices * (1.0 - TRUST) - little
            wanted = np.clip(wanted, least, self._best_prices * (1.0 + TRUST) + little)
        mixed = SMOOTHING * self._best_prices + (1.0 - SMOOTHING) * wanted
        return np.maximum(mixed, self._floors), gap_of(value, self._bound)
