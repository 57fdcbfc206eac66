"""The tables of the dynamic programme of every row, laid end to end for the compiled loops.

A step is `multiple` packs; state y is how many steps were ordered so far. Stage s of a row
is its s-th order day whose order arrives within the horizon; the table of stage s says
what the days from that arrival to the next one cost when y steps have been ordered.
Rows of one group lie side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.domain.problem import (
    NO_BREAK,
    Flags,
    Floats,
    Ints,
    Problem,
    smallest_order,
)

BIG = 1e12  # EUR: what can never be chosen
DOWN = 1.0 - 2.0**-23  # more than single precision rounds up
AT_ONCE = 4096  # rows whose scenarios are unfolded together: they are large
SHELVES_KEPT = 30_000  # rows up to which the tables of the shelves are kept
WIDE = 16  # times the need: limits above this are not tabulated to the end


@dataclass(slots=True, eq=False)
class Grid:
    """n rows that may be ordered; entry i of each array is row `rows[i]` of the problem."""

    rows: Ints  # [n]
    group: Ints  # [n] ascending
    starts: Ints  # [G + 1] first entry of each group
    width: Ints  # [n] states, 0 to width - 1
    stages: Ints  # [n]
    table: Ints  # [n + 1] where the tables of a row start; stage s is `width` further
    stage: Ints  # [n + 1] where the stages of a row start in the arrays below
    day: Ints  # [all stages] order day
    jump: Ints  # [n, W] smallest order in steps, by way of pricing
    off: Floats  # [n, W] fraction of the price taken off from there on
    line: Floats  # [n] EUR a line
    step_price: Floats  # [n] EUR a step at list price
    step_packs: Ints  # [n]
    base: Floats  # tables at no storage price, EUR
    now: Floats  # tables at the present storage prices, EUR
    slope: Floats  # [W, all stages] EUR a step at the present prices
    arrived: Ints  # [n, T] stage whose order has arrived by that day, -1 before the first
    # where storage is limited: [T] tables of m3, a row's days one after another; of a large
    # problem they are made anew for some rows at a time, as all would take most of the memory
    shelf: NDArray[np.float32]
    shelf_start: Ints  # [n + 1]

    @property
    def count(self) -> int:
        return len(self.rows)


def reach(problem: Problem) -> Ints:
    """[N] steps that no optimal plan goes beyond, or that none may go beyond.

    Once every scenario of every day is covered, one more step only costs: so no plan
    orders past that need except to make up the smallest order or the last price break.
    Where a discount alone could make buying ahead pay, the tables reach as far as the
    problem allows; if that is far beyond the need, they reach up to twice the need, and
    the floors of the budgets' prices (coupling) speak for what lies beyond.
    """
    rows = problem.rows
    step = rows.pack * rows.multiple
    worst = np.zeros(rows.count)
    if problem.days:
        short = (rows.demand - rows.supply).max(axis=2)
        later = 0.0 if rows.moved is None else rows.moved.min(axis=2)
        worst = (short - later).max(axis=1)
    need = np.ceil(np.maximum(worst, 0.0) / step - 1e-9).astype(np.int64)
    jump = smallest_order(rows.minimum, rows.multiple) // rows.multiple
    most = rows.most // rows.multiple
    limit = np.minimum(np.where(need > 0, need - 1 + jump, 0), most)
    breaks = np.where(rows.break_packs == NO_BREAK, 0, rows.break_packs)
    last = -(-breaks.max(axis=1, initial=0) // rows.multiple)
    jump = np.maximum(jump, last)
    wide = np.where(most <= WIDE * (need + jump), most, np.maximum(2 * need, need - 1 + jump))
    reached: Ints = np.where(last > 0, np.minimum(wide, most), limit)
    return reached


def grid_of(problem: Problem, limit: Ints) -> Grid:
    """The tables of every row of which something may be ordered; `limit` [N] in steps."""
    rows, horizon = problem.rows, problem.days
    open_days = _open_days(problem)
    first = smallest_order(rows.minimum, rows.multiple) // rows.multiple
    live = np.flatnonzero((limit >= first) & open_days.any(axis=1))
    live = live[np.argsort(rows.group[live], kind="stable")]
    width, stages = limit[live] + 1, open_days[live].sum(axis=1)
    entry, day = np.nonzero(open_days[live])
    stage = sums(stages)
    arrived = (np.cumsum(_shifted(open_days[live], rows.lead[live]), axis=1) - 1).astype(np.int64)
    jump, off = _ways(problem, live, first[live])
    table = sums(stages * width)
    kept = problem.storage is not None and len(live) <= SHELVES_KEPT
    shelf_start = sums(width * horizon if kept else 0 * width)
    grid = Grid(
        rows=live,
        group=rows.group[live],
        starts=np.searchsorted(rows.group[live], np.arange(len(problem.order_cost) + 1)),
        width=width,
        stages=stages,
        table=table,
        stage=stage,
        day=day,
        jump=jump,
        off=off,
        line=rows.line_cost[live],
        step_price=rows.price[live] * rows.multiple[live],
        step_packs=rows.multiple[live],
        base=np.zeros(table[-1]),
        now=np.zeros(0),
        slope=np.zeros((jump.shape[1], len(entry))),
        arrived=arrived,
        shelf=np.zeros(shelf_start[-1], dtype=np.float32),
        shelf_start=shelf_start,
    )
    _fill_costs(problem, grid)
    if kept:
        for part in parts_of(len(live)):
            fill_shelves(problem, grid, part, (shelf_start[ends_of(part)], grid.shelf))
    step = rows.pack[live] * rows.multiple[live]
    spoilage = problem.spoilage
    if spoilage is not None:
        _spoil(
            (spoilage.have[live], spoilage.use[live], spoilage.worth[live], step),
            problem.weights,
            (width, table, stage, day),
            grid.base,
        )
    grid.now = grid.base
    return grid


def parts_of(count: int) -> list[slice]:
    return [slice(start, min(count, start + AT_ONCE)) for start in range(0, count, AT_ONCE)]


def ends_of(part: slice) -> slice:
    return slice(part.start, part.stop + 1)


def _fill_costs(problem: Problem, grid: Grid) -> None:
    """Fills the tables of cost, expected over the lead times."""
    rows = problem.rows
    for part in parts_of(grid.count):
        live, ends = grid.rows[part], grid.table[ends_of(part)]
        net, none = rows.supply[live] - rows.demand[live], np.zeros(0, dtype=np.float32)
        no_shelf = np.zeros(len(live) + 1, dtype=np.int64)
        step, no_volume = rows.pack[live] * rows.multiple[live], np.zeros(len(live))
        for came, lead in zip(arrivals(problem, live), rows.leads(live), strict=True):
            holding, shortage = rows.holding[live] * lead.chance, rows.shortage[live] * lead.chance
            _fill(
                net + lead.moved[:, :, None] if lead.moved.any() else net,
                problem.weights,
                np.stack([step, holding, shortage, no_volume]),
                (grid.width[part], ends, came, no_shelf),
                (grid.base, none),
            )


def fill_shelves(
    problem: Problem, grid: Grid, part: slice, shelves: tuple[Ints, NDArray[np.float32]]
) -> None:
    """Fills the shelves (start, table) of some rows, by the lead times that are counted on."""
    live, (shelf_start, table) = grid.rows[part], shelves
    rows, storage = problem.rows, problem.storage
    volume = np.zeros(len(live)) if storage is None else storage.volume[live]
    step = rows.pack[live] * rows.multiple[live]
    nothing = np.full_like(grid.arrived[part], -1)  # the tables of cost stay as they are
    _fill(
        rows.supply[live] - rows.demand[live],
        problem.weights,
        np.stack([step, rows.holding[live], rows.shortage[live], volume]),
        (grid.width[part], grid.table[ends_of(part)], nothing, shelf_start),
        (grid.base, table),
    )


def arrivals(problem: Problem, live: Ints) -> list[Ints]:
    """For each lead time, [n, T] the stage of these rows whose order has arrived by that day,
    -1 before the first."""
    open_days = _open_days(problem)[live]
    return [
        (np.cumsum(_shifted(open_days, lead.days), axis=1) - 1).astype(np.int64)
        for lead in problem.rows.leads(live)
    ]


def _open_days(problem: Problem) -> Flags:
    """[N, T] order days whose order may arrive within the horizon."""
    rows = problem.rows
    first = rows.lead if rows.lead_days is None else np.minimum(rows.lead, rows.lead_days.min(1))
    return rows.order_days & (np.arange(problem.days) + first[:, None] < problem.days)


def spoiling_anyway(problem: Problem, grid: Grid) -> float:
    """EUR that the tables count once too often: the first order pays only for its own."""
    spoilage = problem.spoilage
    if spoilage is None or not grid.count:
        return 0.0
    rows, first = grid.rows, grid.day[grid.stage[:-1]]
    left = np.maximum(spoilage.have[rows, None] - spoilage.use[rows, first], 0.0)
    return float((spoilage.worth[rows] * (left @ problem.weights)).sum())


def sums(sizes: Ints) -> Ints:
    """[n + 1] where each part starts when they are laid end to end."""
    ends: Ints = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ends


def _shifted(days: Flags, lead: Ints) -> Flags:
    """[n, T] an order arrives on this day."""
    arrivals = np.zeros_like(days)
    entry, day = np.nonzero(days)
    came = day + lead[entry]
    inside = came < days.shape[1]
    arrivals[entry[inside], came[inside]] = True
    return arrivals


def _ways(problem: Problem, live: Ints, first: Ints) -> tuple[Ints, Floats]:
    rows = problem.rows
    multiple, breaks = rows.multiple[live], rows.break_packs[live]
    steps = np.where(breaks == NO_BREAK, NO_BREAK, -(-breaks // multiple[:, None]))
    jump = np.concatenate([first[:, None], np.maximum(steps, first[:, None])], axis=1)
    off = np.concatenate([np.zeros((len(live), 1)), rows.break_discount[live]], axis=1)
    used = (jump != NO_BREAK).any(axis=0) if len(live) else np.array([True] * jump.shape[1])
    return np.ascontiguousarray(jump[:, used]), np.ascontiguousarray(off[:, used])


@compiled
def _fill(net: Any, weights: Any, rates: Any, places: Any, tables: Any) -> Any:
    """Expected holding and shortage of every stage and state, and expected volume by day."""
    width, table, arrived, shelf_start = places
    base, shelf = tables
    count, days, levels = net.shape
    for i in range(count):
        step, holding, shortage, volume = rates[0, i], rates[1, i], rates[2, i], rates[3, i]
        size = width[i]
        keeps = shelf_start[i + 1] > shelf_start[i]
        for d in range(days):
            s = arrived[i, d]
            if s < 0 and not keeps:
                continue
            for y in range(size):
                on_hand, missing = 0.0, 0.0
                for q in range(levels):
                    level = net[i, d, q] + step * y
                    if level > 0:
                        on_hand += weights[q] * level
                    else:
                        missing -= weights[q] * level
                if s >= 0:
                    base[table[i] + s * size + y] += holding * on_hand + shortage * missing
                if keeps:
                    shelf[shelf_start[i] + d * size + y] = volume * on_hand * DOWN


@compiled
def _spoil(terms: Any, weights: Any, places: Any, base: Any) -> Any:
    """Adds to each stage what its orders lose by spoiling, less what the next stage's
    orders are not charged for: along any plan the two telescope to every order's own loss."""
    have, use, worth, step = terms
    width, table, stage, day = places
    for i in range(len(width)):
        w, count = width[i], stage[i + 1] - stage[i]
        for s in range(count):
            for y in range(w):
                bought, lost = have[i] + step[i] * y, 0.0
                for q in range(len(weights)):
                    lost += weights[q] * max(bought - use[i, day[stage[i] + s], q], 0.0)
                    if s + 1 < count:
                        after = use[i, day[stage[i] + s + 1], q]
                        lost -= weights[q] * max(bought - after, 0.0)
                base[table[i] + s * w + y] += worth[i] * lost
