"""Better plans once the prices are known: mixes, variants, walks and exact choices."""

from __future__ import annotations

import numpy as np

from services.replenishment.adapters.solver.book import Book
from services.replenishment.adapters.solver.finish import Finish
from services.replenishment.adapters.solver.incumbent import Incumbent
from services.replenishment.adapters.solver.patterns import Patterns
from services.replenishment.adapters.solver.polish import MOST_ROWS, Polish, Proof
from services.replenishment.adapters.solver.proof import Bound, Parts
from services.replenishment.adapters.solver.solving import Clock
from services.replenishment.domain.problem import Flags, Floats, Ints

KICKS, VARIANTS = 2, 2
CHOOSE = 4  # every so many rounds of improvement there are exact choices: up to so many,
CHOICES, ROWS_CHOSEN = 4, 400  # of about so many rows in all
WALKS = 2  # pairs of them in every round of improvement
LONG, SLICE = 1.5, 0.3  # seconds that a choice may take; or this share of what is left
NOISE = 0.5  # spread of the prices of a variant, as a share


class Improving:
    """Plans of whole groups at given prices, and everything that is made of them."""

    def __init__(
        self, parts: Parts, bound: Bound, best: Incumbent, random: np.random.Generator, clock: Clock
    ) -> None:
        coupling, grid = parts.coupling, parts.grid
        self._parts, self._bound, self._best = parts, bound, best
        self._random, self._clock = random, clock
        problem = coupling.problem
        self._rows, self._groups = problem.rows, len(problem.order_cost)
        self.small = problem.rows.count <= MOST_ROWS
        self._patterns = Patterns(problem, grid, parts.links.ahead)
        nothing = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
        use = coupling.use_of(grid, nothing)
        self._finish = Finish(coupling, bound.fixed_use, use)
        self._polish = Polish(coupling, grid, self._finish)
        self.book = Book(coupling, bound.fixed_use)
        self.book.enter(use, nothing)
        self._improved = 0

    def plan(self, pattern: Flags | None, kicks: int) -> tuple[Flags, Ints]:
        """The plan of every group at the present prices: its open days, and its slots."""
        start = self._patterns.used(self._parts.links.price) if pattern is None else pattern
        found = self._patterns.search(start, kicks, self._random, self._clock.stop)
        steps = self._patterns.orders(found)
        use = self._parts.coupling.use_of(self._parts.grid, steps)
        self.book.enter(use, steps)
        return found, self._finish.remember(steps, use)

    def finish(self, slots: Ints, prices: Floats) -> None:
        """A whole plan of the groups' plans, its allocations divided at these prices."""
        self._finish.start_from(slots, self._random, self._clock.stop)
        if self._parts.capped.any and not self._clock.stop():
            self._start_from(self._bound.divided(prices, self._finish.steps))
        self._best.offer(self._finish.steps)

    def round_off(self) -> None:
        """One plan per group, drawn from the master's mix, improved as a whole."""
        if not self.book.mixed:
            return
        slots = self._start_from(self.book.draw(self._random))
        self._finish.take(slots, self._random, self._clock.stop)
        self._best.offer(self._finish.steps)

    def _start_from(self, steps: Ints) -> Ints:
        use = self._parts.coupling.use_of(self._parts.grid, steps)
        slots = self._finish.remember(steps, use)
        self._finish.start_from(slots, self._random, self._clock.stop)
        return slots

    def improve(self, pattern: Flags) -> None:
        """Everything there is to try but exact choices."""
        for _ in range(VARIANTS):
            if not self._clock.stop():
                self.round_off()
            if not self._clock.stop():
                self._vary(pattern)
        self._improved += 1
        if self.small:
            self._bound.sharpen(self._random)
            self._walk()

    def _vary(self, pattern: Flags) -> None:
        """Plans at prices that differ a little from group to group, mixed into the best."""
        width = NOISE * self._random.random()
        noise = np.exp(self._random.normal(0.0, width, self._groups))
        factor = noise[self._rows.group]
        self._parts.coupling.apply(self._parts.grid, self._bound.prices, factor)
        _, slots = self.plan(pattern, KICKS)
        self._finish.take(slots, self._random, self._clock.stop)
        self._best.offer(self._finish.steps)

    def _walk(self) -> None:
        """Random walks among near plans."""
        scale = self._best.cost / self._rows.count
        self._fetch()
        for _ in range(WALKS):
            if not self._clock.stop():
                self._polish.anneal(scale, self._random)
                self._best.offer(self._finish.steps)

    def _fetch(self) -> None:
        """The finish gets each row's plans near the prices of the proof."""
        gap = self._best.cost - self._bound.value
        self._polish.fetch(Proof(self._bound.prices, self._bound.shares), gap)

    def choices(self) -> int:
        """How many exact choices are due now."""
        if not self.small or self._improved % CHOOSE:
            return 0
        return min(CHOICES, max(1, ROWS_CHOSEN // self._rows.count))

    def choose(self, *, first: bool) -> None:
        """One exact choice among near plans."""
        if first:
            self._fetch()
        left = self._clock.left
        self._polish.improve(min(left, max(LONG, SLICE * left)), self._random)
        self._best.offer(self._finish.steps)
