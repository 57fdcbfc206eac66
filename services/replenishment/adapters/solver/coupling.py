"""What ties the groups together: budgets, caps and shelves, and the prices put on them.

Each limit is one coupling row. A plan uses `use[r]` of row r; what exceeds `room[r]`
costs `penalty[r]` (a cap is hard: its penalty has no ceiling).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.replenishment.adapters.solver.blocks import Block
from services.replenishment.adapters.solver.passes import Tables
from services.replenishment.domain.problem import NO_CAP, Floats, Ints, Problem

HARD = 1e7  # EUR a pack over a cap: dearer than any shortage


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """What the plan of each row costs on its own, and what it uses of the limits."""

    cost: Floats  # [N] EUR: holding, shortage, lines, less discounts
    spend: Floats  # [N, W] EUR
    packs: Ints  # [N]
    fill: Floats | None  # [N, T] m3


class Coupling:
    """Numbers the coupling rows: first budgets, then caps, then shelves."""

    def __init__(self, problem: Problem) -> None:
        rows = problem.rows
        self.problem = problem
        self.week = np.arange(problem.days) // 7
        self._budget = np.full(problem.weekly_budget.shape, -1)
        limited = np.isfinite(problem.weekly_budget)
        self._budget[limited] = np.arange(limited.sum())
        shared = np.bincount(rows.cap[rows.cap != NO_CAP], minlength=len(problem.caps)) > 1
        self._cap = np.full(len(problem.caps) + 1, -1)  # the last one stands for NO_CAP
        self._cap[:-1][shared] = limited.sum() + np.arange(shared.sum())
        first = int(limited.sum() + shared.sum())
        room = [problem.weekly_budget[limited], problem.caps[shared].astype(float)]
        penalty = [np.full(limited.sum(), problem.budget_penalty), np.full(shared.sum(), HARD)]
        self._shelf = None
        if problem.storage is not None:
            capacity = problem.storage.capacity
            self._shelf = first + np.arange(capacity.size).reshape(capacity.shape)
            room.append(capacity.ravel())
            penalty.append(np.full(capacity.size, problem.storage.penalty))
        self.room: Floats = np.concatenate(room)
        self.penalty: Floats = np.concatenate(penalty)
        self.hard = self.penalty == HARD

    @property
    def count(self) -> int:
        return len(self.room)

    def _padded(self, prices: Floats) -> Floats:
        return np.append(prices, 0.0)  # index -1: not limited, free

    def apply(self, tables: Sequence[Tables], prices: Floats, factor: Floats | None = None) -> None:
        """Puts the prices [R], times a factor per row [N], into every block's tables.

        A bound may only be taken where there is no factor: all rows must see one price.
        """
        padded = self._padded(prices)
        for table in tables:
            block = table.block
            site = self.problem.rows.site[block.rows]
            cap = self.problem.rows.cap[block.rows]
            money = padded[self._budget[site[None, :], self.week[block.days]]]
            pack = padded[self._cap[cap]] * block.step_packs
            if factor is not None:
                money, pack = money * factor[block.rows], pack * factor[block.rows]
            table.slopes = [
                block.step_price * (money * (1.0 - way.off) - way.off) + pack for way in block.ways
            ]
            if block.shelf is not None and self._shelf is not None:
                block.stage = self._stage(block, block.shelf, padded, factor)

    def _stage(self, block: Block, shelf: Floats, padded: Floats, factor: Floats | None) -> Floats:
        assert self.problem.storage is not None  # noqa: S101 - shelf tables exist only with it
        assert self._shelf is not None  # noqa: S101
        price = padded[self._shelf[self.problem.storage.place[block.rows]]]  # [n, T]
        if factor is not None:
            price = price * factor[block.rows, None]
        if not price.any():
            return block.base
        stage = block.base.copy()
        for day in range(self.problem.days):
            daily = price[:, day]
            live = np.flatnonzero((daily > 0) & (block.interval[day] >= 0))
            if len(live):
                stage[block.interval[day, live], :, live] += (
                    daily[live, None] * shelf[day][:, live].T
                )
        return stage

    def fixed(self, tables: Sequence[Tables]) -> tuple[float, Floats]:
        """Cost and use [R] that no order changes: before first arrivals, rows never ordered."""
        problem, rows = self.problem, self.problem.rows
        level = rows.supply - rows.demand
        missing = np.maximum(-level, 0.0) @ problem.weights
        on_hand = level @ problem.weights + missing
        waiting = np.ones((rows.count, problem.days), dtype=bool)
        for table in tables:
            waiting[table.block.rows] = (table.block.interval < 0).T
        daily = rows.holding[:, None] * on_hand + rows.shortage[:, None] * missing
        use = np.zeros(self.count)
        if problem.storage is not None and self._shelf is not None:
            fill = np.where(waiting, problem.storage.volume[:, None] * on_hand, 0.0)
            np.add.at(use, self._shelf[problem.storage.place], fill)
        return float(daily[waiting].sum()), use

    def use_of(self, tables: Sequence[Tables], steps: Ints) -> Use:
        """What the plans `steps` [N, T] cost and use, row by row, above what is fixed."""
        problem = self.problem
        count, days = steps.shape
        cost, packs = np.zeros(count), np.zeros(count, dtype=np.int64)
        spend = np.zeros((count, problem.weeks))
        fill = None if problem.storage is None else np.zeros((count, days))
        for table in tables:
            block = table.block
            sizes = np.where(block.never == 0.0, steps[block.rows[None, :], block.days], 0)
            states = sizes.cumsum(axis=0)
            stage, column = np.indices(sizes.shape)
            off = np.zeros(sizes.shape)
            for way in block.ways:
                off = np.where(sizes >= way.jump, np.maximum(off, way.off), off)
            paid = sizes * block.step_price * (1.0 - off)
            saved = sizes * block.step_price * off
            cost[block.rows] = (
                block.base[stage, states, column] + block.line * (sizes > 0) - saved
            ).sum(axis=0)
            packs[block.rows] = states[-1] * block.step_packs
            np.add.at(spend, (block.rows[column], self.week[block.days]), paid)
            if fill is not None and block.shelf is not None:
                on = block.interval >= 0
                day, col = np.nonzero(on)
                state = states[block.interval[day, col], col]
                fill[block.rows[col], day] = block.shelf[day, state, col]
        return Use(cost, spend, packs, fill)

    def rows_of(self) -> Ints:
        """[N, U] coupling rows that each row of the problem may use; -1 stands for none."""
        rows = self.problem.rows
        parts = [self._budget[rows.site], self._cap[rows.cap][:, None]]
        if self._shelf is not None and self.problem.storage is not None:
            parts.append(self._shelf[self.problem.storage.place])
        joined: Ints = np.concatenate(parts, axis=1)
        return joined

    def as_rows(self, use: Use) -> Floats:
        """[N, U] what each row uses, in the order of `rows_of`."""
        parts = [use.spend, use.packs[:, None].astype(float)]
        if use.fill is not None:
            parts.append(use.fill)
        return np.concatenate(parts, axis=1)

    def by_group(self, use: Use) -> Floats:
        """[G, R] what the rows of each group use together."""
        total = np.zeros((len(self.problem.order_cost), self.count + 1))
        limit = self.rows_of()
        group = np.broadcast_to(self.problem.rows.group[:, None], limit.shape)
        np.add.at(total, (group, limit), self.as_rows(use))
        return total[:, :-1]

    def over(self, use: Floats) -> float:
        """EUR of penalty for a total use [R], fixed use included."""
        return float((np.maximum(use - self.room, 0.0) * self.penalty).sum())
