"""The smallest set of limits that leaves a need uncovered, against every plan there is."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.adapters.solver.topping import topped
from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.assemble import assemble
from services.replenishment.domain.collisions import (
    Case,
    Collision,
    collisions,
    coverable,
    smallest,
)
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.tests.situations import MONDAY, NANTES, known, stock, tablets, terms
from shared.catalogue.items import Storage

POLICY = Policy()
DAYS = 9


@st.composite
def cases(draw: st.DrawFn) -> Case:
    need = np.maximum.accumulate(draw(st.lists(st.integers(0, 7), min_size=DAYS, max_size=DAYS)))
    lead = draw(st.integers(0, 2))
    need = np.array(need)
    need[:lead] = 0
    flags = np.array(draw(st.lists(st.booleans(), min_size=DAYS, max_size=DAYS)))
    flags[5:7] = False  # at most so many order days as can be tried
    return Case(
        need=need,
        order_days=flags & (np.cumsum(flags) <= 4),
        lead=lead,
        minimum=draw(st.integers(1, 4)),
        multiple=draw(st.integers(1, 3)),
        allocation=draw(st.none() | st.integers(0, 9)),
        allotment=draw(st.none() | st.integers(0, 9)),
        weekly=np.array(draw(st.lists(st.integers(0, 8), min_size=2, max_size=2)))
        if draw(st.booleans())
        else None,
        room=np.array(draw(st.lists(st.integers(2, 12), min_size=DAYS, max_size=DAYS)))
        if draw(st.booleans())
        else None,
    )


def covered_by_hand(case: Case, limits: Sequence[str]) -> bool:
    days = [d for d in np.flatnonzero(case.order_days) if d + case.lead < DAYS]
    top = int(case.need[-1]) + case.minimum + case.multiple
    return any(
        _keeps(case, limits, dict(zip(map(int, days), packs, strict=True)))
        for packs in itertools.product(range(top + 1), repeat=len(days))
        if sum(packs) <= top
    )


def _keeps(case: Case, limits: Sequence[str], plan: dict[int, int]) -> bool:
    total = sum(plan.values())
    weeks = [sum(packs for day, packs in plan.items() if day // 7 == week) for week in (0, 1)]
    if "MINIMUM" in limits and any(0 < packs < case.minimum for packs in plan.values()):
        return False
    if "MULTIPLE" in limits and any(packs % case.multiple for packs in plan.values()):
        return False
    if "ALLOCATION" in limits and case.allocation is not None and total > case.allocation:
        return False
    if "GROUP_ALLOTMENT" in limits and case.allotment is not None and total > case.allotment:
        return False
    if "BUDGET" in limits and case.weekly is not None and (np.array(weeks) > case.weekly).any():
        return False
    for day in range(case.lead, DAYS):
        arrived = sum(packs for ordered, packs in plan.items() if ordered + case.lead <= day)
        if arrived < case.need[day]:
            return False
        if "COLD_ROOM" in limits and case.room is not None and arrived > case.room[day]:
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(cases(), st.data())
def test_what_can_be_covered_is_what_some_plan_covers(case: Case, data: st.DataObject) -> None:
    limits = [limit for limit in case.limits if data.draw(st.booleans())]
    assert coverable(case, limits) == covered_by_hand(case, limits)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_no_smaller_set_collides_and_any_one_limit_less_leaves_a_plan(case: Case) -> None:
    found = smallest(case)
    if not found:
        assert coverable(case, case.limits) or not coverable(case, ())
        return
    assert not coverable(case, found)
    for size in range(len(found)):
        for some in itertools.combinations(case.limits, size):
            assert coverable(case, some)


def told(
    one: Known, agreed: GroupLimits | None = None, budget: float | None = None
) -> tuple[Collision, ...]:
    assembled = assemble([one], MONDAY, 28, budget, POLICY, agreed=agreed or GroupLimits())
    found = solve(assembled.problem, Effort(rounds=30), 1, Watch(time.monotonic))
    orders = topped(assembled.problem, found.orders, 1, lambda: False)
    return collisions(assembled, orders, POLICY)


def test_a_need_that_is_covered_collides_with_nothing() -> None:
    assert told(known()) == ()


def test_an_allocation_alone_is_named_with_its_field() -> None:
    one = known(amount=0.0)
    (found,) = told(replace(one, terms=terms(one.item, allocation=10)))
    assert found.limits == ("ALLOCATION",)
    assert found.fields == ("SupplyTerms.allocation_packs",)
    assert 15 <= found.missing_packs <= found.need_packs <= 50
    assert "10 packs that the supplier allots" in found.sentence
    assert "Loosen" in found.sentence


def test_a_multiple_and_an_allocation_that_each_alone_would_do_collide() -> None:
    one = known(amount=0.0)
    need = told(replace(one, terms=terms(one.item, allocation=10)))[0].need_packs
    both = terms(one.item, allocation=need + 1, multiple=need - 5)
    (found,) = told(replace(one, terms=both))
    assert found.limits == ("MULTIPLE", "ALLOCATION")
    assert "collide" in found.sentence


def test_a_cold_store_and_what_the_group_is_allotted_are_named_too() -> None:
    item = replace(tablets("VACCINE"), storage=Storage.COLD, pack_volume_m3=0.01)
    one = known(item, amount=0.0)
    one = replace(one, terms=terms(item, days=frozenset({1})), report=stock(item, 0.0))
    cold = GroupLimits(storage=(StorageLimit(NANTES, Storage.COLD, 0.03),))
    assert [found.limits for found in told(one, cold)] == [("COLD_ROOM",)]
    shared = GroupLimits(allotments=(GroupAllotment("VACCINE", "supplier-1", 3),))
    assert [found.limits for found in told(one, shared)] == [("GROUP_ALLOTMENT",)]


@pytest.mark.parametrize("lead", [20, 40])
def test_what_comes_too_late_for_every_order_is_no_collision(lead: int) -> None:
    one = known(amount=0.0)
    assert told(replace(one, terms=terms(one.item, lead=lead))) == ()
