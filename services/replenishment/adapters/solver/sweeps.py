"""Exact dynamic programmes over all rows, forward and backward, compiled.

`ahead[s]` is the least cost from stage s on once its order was placed (what arrives is
counted), `behind[s]` the least cost before stage s. Their sum over the states gives, for
every row and order day, the best cost with and without an order on that day: that is how
an order day is judged without solving anything again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from services.replenishment.adapters.solver.compiled import compiled
from services.replenishment.adapters.solver.grid import BIG

FLOOR = -1e7  # EUR: an advantage below this is "never", and kept small for the sums


@compiled
def from_here(cost: Any, slope: Any, jump: Any, line: Any, out: Any) -> Any:
    """out[y]: least cost of a line placed in state y, its order left out."""
    top = len(cost) - 1
    for y in range(top + 1):
        out[y] = BIG
    for way in range(len(jump)):
        best = BIG
        rate = slope[way]
        for y in range(top - jump[way], -1, -1):
            reached = cost[y + jump[way]] + rate * (y + jump[way])
            best = min(best, reached)
            out[y] = min(out[y], line - rate * y + best)


@compiled
def to_here(cost: Any, slope: Any, jump: Any, line: Any, out: Any) -> Any:
    """out[y]: least cost of having reached state y by a line, its order left out."""
    top = len(cost) - 1
    for y in range(top + 1):
        out[y] = BIG
    for way in range(len(jump)):
        best = BIG
        rate = slope[way]
        for y in range(jump[way], top + 1):
            left = cost[y - jump[way]] - rate * (y - jump[way])
            best = min(best, left)
            out[y] = min(out[y], line + rate * y + best)


@compiled
def split(advantage: Any, cost: Any, shares: Any) -> Any:
    """Splits `cost` into shares max(0, advantage + s), with the s that makes them sum to it."""
    count = len(advantage)
    if cost <= 0.0:  # nothing to share
        for k in range(count):
            shares[k] = 0.0
        return
    order = np.sort(advantage)[::-1]
    total, level = 0.0, 0.0
    for k in range(count):
        total += order[k]
        candidate = (cost - total) / (k + 1)
        if order[k] + candidate <= 0.0:
            break
        level = candidate
    for k in range(count):
        shares[k] = max(0.0, advantage[k] + level)


@compiled
def backward_row(now: Any, terms: Any, link: Any, ahead: Any, scratch: Any) -> Any:
    """Fills ahead [S, K + 1] of one row at the order-day prices `link`; its least cost."""
    slope, jump, line = terms
    stages, size = now.shape
    for s in range(stages - 1, -1, -1):
        for y in range(size):
            ahead[s, y] = now[s, y] + (scratch[y] if s + 1 < stages else 0.0)
        if link[s] >= BIG:
            for y in range(size):
                scratch[y] = ahead[s, y]
            continue
        from_here(ahead[s], slope[:, s], jump, line, scratch)
        for y in range(size):
            scratch[y] = min(ahead[s, y], scratch[y] + link[s])
    return scratch[0]


@compiled
def start_rows(grid: Any, link: Any, ahead: Any, least: Any) -> Any:
    """Fills `ahead` of every row of the groups at the prices `link`, and `least` [n]."""
    starts, width, stages, table, stage, _, jump, line, now, slope = grid
    scratch = np.empty(width.max() if len(width) else 0)
    for i in range(starts[0], starts[-1]):
        a, b, u, v = table[i], table[i + 1], stage[i], stage[i + 1]
        shape = (stages[i], width[i])
        least[i] = backward_row(
            now[a:b].reshape(shape),
            (slope[:, u:v], jump[i], line[i]),
            link[u:v],
            ahead[a:b].reshape(shape),
            scratch[: width[i]],
        )


@compiled
def there_and_back(grid: Any, order_cost: Any, link: Any, ahead: Any, least: Any) -> Any:
    """Sets the shares of every group day by day from the first, then from the last; needs
    `ahead` and fills it anew, and `least`. Only one group's `behind` is held at a time."""
    starts, width, _, table, _, day, _, _, _, _ = grid
    days = day.max() + 1 if len(day) else 0
    largest = 0
    for g in range(len(starts) - 1):
        largest = max(largest, table[starts[g + 1]] - table[starts[g]])
    behind = np.empty(largest)
    for g in range(len(starts) - 1):
        first, last = starts[g], starts[g + 1]
        if first == last:
            continue
        for i in range(first, last):
            place = table[i] - table[first]
            behind[place : place + width[i]] = BIG
            behind[place] = 0.0
        span = (first, last, days)
        sweep_forward(grid, span, order_cost[g], link, (ahead, behind))
        sweep_backward(grid, span, order_cost[g], link, (ahead, behind, least))


@compiled
def sweep_forward(grid: Any, span: Any, order_cost: Any, link: Any, passes: Any) -> Any:
    """Sets the shares of one group day by day from the first; fills its `behind`."""
    _, width, _, table, stage, day, jump, line, now, slope = grid
    (first, last, days), (ahead, behind) = span, passes
    size = width[first:last].max()
    at = stage[first:last].copy()
    reached = np.empty((last - first, size))
    visits = np.empty(last - first, dtype=np.int64)
    worth = np.empty(last - first)
    shares = np.empty(last - first)
    for t in range(days):
        count = 0
        for k in range(last - first):
            i = first + k
            if at[k] == stage[i + 1] or day[at[k]] != t:
                continue
            w, place = width[i], table[i] + (at[k] - stage[i]) * width[i]
            back = place - table[first]
            before, after = behind[back : back + w], ahead[place : place + w]
            to_here(before, slope[:, at[k]], jump[i], line[i], reached[k, :w])
            without, ordering = BIG, BIG
            for y in range(w):
                without = min(without, before[y] + after[y])
                ordering = min(ordering, reached[k, y] + after[y])
            visits[count] = k
            worth[count] = max(without - ordering, FLOOR)
            count += 1
        if count == 0:
            continue
        split(worth[:count], order_cost, shares[:count])
        for c in range(count):
            k = visits[c]
            i, s = first + k, at[k]
            link[s] = shares[c]
            at[k] += 1
            if at[k] == stage[i + 1]:
                continue
            w, place = width[i], table[i] + (s - stage[i]) * width[i]
            back = place - table[first]
            for y in range(w):
                left = min(behind[back + y], reached[k, y] + link[s])
                behind[back + w + y] = now[place + y] + left


@compiled
def sweep_backward(grid: Any, span: Any, order_cost: Any, link: Any, passes: Any) -> Any:
    """Sets the shares of one group day by day from the last; fills `ahead` and `least`."""
    _, width, _, table, stage, day, jump, line, now, slope = grid
    (first, last, days), (ahead, behind, least) = span, passes
    size = width[first:last].max()
    at = stage[first + 1 : last + 1] - 1
    rest = np.zeros((last - first, size))
    begun = np.empty((last - first, size))
    visits = np.empty(last - first, dtype=np.int64)
    worth = np.empty(last - first)
    shares = np.empty(last - first)
    for t in range(days - 1, -1, -1):
        count = 0
        for k in range(last - first):
            i = first + k
            if at[k] < stage[i] or day[at[k]] != t:
                continue
            w, place = width[i], table[i] + (at[k] - stage[i]) * width[i]
            back = place - table[first]
            after, before = ahead[place : place + w], behind[back : back + w]
            for y in range(w):
                after[y] = now[place + y] + rest[k, y]
            from_here(after, slope[:, at[k]], jump[i], line[i], begun[k, :w])
            without, ordering = BIG, BIG
            for y in range(w):
                without = min(without, before[y] + after[y])
                ordering = min(ordering, before[y] + begun[k, y])
            visits[count] = k
            worth[count] = max(without - ordering, FLOOR)
            count += 1
        if count == 0:
            continue
        split(worth[:count], order_cost, shares[:count])
        for c in range(count):
            k = visits[c]
            i, s = first + k, at[k]
            link[s] = shares[c]
            at[k] -= 1
            w, place = width[i], table[i] + (s - stage[i]) * width[i]
            for y in range(w):
                rest[k, y] = min(ahead[place + y], begun[k, y] + link[s])
    for k in range(last - first):
        least[first + k] = rest[k, 0]
