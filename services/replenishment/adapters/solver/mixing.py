"""Compiled loops of the finish: each row, or each group, moves where the whole costs less."""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled

TINY = 1e-9


@compiled
def settle(known: Any, limits: Any, state: Any, order: Any) -> Any:
    """Moves the rows in `order` to their best plan once each; how many moved.

    known: used [N, P, T], cost [N, P], use [N, P, U], filled [N]; limits: limit [N, U],
    room, penalty [R + 1], group [N], order_cost [G]; state: chosen, total, counts.
    """
    used, cost, use, filled = known
    limit, room, penalty, group, order_cost = limits
    chosen, total, counts = state
    days, width, moved = used.shape[2], limit.shape[1], 0
    for row in order:
        present, g = chosen[row], group[row]
        best_cost, best = np.inf, present
        present_cost = np.inf
        for p in range(min(filled[row], used.shape[1])):
            value = cost[row, p]
            for t in range(days):
                if used[row, p, t] and counts[g, t] - used[row, present, t] == 0:
                    value += order_cost[g]
            for u in range(width):
                r = limit[row, u]
                left = total[r] - use[row, present, u] + use[row, p, u] - room[r]
                if left > 0:
                    value += left * penalty[r]
            if p == present:
                present_cost = value
            if value < best_cost:
                best_cost, best = value, p
        if best_cost >= present_cost - TINY:
            continue
        move(known, limits, state, row, best)
        moved += 1
    return moved


@compiled
def move(known: Any, limits: Any, state: Any, row: Any, slot: Any) -> Any:
    used, _, use, _ = known
    limit, _, _, group, _ = limits
    chosen, total, counts = state
    present, g = chosen[row], group[row]
    for t in range(used.shape[2]):
        counts[g, t] += int(used[row, slot, t]) - int(used[row, present, t])
    for u in range(limit.shape[1]):
        total[limit[row, u]] += use[row, slot, u] - use[row, present, u]
    chosen[row] = slot


@compiled
def whole(known: Any, limits: Any, state: Any) -> Any:
    """What the present mix costs, above what is fixed."""
    _, cost, _, _ = known
    _, room, penalty, _, order_cost = limits
    chosen, total, counts = state
    value = 0.0
    for row in range(len(chosen)):
        value += cost[row, chosen[row]]
    for g in range(counts.shape[0]):
        for t in range(counts.shape[1]):
            if counts[g, t] > 0:
                value += order_cost[g]
    for r in range(len(room)):
        value += max(0.0, total[r] - room[r]) * penalty[r]
    return value


@compiled
def adopt(  # noqa: C901  one compiled loop over plain arrays
    known: Any, limits: Any, state: Any, groups: Any, slots: Any
) -> Any:
    """Takes over whole groups of `slots`, in order, where the whole then costs less."""
    used, cost, use, _ = known
    members, starts, order = groups
    limit, room, penalty, _, order_cost = limits
    chosen, total, counts = state
    change_of = np.zeros(len(room))
    touched = np.empty(len(room), dtype=np.int64)
    for g in order:
        change, count = 0.0, 0
        after = counts[g].copy()
        for row in members[starts[g] : starts[g + 1]]:
            old, new = chosen[row], slots[row]
            if old == new:
                continue
            change += cost[row, new] - cost[row, old]
            for t in range(used.shape[2]):
                after[t] += int(used[row, new, t]) - int(used[row, old, t])
            for u in range(limit.shape[1]):
                r = limit[row, u]
                if change_of[r] == 0.0:
                    touched[count] = r
                    count += 1
                    change_of[r] = 1e-300
                change_of[r] += use[row, new, u] - use[row, old, u]
        for t in range(used.shape[2]):
            change += order_cost[g] * (int(after[t] > 0) - int(counts[g, t] > 0))
        for k in range(count):
            r = touched[k]
            over = max(0.0, total[r] + change_of[r] - room[r]) - max(0.0, total[r] - room[r])
            change += over * penalty[r]
            change_of[r] = 0.0
        if change < -TINY:
            for row in members[starts[g] : starts[g + 1]]:
                if chosen[row] != slots[row]:
                    move(known, limits, state, row, slots[row])
