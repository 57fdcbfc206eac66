"""Item-sites sorted into blocks that one array operation can work on together.

Inside a block every row has about the same number of order steps. A step is `multiple`
packs; state y is how many steps were ordered so far. Stage k is the k-th order day of the
row's group; `stage[k, y]` is what the days from the arrival of that order to the next
arrival cost when y steps have been ordered by then. A row that may not order on a day of
its group, and a group with fewer days than others, find the price BIG there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.problem import (
    NO_BREAK,
    Flags,
    Floats,
    Ints,
    Problem,
    smallest_order,
)

BIG = 1e12  # EUR: what can never be chosen
WIDTHS = (6, 9, 14, 21, 32, 48, 72, 108, 162, 243, 364, 547, 820, 1230, 1845, 2768, 4152)
SMALL_BLOCK = 24  # rows below which a block joins the next wider one
LARGE_BLOCK = 768  # rows above which the tables of one stage leave the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One way to price a line: from `jump` steps on, with a fraction `off` the price."""

    jump: Ints  # [n]
    off: Floats  # [n]


@dataclass(frozen=True, slots=True, eq=False)
class Jump:
    """Where a line of at least `jump` steps leads: flat indices of [K + 2, columns] arrays
    whose last row stands for what cannot be reached."""

    up: Ints  # [K + 1, columns] state y + jump
    down: Ints  # [K + 1, columns] state y - jump


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """The columns of a block that may order at a stage, and where their orders lead."""

    columns: Ints
    ways: tuple[Jump, ...]


@dataclass(slots=True, eq=False)
class Block:
    """Tables of one block; `stage` holds the present prices of storage, `base` none."""

    rows: Ints  # [n] rows of the problem
    days: Ints  # [S, n] order days of the row's group
    never: Floats  # [S, n] 0 where the row may order, BIG where not
    steps: Floats  # [K + 1, 1] the states, as numbers
    ways: tuple[Way, ...]
    lanes: tuple[Lane, ...]  # [S]
    base: Floats  # [S, K + 1, n] EUR
    stage: Floats  # [S, K + 1, n] EUR
    before: Floats  # [n] EUR until the first arrival, at no storage price
    shelf: Floats | None  # [T, K + 1, n] m3 expected, where storage is limited
    interval: Ints  # [T, n] stage whose order has arrived by that day, -1 before the first
    step_price: Floats  # [n] EUR a step at list price
    step_packs: Ints  # [n]
    line: Floats  # [n] EUR a line

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def stages(self) -> int:
        return int(self.days.shape[0])


def reach(problem: Problem) -> Ints:
    """[N] steps that no optimal plan goes beyond, or that none may go beyond.

    Once every scenario of every day is covered, one more step only costs: so no plan
    orders past that need except to make up the smallest order. Where a discount can
    make buying ahead pay, `most` alone limits it.
    """
    rows = problem.rows
    step = rows.pack * rows.multiple
    worst = (rows.demand - rows.supply).max(axis=(1, 2)) if problem.days else np.zeros(rows.count)
    need = np.ceil(np.maximum(worst, 0.0) / step - 1e-9).astype(np.int64)
    jump = smallest_order(rows.minimum, rows.multiple) // rows.multiple
    most = rows.most // rows.multiple
    limit: Ints = np.minimum(np.where(need > 0, need - 1 + jump, 0), most)
    discounted = (rows.break_packs != NO_BREAK).any(axis=1)
    return np.where(discounted, most, limit)


def order_days(problem: Problem) -> Flags:
    """[N, T] flags: an order of that day arrives within the horizon."""
    arrives = np.arange(problem.days)[None, :] + problem.rows.lead[:, None] < problem.days
    days: Flags = problem.rows.order_days & arrives
    return days


def blocks_of(problem: Problem, limit: Ints) -> list[Block]:
    """Every row that may be ordered, in blocks; rows that never can be are left out."""
    allowed = order_days(problem)
    live = np.flatnonzero((limit > 0) & allowed.any(axis=1))
    shared = np.zeros((len(problem.order_cost), problem.days), dtype=bool)
    for row in live:
        shared[problem.rows.group[row]] |= allowed[row]
    stages = int(shared.sum(axis=1).max(initial=0))
    calendar = np.zeros((len(shared), stages), dtype=np.int64)
    padding = np.arange(stages)[None, :] >= shared.sum(axis=1)[:, None]
    for place, flags in enumerate(shared):
        calendar[place, : flags.sum()] = np.flatnonzero(flags)
    built = []
    for part in _by_width(live, limit):
        group = problem.rows.group[part]
        days = calendar[group].T
        closed = padding[group].T | ~allowed[part[None, :], days]
        built.append(_block(problem, part, limit[part], _Days(days, closed, padding[group].T)))
    return built


def _by_width(members: Ints, limit: Ints) -> Iterator[Ints]:
    classes = np.searchsorted(WIDTHS, limit[members])
    waiting: list[int] = []
    for width in range(int(classes.max(initial=-1)) + 1):
        waiting.extend(members[classes == width].tolist())
        if len(waiting) >= SMALL_BLOCK or (waiting and width == classes.max()):
            parts = -(-len(waiting) // LARGE_BLOCK)
            yield from np.array_split(np.array(waiting), parts)
            waiting = []


def _ways(problem: Problem, part: Ints, top: int) -> tuple[Way, ...]:
    rows = problem.rows
    multiple = rows.multiple[part]
    first = smallest_order(rows.minimum[part], multiple) // multiple
    ways = [Way(first, np.zeros(len(part)))]
    for step in range(rows.break_packs.shape[1]):
        packs = rows.break_packs[part, step]
        if (packs == NO_BREAK).all():
            continue
        at = np.where(packs == NO_BREAK, (top + 1) * multiple, packs)
        jump = np.maximum(-(-at // multiple), first)
        ways.append(Way(jump, rows.break_discount[part, step]))
    return tuple(ways)


def _lanes(ways: tuple[Way, ...], closed: Flags, top: int) -> tuple[Lane, ...]:
    """One lane per stage; stages that are open to the same columns share theirs."""
    made: dict[bytes, Lane] = {}
    lanes = []
    for flags in closed:
        mark = flags.tobytes()
        if mark not in made:
            columns = np.flatnonzero(~flags)
            made[mark] = Lane(columns, tuple(_jump(way.jump[columns], top) for way in ways))
        lanes.append(made[mark])
    return tuple(lanes)


def _jump(jump: Ints, top: int) -> Jump:
    count = len(jump)
    state, column = np.arange(top + 1)[:, None], np.arange(count)[None, :]
    above, below = state + jump, state - jump
    up = np.where(above > top, top + 1, above) * count + column
    down = np.where(below < 0, top + 1, below) * count + column
    return Jump(up, down)


@dataclass(frozen=True, slots=True, eq=False)
class _Days:
    """[S, n] order days of a block; closed to a row; beyond the last one of its group."""

    days: Ints
    closed: Flags
    padding: Flags


def _block(problem: Problem, part: Ints, limit: Ints, when: _Days) -> Block:
    rows = problem.rows
    top, horizon = int(limit.max()), problem.days
    arrival = np.where(when.padding, horizon, when.days + rows.lead[part])
    interval = (np.arange(horizon)[:, None, None] >= arrival[None]).sum(axis=1) - 1
    net = (rows.supply[part] - rows.demand[part]).transpose(1, 0, 2)  # [T, n, Q]
    mean = net @ problem.weights
    step = rows.pack[part] * rows.multiple[part]
    base = np.zeros((len(when.days), top + 1, len(part)))
    storage = problem.storage
    shelf = None if storage is None else np.zeros((horizon, top + 1, len(part)))
    before = np.zeros(len(part))
    column = np.broadcast_to(np.arange(len(part)), interval.shape)
    inside = interval >= 0
    for state in range(top + 1):
        added = step * state
        missing = np.maximum(-(net + added[None, :, None]), 0.0) @ problem.weights
        on_hand = mean + added + missing
        daily = rows.holding[part] * on_hand + rows.shortage[part] * missing
        np.add.at(base[:, state, :], (interval[inside], column[inside]), daily[inside])
        if state == 0:
            before = np.where(inside, 0.0, daily).sum(axis=0)
        if shelf is not None and storage is not None:
            shelf[:, state, :] = storage.volume[part] * on_hand
    base[:, np.arange(top + 1)[:, None] > limit[None, :]] = BIG
    ways = _ways(problem, part, top)
    return Block(
        rows=part,
        days=when.days,
        never=np.where(when.closed, BIG, 0.0),
        steps=np.arange(top + 1, dtype=float)[:, None],
        ways=ways,
        lanes=_lanes(ways, when.closed, top),
        base=base,
        stage=base,
        before=before,
        shelf=shelf,
        interval=interval,
        step_price=rows.price[part] * rows.multiple[part],
        step_packs=rows.multiple[part],
        line=rows.line_cost[part],
    )
