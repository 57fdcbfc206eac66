"""The last tenths of a percent on small problems: exact choices among each row's near plans.

The distance of a mix from the bound falls apart into what its rows, its order days and
its limits cost above the prices that prove the bound. Where most of it lies, rows are
freed and SCIP chooses among their near plans; all others stay as they are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.annealing import Walk
from services.replenishment.adapters.solver.choosing import (
    Choice,
    Known,
    Patience,
    Present,
    choose,
)
from services.replenishment.adapters.solver.coupling import HARD, Coupling
from services.replenishment.adapters.solver.finish import Finish
from services.replenishment.adapters.solver.grid import Grid
from services.replenishment.adapters.solver.nearby import nearby
from services.replenishment.domain.problem import Floats, Ints

MOST_ROWS = 3000  # larger problems are within reach of the prices alone
AT_ONCE, LEAST, FEWER = 110.0, 40.0, 0.9  # rows of one choice: at first, at least
BREADTH, WIDER = 8.0, 1.3  # plans of each row in one choice: at first
AROUND = 0.1  # share of an order's cost that a row bears for opening one more day
NODES = 5000
HEAT, COLDEST, HOTTEST = 0.01, 1e-4, 0.2  # of a walk's start, as a share of what a row costs
OFTEN, TINY = 3, 1e-6  # walks in vain until it is tried hotter; what counts as nothing, EUR
SPREAD, COOLING = 1.6, 1 / 30  # between two walks; from the start of one to its end
RARE, STEPS = 8.0, 500  # plans so many temperatures dearer are not tried; steps a row
SIDE_BY_SIDE = 2  # choices, or walks, at a time
EVEN = 0.1  # of the weight by which sites are drawn, shared by all


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """The prices that gave the best bound: of the limits [R], of the order days [all stages]."""

    prices: Floats
    links: Floats


class Polish:
    """Fills the memory of plans with near ones, and lets SCIP choose for some rows at once."""

    def __init__(self, coupling: Coupling, grid: Grid, finish: Finish) -> None:
        self._coupling, self._grid, self._finish = coupling, grid, finish
        problem = coupling.problem
        self._problem, self._group = problem, problem.rows.group
        self._owner = np.repeat(grid.group, grid.stages)
        site = np.zeros(len(problem.order_cost), dtype=np.int64)
        site[problem.rows.group] = problem.rows.site
        self._site = site  # of each group
        self._breadth, self._at_once = BREADTH, AT_ONCE
        self._heat, self._in_vain = HEAT, 0
        self._over: Floats = np.zeros((0, 0))
        self._nearest: Ints = np.zeros((0, 0), dtype=np.int64)
        self._proof = Proof(np.zeros(coupling.count), np.zeros(len(self._owner)))

    def fetch(self, proof: Proof, gap: float) -> None:
        """Remembers near plans, and which may be part of a plan that is better by `gap`.

        A plan dearer than its row's cheapest by more than the gap cannot help: at the
        prices of the proof, the whole would cost more than the best plan known.
        """
        finish, grid, coupling = self._finish, self._grid, self._coupling
        coupling.apply(grid, proof.prices)
        steps = finish.steps
        used = np.zeros((len(self._problem.order_cost), self._problem.days), dtype=bool)
        row, day = np.nonzero(steps)
        used[self._group[row], day] = True
        shape = (len(steps), steps.shape[1])
        opening = AROUND * self._problem.order_cost[self._owner]
        around = np.where(used[self._owner, grid.day], 0.0, opening)
        for link, most in ((proof.links, finish.slots // 4), (around, finish.slots // 8)):
            for plans in nearby(grid, shape, link, most, gap):
                finish.remember(plans, coupling.use_of(grid, plans))
        self._proof = proof
        self._over = self._above(finish.known)
        nearest = np.argsort(np.argsort(self._over, axis=1, kind="stable"), axis=1, kind="stable")
        self._nearest = np.where(self._over <= gap, nearest, self._over.shape[1])

    def anneal(self, scale: float, random: np.random.Generator) -> None:
        """Random moves among the plans that were fetched; `scale` is a typical cost of a row.

        One walk starts hotter and one colder than last time: where the better one ended,
        the next two begin. Too hot a walk undoes more than it finds, too cold a one stays;
        where several found nothing, it is tried hotter again.
        """
        near = np.argsort(self._nearest, axis=1, kind="stable")
        heat = float(np.clip(self._heat, COLDEST, HOTTEST))
        heats = [heat * SPREAD, heat / SPREAD]
        many = np.maximum(1, (self._over < RARE * heats[0] * scale).sum(axis=1))
        steps = STEPS * len(near)
        walks = [
            Walk(one * scale, one * scale * COOLING, steps, int(random.integers(2**31)))
            for one in heats
        ]
        before = self._finish.cost
        ends = self._finish.anneal(near, many, walks)
        self._heat = heats[int(np.argmin(ends))]
        self._in_vain = 0 if self._finish.cost < before - TINY else self._in_vain + 1
        if self._in_vain >= OFTEN:
            self._heat, self._in_vain = HEAT * (HOTTEST / HEAT) ** random.random(), 0

    def _links(self) -> Floats:
        """[N, T] the share of each row in each order day."""
        daily = np.zeros((len(self._group), self._problem.days))
        daily[np.repeat(self._grid.rows, self._grid.stages), self._grid.day] = self._proof.links
        return daily

    def _above(self, known: Known) -> Floats:
        """[N, P] EUR by which each plan is dearer than its row's cheapest at the proof's prices."""
        padded = np.append(self._proof.prices, 0.0)
        priced = known.cost + np.einsum("npu,nu->np", known.use, padded[known.limit])
        priced += np.einsum("npt,nt->np", known.used, self._links())
        priced = np.where(known.held, priced, np.inf)
        above: Floats = priced - priced.min(axis=1, keepdims=True)
        return above

    def _distances(self, known: Known, present: Present) -> Floats:
        """[S] how much of the mix's distance from the bound each site holds."""
        rows = np.arange(len(self._group))
        site = self._problem.rows.site
        found = np.bincount(site, self._over[rows, present.chosen], self._site.max() + 1)
        shares = np.zeros(present.counts.shape)
        np.add.at(shares, self._group, self._links() * known.used[rows, present.chosen])
        unpaid = (present.counts > 0) * known.order_cost[:, None] - shares
        np.add.at(found, self._site, unpaid.sum(axis=1))
        excess = present.total - known.room
        padded = np.append(self._proof.prices, 0.0)
        excess = np.where(np.isfinite(excess) & (known.penalty < HARD), excess, 0.0)
        slack = np.maximum(excess, 0.0) * known.penalty - padded * excess
        placed = np.zeros((len(found), len(slack)), dtype=bool)
        placed[site[:, None], known.limit] = True
        whose = np.nan_to_num(placed / np.maximum(placed.sum(axis=0), 1))
        distances: Floats = np.maximum(found + whose @ slack, 0.0)
        return distances

    def improve(self, seconds: float, random: np.random.Generator) -> None:
        """Two choices side by side, for some rows each.

        Few plans of many rows or many plans of few: what was chosen to the end is widened
        next time, what was not is cut down.
        """
        finish = self._finish
        known, present = finish.known, finish.present
        keep = self._nearest < self._breadth
        keep[np.arange(len(keep)), present.chosen] = True
        parts = self._parts(known, present, random)
        patience = Patience(seconds, NODES)
        with ThreadPoolExecutor(len(parts)) as threads:
            asked = [threads.submit(choose, known, present, rows, keep, patience) for rows in parts]
            choices = [one.result() for one in asked]
        for rows, choice in zip(parts, choices, strict=True):
            self._take(rows, choice)

    def _take(self, rows: Ints, choice: Choice | None) -> None:
        if choice is None:
            return
        slots = self._finish.present.chosen.copy()
        slots[rows] = choice.slots[rows]
        self._finish.adopt_choice(slots)
        if choice.best:
            self._breadth = min(self._breadth * WIDER, float(self._finish.slots))
        else:
            self._at_once = max(LEAST, self._at_once * FEWER)

    def _parts(self, known: Known, present: Present, random: np.random.Generator) -> list[Ints]:
        """Rows that share a site's budgets and shelves, and rows that share a cap."""
        if len(self._group) <= self._at_once:
            return [np.arange(len(self._group))]
        weight = self._distances(known, present)
        weight = weight + EVEN * weight.mean() + 1e-9
        priced = self._coupling.hard & (self._proof.prices > 0)
        tight = np.flatnonzero(priced)
        many = min(SIDE_BY_SIDE - bool(len(tight)), len(weight))
        sites = random.choice(len(weight), many, replace=False, p=weight / weight.sum())
        parts = [self._some(np.flatnonzero(self._site == site), random) for site in sites]
        if len(tight):
            cap = tight[random.integers(len(tight))]
            sharing = np.unique(self._group[(known.limit == cap).any(axis=1)])
            parts.append(self._some(sharing, random, np.arange(len(self._site))))
        return parts

    def _some(self, groups: Ints, random: np.random.Generator, then: Ints | None = None) -> Ints:
        """As many rows as one choice may hold: of `groups` first, `then` of others."""
        order = random.permutation(groups)
        if then is not None:
            order = np.append(order, np.setdiff1d(random.permutation(then), groups))
        rows: list[int] = []
        for group in order:
            members = np.flatnonzero(self._group == group)
            if rows and len(rows) + len(members) > self._at_once:
                break
            rows.extend(members)
        return np.sort(np.array(rows, dtype=np.int64))
