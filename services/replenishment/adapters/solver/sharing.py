"""Which goods to move between sites: every variant planned exactly, then one joint choice.

The variants have no limit in common, so the engine plans each to the end. What is left is
a choice among sums: a site takes an item from one other at most and does not give it on,
and all that goes along a lane shares its shipment. CP-SAT finds the best one.
"""

from __future__ import annotations

import time

import numpy as np
from ortools.sat.python import cp_model

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.sharing import Key, Sharing

ROUNDS, GAP = 6, 1e-5  # of planning the variants
TRUSTED = 0.005  # gap up to which variants may be compared
PLANNING = 0.6  # of the time
CHOOSING = 1.0  # seconds at least
CENTS = 100
LEAST_EUR = 1.0  # that a line must gain beyond its cost
WORK = 20.0  # deterministic seconds of the choice


def shared(sharing: Sharing, seconds: float, seed: int) -> tuple[tuple[int, ...], Floats] | None:
    """The options to take, and [V] what each variant costs with its best orders. EUR.

    None where there was no time to plan the variants well enough to compare them.
    """
    until = time.monotonic() + seconds
    effort = Effort(seconds=PLANNING * seconds, rounds=ROUNDS, gap=GAP)
    planned = solve(sharing.problem, effort, seed, Watch(time.monotonic))
    if planned.progress.gap > TRUSTED:
        return None
    values = sharing.values(planned.orders)
    chosen = choice(sharing, values, max(CHOOSING, until - time.monotonic()), seed)
    return None if chosen is None else (chosen, values)


def choice(sharing: Sharing, values: Floats, seconds: float, seed: int) -> tuple[int, ...] | None:
    """The options whose sum of `values` [V], lines and shipments is least; None where none
    was found in time, not even to move nothing."""
    model = cp_model.CpModel()
    takes = [model.new_bool_var("") for _ in sharing.options]
    runs = [model.new_bool_var("") for _ in sharing.lanes]
    costs = [_cents(lane.shipment_eur) * run for lane, run in zip(sharing.lanes, runs, strict=True)]
    into: dict[Key, list[int]] = {}
    out_of: dict[Key, list[int]] = {}
    for place, option in enumerate(sharing.options):
        into.setdefault(option.to, []).append(place)
        out_of.setdefault(option.giver, []).append(place)
        model.add_implication(takes[place], runs[option.lane])
        gain = values[sharing.none[option.to]] - values[option.taker]
        line = sharing.lanes[option.lane].line_eur + LEAST_EUR
        costs.append(_cents(line - gain) * takes[place])
    for places in into.values():
        model.add_at_most_one(takes[k] for k in places)
    for giver, places in out_of.items():
        variants = sharing.gives[giver]
        totals = {packs: model.new_bool_var("") for packs in variants}
        model.add_exactly_one(totals.values())
        model.add(
            sum(sharing.options[k].packs * takes[k] for k in places)
            == sum(packs * total for packs, total in totals.items())
        )
        for packs, total in totals.items():
            costs.append(_cents(values[variants[packs]] - values[variants[0]]) * total)
        for k in into.get(giver, ()):
            model.add_implication(takes[k], totals[0])
    model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = WORK
    solver.parameters.max_time_in_seconds = seconds
    if solver.solve(model) not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
        return None
    return tuple(k for k, take in enumerate(takes) if solver.boolean_value(take))


def _cents(amount: float) -> int:
    return int(np.clip(round(amount * CENTS), -(10**12), 10**12))
