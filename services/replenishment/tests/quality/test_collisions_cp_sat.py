"""The exact search for colliding limits against CP-SAT, on needs of a whole horizon."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from ortools.sat.python import cp_model

from services.replenishment.domain.collisions import Case, smallest

DAYS = 28


def a_case(seed: int) -> Case:
    """A need that grows, order days twice a week, limits that just may leave a plan."""
    draw = np.random.default_rng(seed)
    lead = int(draw.integers(1, 4))
    flags = np.zeros(DAYS, dtype=bool)
    flags[np.arange(DAYS) % 7 == draw.integers(0, 2)] = True
    flags[np.arange(DAYS) % 7 == draw.integers(2, 5)] = True
    need = np.cumsum(draw.poisson(draw.uniform(0.2, 1.5), DAYS))
    need[: int(np.argmax(flags)) + lead] = 0
    total = int(need[-1])
    few = max(1, total // 4)

    def maybe(packs: int) -> int | None:
        return packs if draw.random() < 0.6 else None

    weekly = draw.integers(few // 2, 2 * few + 2, DAYS // 7)
    room = need + int(draw.integers(0, few + 2))
    return Case(
        need=need,
        order_days=flags,
        lead=lead,
        minimum=int(draw.integers(1, few + 3)),
        multiple=int(draw.integers(1, 4)),
        allocation=maybe(int(draw.integers(total - 2, total + 4)) if total > 2 else 3),
        allotment=maybe(total + int(draw.integers(-1, 5))),
        weekly=weekly if draw.random() < 0.6 else None,
        room=room if draw.random() < 0.6 else None,
    )


def has_a_plan(case: Case, limits: Sequence[str]) -> bool:
    """What CP-SAT says of these limits."""
    model = cp_model.CpModel()
    top = int(case.need[-1]) + case.minimum + case.multiple
    packs = {}
    for day in np.flatnonzero(case.order_days).tolist():
        step = case.multiple if "MULTIPLE" in limits else 1
        packs[day] = step * model.new_int_var(0, top // step, "")
        if "MINIMUM" in limits:
            orders = model.new_bool_var("")
            model.add(packs[day] >= case.minimum).only_enforce_if(orders)
            model.add(packs[day] == 0).only_enforce_if(orders.negated())
    if "ALLOCATION" in limits and case.allocation is not None:
        model.add(sum(packs.values()) <= case.allocation)
    if "GROUP_ALLOTMENT" in limits and case.allotment is not None:
        model.add(sum(packs.values()) <= case.allotment)
    if "BUDGET" in limits and case.weekly is not None:
        for week, most in enumerate(case.weekly.tolist()):
            model.add(sum(p for day, p in packs.items() if day // 7 == week) <= most)
    for day in range(case.lead, DAYS):
        arrived = sum(p for ordered, p in packs.items() if ordered + case.lead <= day)
        model.add(arrived >= int(case.need[day]))
        if "COLD_ROOM" in limits and case.room is not None:
            model.add(arrived <= int(case.room[day]))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    found = solver.solve(model)
    assert found in {cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.INFEASIBLE}
    return found != cp_model.INFEASIBLE


@pytest.mark.parametrize("start", [0, 20])
def test_the_smallest_set_is_the_one_that_cp_sat_cannot_cover_though_every_smaller_one_it_can(
    start: int,
) -> None:
    sizes = []
    for seed in range(start, start + 20):
        case = a_case(seed)
        found = smallest(case)
        sizes.append(len(found))
        if not found:
            assert has_a_plan(case, case.limits) or not has_a_plan(case, ())
            continue
        assert not has_a_plan(case, found)
        for size in range(len(found)):
            assert all(has_a_plan(case, some) for some in itertools.combinations(case.limits, size))
    assert 0 in sizes, "every case collided: little was tested"
    assert max(sizes) > 1, "no two limits ever collided: little was tested"
