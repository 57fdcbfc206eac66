"""From a problem to a plan and a proof of how far it can be from the best one.

Rounds of: put prices on the limits; improve the bound on shared orders (proof); find a
plan of every group at these prices (patterns); let GLOP mix the known plans into new
prices (master). The bound of every round is valid, the best one is kept. Between rounds
the rows' plans are mixed at the true cost (improving).
"""

from __future__ import annotations

import numpy as np

from services.replenishment.adapters.solver.capped import Capped
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.grid import grid_of, reach
from services.replenishment.adapters.solver.improving import KICKS, Improving
from services.replenishment.adapters.solver.incumbent import Incumbent
from services.replenishment.adapters.solver.links import Links
from services.replenishment.adapters.solver.proof import Bound, Parts
from services.replenishment.adapters.solver.solving import (
    Clock,
    Effort,
    Progress,
    Solution,
    Watch,
    gap_of,
)
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import NO_CAP, Flags, Floats, Ints, Problem

FIRST_SWEEPS, SWEEPS = 8, 3
LOOKS = 3  # while prices are being found, every so many rounds a plan is finished
LAST = 4  # and in the last so many rounds that time allows, plans are improved in any case
HURRY = 0.7  # of the time; then small problems' plans are improved, settled or not
PACE = 3  # in small problems, prices move so many times from one improvement to the next
SETTLED = 0.001  # distance from the master's value at which prices count as found,
QUIET, QUIET_ROUNDS = 1e-5, 6  # or so many rounds that did not raise the bound by this share,
NEAR = 0.02  # when it is not farther than this
ROUNDING = 1e-7  # of sums of thousands of terms, as a share
# After a warm start prices move by so much of themselves, or of their ceiling (at most so
# many EUR): the first few plans say little. And plans are improved after so many rounds.
TRUST, LEEWAY, HIGHEST, WARM = 0.5, 0.05, 100.0, 5
SMOOTHING = 0.5  # how much of the best prices is kept when new ones come from the master


def solve(
    problem: Problem, effort: Effort, seed: int, watch: Watch, start: Prices | None = None
) -> Solution:
    """The best plan found within `effort`, with its proven bound.

    `start`: prices of an earlier plan; the better they fit, the sooner plan and bound are
    near each other. The bound is proven whatever they are. The same problem, start, seed
    and rounds give the same plan as long as neither `seconds` nor `cancelled` cuts the
    search short.
    """
    search = _Search(problem, Clock(watch, effort, watch.timer()), seed, start)
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

    def __init__(self, problem: Problem, clock: Clock, seed: int, start: Prices | None) -> None:
        self._clock, self._warm, self._rounds = clock, start is not None, 0
        self._best = Incumbent(problem)
        coupling = Coupling(problem)
        allowed = _fold_caps(problem) // problem.rows.multiple
        limit = np.minimum(reach(problem), allowed)
        grid = grid_of(problem, limit)
        self._coupling, self._floors = coupling, coupling.floors(limit, allowed)
        parts = Parts(coupling, grid, Capped(coupling, grid), Links(problem, grid))
        self._bound = Bound(parts, self._floors, start, clock.stop)
        random = np.random.default_rng(seed)
        self._improving = Improving(parts, self._bound, self._best, random, clock)

    def _progress(self) -> Progress:
        cost, bound = self._best.cost, self._bound.value
        if bound > cost + ROUNDING * (1.0 + abs(cost)):
            raise ArithmeticError("a plan costs less than the bound: the bound is wrong")
        bound = min(bound, cost)
        return Progress(cost, bound, gap_of(cost, bound), self._clock.seconds, self._rounds)

    def solution(self) -> Solution:
        named = self._bound.named()
        return Solution(self._best.orders, self._progress(), self._bound.prices, named)

    def run(self) -> None:
        """First the prices are found with quick plans, then the plans are improved."""
        improving, clock = self._improving, self._clock
        prices, quiet, settled = self._bound.prices, 0, False
        small, seconds = improving.small, clock.effort.seconds
        pattern: Flags | None = None
        while not self._done():
            before, began = self._bound.value, clock.seconds
            self._bound.at(prices, FIRST_SWEEPS if pattern is None else SWEEPS)
            pattern, slots = improving.plan(pattern, KICKS if settled else 1)
            if settled or self._rounds % LOOKS == 0:
                improving.finish(slots, prices)
            prices, distance = self._next_prices()
            late = small and clock.seconds > HURRY * seconds
            in_turn = (settled and (not small or self._rounds % PACE == 0)) or late
            if in_turn or clock.left < LAST * (clock.seconds - began):
                improving.improve(pattern)
                self._choose()
            elif self._rounds % LOOKS == 0:
                improving.round_off()
            self._rounds += 1
            self._say()
            quiet = 0 if self._bound.value > before + QUIET * abs(before) else quiet + 1
            stalled = quiet >= QUIET_ROUNDS and distance <= NEAR
            settled = settled or distance <= SETTLED or stalled
            settled = settled or (self._warm and self._rounds >= WARM)

    def _choose(self) -> None:
        for number in range(self._improving.choices()):
            if self._clock.stop():
                return
            self._improving.choose(first=number == 0)
            self._say()

    def _say(self) -> None:
        """Tells how far it is, and hands over the plan when it is a better one."""
        watch = self._clock.watch
        if watch.price is not None:
            watch.price(self._bound.named())
        watch.tell(self._progress(), self._best.news())

    def _done(self) -> bool:
        effort = self._clock.effort
        return self._rounds > 0 and (
            self._progress().gap <= effort.gap
            or self._rounds >= effort.rounds
            or self._clock.stop()
        )

    def _next_prices(self) -> tuple[Floats, float]:
        """Prices for the next round, and how far the best ones may be from the optimum.

        The distance is that of the bound from the master's value, as a fraction.
        """
        best = self._bound.prices
        solved = self._improving.book.prices(self._clock.left)
        if solved is None:
            return best, 0.0
        value, wanted = solved
        value += self._bound.fixed
        if self._warm:
            little = LEEWAY * np.minimum(self._coupling.penalty, HIGHEST)
            least = best * (1.0 - TRUST) - little
            wanted = np.clip(wanted, least, best * (1.0 + TRUST) + little)
        mixed = SMOOTHING * best + (1.0 - SMOOTHING) * wanted
        return np.maximum(mixed, self._floors), gap_of(value, self._bound.value)
