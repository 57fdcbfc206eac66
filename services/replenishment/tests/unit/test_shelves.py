"""Room of the stores: what fills it, what a legal limit forbids, what one m3 more would save."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.adapters.solver.topping import room_worth, topped
from services.replenishment.adapters.worker import _budget_prices, shelf_prices
from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import check, cost, fill
from services.replenishment.domain.explain import lines_of
from services.replenishment.domain.limits import LimitPrice, limit_prices
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.problem import Ints
from services.replenishment.domain.shelves import LITRES, StorageLimit
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    known,
    monthly,
    stock,
    tablets,
    terms,
)
from shared.catalogue.items import Storage

POLICY = Policy()


def vaccine(volume: float = 0.002, amount: float = 20.0, site_id: str = NANTES) -> Known:
    """Kept cold, ten a day in packs of ten, two days of stock, ordered every Monday."""
    item = replace(tablets("VACCINE"), storage=Storage.COLD, pack_volume_m3=volume)
    return Known(
        item,
        site_id,
        terms(item, site_id=site_id, days=frozenset({1})),
        stock(item, amount, site_id=site_id),
        monthly(item, 300.0, site_id=site_id),
    )


def planned(*ones: Known, agreed: GroupLimits) -> tuple[Assembled, Ints, tuple[LimitPrice, ...]]:
    found = assemble(ones, MONDAY, 28, None, POLICY, agreed=agreed)
    solution = solve(found.problem, Effort(rounds=30), 1, Watch(time.monotonic))
    budgets = _budget_prices(found.problem, solution.prices)
    orders = topped(found.problem, solution.orders, 1, lambda: False)
    worth = room_worth(found.problem, orders, 1, lambda: False)
    stores = shelf_prices(found.problem, solution.prices, worth)
    return found, orders, limit_prices(found, orders, budgets, stores)


def cold(room: float, kind: Storage = Storage.COLD) -> GroupLimits:
    return GroupLimits(storage=(StorageLimit(NANTES, kind, room),))


def test_a_cold_store_that_is_too_small_is_never_overfilled_and_has_a_price() -> None:
    free, orders, none = planned(vaccine(), agreed=cold(1.0))
    assert none == ()
    highest = float(fill(free.problem, orders).max()) / LITRES
    tight, fewer, told = planned(vaccine(), agreed=cold(0.4 * highest))
    assert check(tight.problem, fewer) == ()
    assert float(fill(tight.problem, fewer).max()) / LITRES <= 0.4 * highest * 1.00001
    assert "ABOVE_ROOM" in check(tight.problem, orders)
    assert [(one.kind, one.store, one.unit) for one in told] == [("STORAGE", "COLD", "m3")]
    assert told[0].saves_eur > 0
    assert "one m3 more of cold storage would save" in told[0].sentence
    worse = cost(tight.problem, fewer).total - cost(free.problem, orders).total
    assert worse > 0
    wider, better, _ = planned(vaccine(), agreed=cold(0.42 * highest))
    saved = cost(tight.problem, fewer).total - cost(wider.problem, better).total
    seen = room_worth(tight.problem, fewer, 1, lambda: False)[0] * LITRES
    assert 0 < seen * 0.02 * highest <= saved * 1.001
    assert told[0].saves_eur >= seen * 0.999
    limits = {
        name for one in lines_of("p", tight, fewer, POLICY) for name in one.explanation.limits
    }
    assert "STORAGE" in limits


def test_a_cold_store_that_is_overfilled_already_takes_nothing_more_that_day() -> None:
    found, orders, told = planned(vaccine(amount=400.0), agreed=cold(0.01))
    assert check(found.problem, orders) == ()
    there = fill(found.problem, np.zeros_like(orders))
    assert (fill(found.problem, orders) <= np.maximum(there, 0.01 * LITRES) * 1.00001).all()
    assert told[0].used > told[0].limit
    assert "is there and on order already" in told[0].sentence


def test_room_at_ambient_temperature_is_a_price_and_not_a_wall() -> None:
    item = replace(tablets(), pack_volume_m3=0.002)
    one = known(item, amount=20.0)
    found, orders, told = planned(one, agreed=cold(0.001, Storage.AMBIENT))
    assert orders.sum() > 20
    assert check(found.problem, orders) == ()
    assert cost(found.problem, orders).over_storage > 0
    assert told[0].saves_eur >= POLICY.storage_penalty


def test_crisis_stock_and_items_that_cannot_be_planned_take_room_too() -> None:
    kept = vaccine()
    assert kept.report is not None
    kept = replace(kept, report=replace(kept.report, crisis_base=10.0))
    other = replace(tablets("SERUM"), storage=Storage.COLD, pack_volume_m3=0.003)
    beside = Known(other, NANTES, None, stock(other, 100.0), None)
    found = assemble([kept, beside], MONDAY, 28, None, POLICY, agreed=cold(1.0))
    assert found.rooms[0].other_m3 == pytest.approx(0.002 + 0.03)


def test_a_pack_of_unknown_volume_is_told_with_its_lines() -> None:
    found, orders, _ = planned(vaccine(volume=0.0), agreed=cold(1.0))
    for line in lines_of("p", found, orders, POLICY):
        assert "VOLUME_UNKNOWN" in line.explanation.limits
        assert "as if it took no room" in line.explanation.sentence


def test_a_limit_of_another_site_or_store_changes_nothing() -> None:
    elsewhere = GroupLimits(storage=(StorageLimit(ANGERS, Storage.COLD, 0.0),))
    for agreed in (elsewhere, cold(0.0, Storage.AMBIENT)):
        assert (
            assemble([vaccine()], MONDAY, 28, None, POLICY, agreed=agreed).problem.storage is None
        )


def test_what_is_allotted_to_the_group_is_shared_between_its_sites_and_priced() -> None:
    both = vaccine(), vaccine(site_id=ANGERS)
    agreed = GroupLimits(allotments=(GroupAllotment("VACCINE", "supplier-1", 20),))
    found, orders, told = planned(*both, agreed=agreed)
    assert check(found.problem, orders) == ()
    assert orders.sum() == 20
    (price,) = told
    assert (price.kind, price.site_id, price.item_id) == ("GROUP_ALLOTMENT", "", "VACCINE")
    assert price.saves_eur > 0
    lines = lines_of("p", found, orders, POLICY)
    assert {line.offer.group_allotted for line in lines} == {20}
    assert all("GROUP_ALLOTMENT" in line.explanation.limits for line in lines)
    one_more = orders.copy()
    one_more[0, 0] += 1
    assert "ABOVE_CAP" in check(found.problem, one_more)


def test_a_site_keeps_its_own_allocation_within_the_groups() -> None:
    one, other = vaccine(), vaccine(site_id=ANGERS)
    assert one.terms is not None
    one = replace(one, terms=replace(one.terms, allocation_packs=4))
    agreed = GroupLimits(allotments=(GroupAllotment("VACCINE", "supplier-1", 100),))
    _, orders, _ = planned(one, other, agreed=agreed)
    assert orders[0].sum() <= 4 < orders[1].sum()
