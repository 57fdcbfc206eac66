"""When a shortage is foreseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.stock import OpenOrder
from services.replenishment.domain.warnings import Foreseen, WarningRule, concerns, foresee, window
from services.replenishment.tests.situations import (
    MONDAY,
    antivenom,
    known,
    monthly,
    stock,
    tablets,
    terms,
)
from shared.catalogue.items import Criticality

RULE = WarningRule(probability=0.3, least_days=7)


def look(one: Known) -> Foreseen:
    found = foresee(one, MONDAY, Policy(), RULE)
    assert found is not None
    return found


def vials(amount: float) -> Known:
    return known(antivenom(), amount=amount, mean=31.0)


def test_little_stock_of_a_critical_item_is_foreseen_with_its_day() -> None:
    found = look(vials(3.0))
    assert found.active
    assert found.probability > 0.9
    assert found.stockout_day is not None
    assert MONDAY <= found.stockout_day <= MONDAY + timedelta(days=5)


def test_plenty_is_not() -> None:
    found = look(vials(100.0))
    assert not found.active
    assert found.stockout_day is None


def test_an_order_on_its_way_averts_the_warning() -> None:
    one = vials(4.0)
    coming = OpenOrder("PO-1", 50.0, MONDAY + timedelta(days=2))
    averted = replace(one, report=stock(one.item, 4.0, orders=(coming,)))
    assert look(one).active
    assert not look(averted).active


def test_the_look_ahead_reaches_until_an_order_could_arrive() -> None:
    one = vials(10.0)
    slow = replace(one, terms=terms(one.item, lead=12, days=frozenset({4})))
    assert window(one, MONDAY, RULE) == 7
    assert window(slow, MONDAY, RULE) == 15
    assert not look(one).active
    assert look(slow).active


def test_only_vital_items_and_those_that_orientation_needs_concern_others() -> None:
    assert concerns(antivenom())
    assert concerns(tablets(criticality=Criticality.VITAL))
    assert concerns(tablets(resource="BLOOD"))
    assert not concerns(tablets())


def test_what_cannot_be_judged_is_no_warning() -> None:
    one = replace(vials(3.0), forecast=monthly(antivenom(), 31.0, base_unit="mg"))
    assert foresee(one, MONDAY, Policy(), RULE) is None
