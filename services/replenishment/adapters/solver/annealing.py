"""Annealing of a mix: random moves among near plans, dear ones ever less often, compiled.

Three moves: a row takes another plan; a row does, and one that shares its cap or its
site makes the best of it (a dear pack changes its week with another one); a group
opens or closes an order day and all its rows make the best of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.coupling import Coupling
from services.replenishment.adapters.solver.mixing import move, whole
from services.replenishment.domain.problem import Ints

PAIRS, FLIPS = 0.1, 0.002  # of the moves, as a share
NEARER = 2.0  # power by which near plans are tried more often
CHECKED = 64  # every so many steps it is asked whether the mix is the best one so far


@dataclass(frozen=True, slots=True, eq=False)
class Partners:
    """Who may move together: rows of one cap, rows of one site, rows of one group."""

    rows: Ints  # rows of the caps, one after another, then of the sites
    starts: Ints  # [parts + 1]
    cap: Ints  # [N] part of the row's cap, -1 for none
    site: Ints  # [N] part of the row's site
    members: Ints  # [N] rows of the groups, one after another
    groups: Ints  # [G + 1] starts


@dataclass(frozen=True, slots=True)
class Walk:
    """From the hot to the cold temperature, EUR, in so many steps."""

    hot: float
    cold: float
    steps: int
    seed: int


def partners(coupling: Coupling) -> Partners:
    rows = coupling.problem.rows
    caps = coupling.cap_rows[rows.cap]
    both = np.concatenate([caps, coupling.count + rows.site])
    names, part = np.unique(both[both >= 0], return_inverse=True)
    numbered = np.full(len(both), -1)
    numbered[both >= 0] = part
    order = np.argsort(numbered, kind="stable")[int((numbered < 0).sum()) :]
    members = np.argsort(rows.group, kind="stable")
    return Partners(
        rows=order % max(1, rows.count),
        starts=np.searchsorted(numbered[order], np.arange(len(names) + 1)),
        cap=numbered[: rows.count],
        site=numbered[rows.count :],
        members=members,
        groups=np.searchsorted(
            rows.group[members], np.arange(len(coupling.problem.order_cost) + 1)
        ),
    )


@compiled
def anneal(mix: Any, near: Any, cooling: Any, who: Any) -> Any:
    """Walks as `cooling` has it (a `Walk`).

    mix: the plans known, the limits and the state as `mixing` has them; the state is left
    where the walk ended. near: slots [N, K] of each row's plans, the nearest first, of
    which many [N] count; best [N] receives the slots of the cheapest mix met; room [N] to
    work in. `who` as `Partners` has it. Returns the cost of the best mix and of the last
    one, above what is fixed.
    """
    known, limits, state = mix
    slots, many, best, undo = near
    hot, cold, steps, seed = cooling
    partner_rows, starts, cap, site, members, groups = who
    chosen = state[0]
    np.random.seed(seed)
    value = whole(known, limits, state)
    lowest = value
    best[:] = chosen
    warmth, factor = hot, (cold / hot) ** (1.0 / max(1, steps))
    for step in range(steps):
        warmth *= factor
        bar = -warmth * np.log(1.0 - np.random.random())
        kind = np.random.random()
        if kind < FLIPS:
            g = np.random.randint(len(groups) - 1)
            if groups[g + 1] > groups[g]:
                value += flip(mix, members[groups[g] : groups[g + 1]], bar, undo)
        else:
            row = np.random.randint(len(chosen))
            slot = slots[row, int(many[row] * np.random.random() ** NEARER)]
            if slot == chosen[row]:
                continue
            change = change_of(mix, row, slot)
            if kind < FLIPS + PAIRS:
                part = cap[row] if cap[row] >= 0 and np.random.random() < 0.5 else site[row]
                other = partner_rows[np.random.randint(starts[part], starts[part + 1])]
                value += pair(mix, (row, slot, other), near, change, bar)
            elif change <= bar:
                move(known, limits, state, row, slot)
                value += change
        if value < lowest - 1e-6 and (warmth < 2 * cold or step % CHECKED == 0):
            lowest = value
            best[:] = chosen
    return lowest, value


@compiled
def change_of(mix: Any, row: Any, slot: Any) -> Any:
    """What the whole costs more when the row takes the plan in `slot`."""
    (used, _, _, _), (_, _, _, group, order_cost), (chosen, _, counts) = mix
    present, g = chosen[row], group[row]
    change = apart_from_orders(mix, row, slot)
    for t in range(used.shape[2]):
        if used[row, slot, t] != used[row, present, t]:
            if used[row, slot, t]:
                if counts[g, t] == 0:
                    change += order_cost[g]
            elif counts[g, t] == 1:
                change -= order_cost[g]
    return change


@compiled
def apart_from_orders(mix: Any, row: Any, slot: Any) -> Any:
    """The same, all order days taken as open already."""
    (_, cost, use, _), (limit, room, penalty, _, _), (chosen, total, _) = mix
    present = chosen[row]
    change = cost[row, slot] - cost[row, present]
    for u in range(limit.shape[1]):
        more = use[row, slot, u] - use[row, present, u]
        if more != 0.0:
            r = limit[row, u]
            over = total[r] - room[r]
            change += (max(0.0, over + more) - max(0.0, over)) * penalty[r]
    return change


@compiled
def pair(mix: Any, moves: Any, near: Any, change: Any, bar: Any) -> Any:
    """A row moves, another one makes the best of it, or both stay; the change."""
    known, limits, state = mix
    row, slot, other = moves
    slots, many, _, _ = near
    chosen = state[0]
    before = chosen[row]
    move(known, limits, state, row, slot)
    reply, best = 0.0, chosen[other]
    if other != row:
        for k in range(many[other]):
            replied = change_of(mix, other, slots[other, k])
            if replied < reply:
                reply, best = replied, slots[other, k]
    if change + reply > bar:
        move(known, limits, state, row, before)
        return 0.0
    if best != chosen[other]:
        move(known, limits, state, other, best)
    return change + reply


@compiled
def flip(mix: Any, rows: Any, bar: Any, undo: Any) -> Any:
    """A group opens or closes an order day, its rows make the best of it; the change."""
    known, limits, state = mix
    used, (chosen, _, counts) = known[0], state
    g = limits[3][rows[0]]
    day = np.random.randint(used.shape[2])
    closing, change = counts[g, day] > 0, 0.0
    for k in range(len(rows)):
        row = rows[k]
        undo[k] = chosen[row]
        if closing and not used[row, chosen[row], day]:
            continue
        best = best_on(mix, row, day, closing)
        if best != chosen[row]:
            change += change_of(mix, row, best)
            move(known, limits, state, row, best)
    if change <= bar:
        return change
    for k in range(len(rows)):
        if chosen[rows[k]] != undo[k]:
            move(known, limits, state, rows[k], undo[k])
    return 0.0


@compiled
def best_on(mix: Any, row: Any, day: Any, closing: Any) -> Any:
    """The row's best plan on its group's open days, with or without `day`; its slot."""
    (used, _, _, filled), limits, (chosen, _, counts) = mix
    g = limits[3][row]
    best, least = chosen[row], np.inf
    for p in range(min(filled[row], used.shape[1])):
        allowed = True
        for t in range(used.shape[2]):
            if used[row, p, t] and (closing if t == day else counts[g, t] == 0):
                allowed = False
                break
        if allowed:
            extra = apart_from_orders(mix, row, p)
            if extra < least:
                best, least = p, extra
    return best
