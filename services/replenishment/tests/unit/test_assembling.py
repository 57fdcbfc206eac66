"""From what is known of items to one planning problem, and what is left out of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import cost
from services.replenishment.domain.policy import LEVELS, WEIGHTS, Policy
from services.replenishment.domain.positions import ApprovedOrder, Known
from services.replenishment.domain.problem import smallest_order
from services.replenishment.domain.stock import Lot, OpenOrder
from services.replenishment.domain.terms import PriceBreak
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    antivenom,
    known,
    monthly,
    stock,
    tablets,
    terms,
)

POLICY = Policy()


def assembled(*ones: Known, days: int = 28, budget: float | None = None) -> Assembled:
    return assemble(ones, MONDAY, days, budget, POLICY)


def approved(one: Known, packs: int, *, day: int = 0, known_elsewhere: bool = False) -> Known:
    order = ApprovedOrder(
        "order-1",
        one.item.item_id,
        one.site_id,
        packs,
        packs * 10.0,
        packs * 20.0,
        MONDAY + timedelta(days=day),
        MONDAY + timedelta(days=day + 2),
        known_elsewhere,
    )
    return replace(one, approved=(order,))


def test_the_levels_are_equiprobable_with_the_last_ninth_refined() -> None:
    assert WEIGHTS.sum() == pytest.approx(1.0)
    assert (np.diff(LEVELS) > 0).all()
    edges = np.concatenate([[0.0], np.cumsum(WEIGHTS)])
    assert ((edges[:-1] < LEVELS) & (edges[1:] > LEVELS)).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"report": None}, "NO_STOCK_REPORT"),
        ({"terms": None}, "NO_TERMS"),
        ({"forecast": None}, "NO_FORECAST"),
        ({"forecast": monthly(tablets(), 300.0, base_unit="mg")}, "UNIT_MISMATCH"),
        ({"forecast": monthly(tablets(), 300.0, months=1)}, "FORECAST_TOO_SHORT"),
    ],
)
def test_what_cannot_be_planned_is_left_out_with_the_reason(
    change: dict[str, object], reason: str
) -> None:
    found = assembled(replace(known(), **change), known(tablets("OTHER")))  # type: ignore[arg-type]  # named above
    assert [one.reason for one in found.left_out] == [reason]
    assert [at.item.item_id for at in found.positions] == ["OTHER"]
    assert found.left_out[0].message.endswith(".")


def test_nothing_known_is_an_empty_problem() -> None:
    found = assembled()
    assert found.problem.rows.count == 0


def test_open_orders_are_supply_from_their_day_on() -> None:
    one = known()
    coming = OpenOrder("PO-1", 40.0, MONDAY + timedelta(days=3))
    with_order = replace(one, report=stock(one.item, 60.0, orders=(coming,)))
    plain, more = (assembled(k).problem.rows.supply[0] for k in (one, with_order))
    assert (more[:3] == plain[:3]).all()
    assert (more[3:] - plain[3:]).min() == 40.0


def test_an_approved_order_counts_until_the_hospitals_own_list_has_it() -> None:
    one = known()
    plain = assembled(one).problem.rows.supply[0]
    counted = assembled(approved(one, 4)).problem.rows.supply[0]
    settled = assembled(approved(one, 4, known_elsewhere=True)).problem.rows.supply[0]
    assert (counted[2:] - plain[2:] == 40.0).all()
    assert (settled == plain).all()


def test_approved_orders_use_up_their_weeks_budget() -> None:
    found = assembled(approved(known(), 4, day=9, known_elsewhere=True), budget=100.0)
    assert found.problem.weekly_budget.tolist() == [[100.0, 20.0, 100.0, 100.0]]
    spent = assembled(approved(known(), 40), budget=100.0)
    assert spent.problem.weekly_budget[0, 0] == 0.0


def test_approved_packs_use_up_the_allocation() -> None:
    one = known()
    capped = replace(one, terms=terms(one.item, allocation=10))
    assert assembled(capped).problem.caps.tolist() == [10]
    assert assembled(approved(capped, 4)).problem.caps.tolist() == [6]
    assert assembled(approved(capped, 14)).problem.caps.tolist() == [0]


def test_crisis_and_reserved_stock_are_never_supply() -> None:
    one = known()
    kept = replace(one, report=stock(one.item, 60.0, reserved=15.0, crisis=20.0))
    assert assembled(kept).problem.rows.supply[0, 0, 0] == 25.0


def test_expired_lots_are_flagged_and_not_supply() -> None:
    one = known()
    report = replace(stock(one.item, 60.0), lots=(Lot("old", 60.0, MONDAY - timedelta(days=1)),))
    found = assembled(replace(one, report=report))
    assert found.positions[0].flags == ("EXPIRED_LOTS",)
    assert found.problem.rows.supply[0, 0, 0] == 0.0


def test_items_of_one_supplier_share_an_order_at_a_site_and_not_between_sites() -> None:
    first, second = tablets("A"), tablets("B")
    elsewhere = Known(
        first,
        ANGERS,
        terms(first, site_id=ANGERS),
        stock(first, 10.0, site_id=ANGERS),
        monthly(first, 300.0, site_id=ANGERS),
    )
    rows = assembled(known(first), known(second), elsewhere).problem.rows
    assert rows.group[0] == rows.group[1] != rows.group[2]
    assert rows.site[0] == rows.site[1] != rows.site[2]


def test_large_quantities_go_in_handy_steps_that_keep_the_suppliers_multiple() -> None:
    one = known(antivenom(), mean=50_000.0)
    offer = replace(terms(one.item), multiple_packs=7, min_packs=5)
    rows = assembled(replace(one, terms=offer)).problem.rows
    assert rows.multiple[0] > 7
    assert rows.multiple[0] % 7 == 0
    assert rows.most[0] / rows.multiple[0] <= POLICY.most_steps + 1


def test_handy_steps_never_make_an_allocation_unreachable() -> None:
    one = known(antivenom(), mean=50_000.0)
    offer = replace(terms(one.item), allocation_packs=3)
    rows = assembled(replace(one, terms=offer)).problem.rows
    assert smallest_order(rows.minimum, rows.multiple)[0] <= 3


def test_price_breaks_are_kept_and_allow_buying_ahead() -> None:
    one = known()
    offer = replace(terms(one.item), price_breaks=(PriceBreak(20, 0.05), PriceBreak(60, 0.1)))
    plain, broken = assembled(one).problem.rows, assembled(replace(one, terms=offer)).problem.rows
    assert broken.break_packs.tolist() == [[20, 60]]
    assert broken.most[0] > plain.most[0]


def test_a_cheap_vital_item_is_not_left_to_run_out_for_want_of_a_price() -> None:
    one = known(tablets(criticality=antivenom().criticality))
    free = replace(one, terms=terms(one.item, price=0.0))
    rows = assembled(free).problem.rows
    assert rows.holding[0] == 0.0
    day = one.forecast.periods[0].mean / 31 if one.forecast else 0.0
    assert rows.shortage[0] * day == pytest.approx(50.0, rel=0.1)
    assert known().site_id == NANTES


def test_new_orders_that_would_outlive_their_use_cost_what_is_thrown_away() -> None:
    one = known(amount=0.0)
    fresh = replace(one, terms=replace(terms(one.item), shelf_life_days=10))
    problem = assembled(fresh).problem
    row = problem.rows
    day = int(np.flatnonzero(row.order_days[0])[0])
    need = float(row.demand[0, day + int(row.lead[0]) + 9].max())
    few, many = np.zeros((1, 28), dtype=np.int64), np.zeros((1, 28), dtype=np.int64)
    few[0, day], many[0, day] = 1, int(need / row.pack[0]) + 100
    assert cost(problem, few).spoiled == pytest.approx(0.0)
    # at least the hundred packs beyond the worst demand of their ten days are lost
    assert cost(problem, many).spoiled >= 99 * row.price[0]
    assert cost(assembled(one).problem, many).spoiled == 0.0


def test_without_a_known_shelf_life_nothing_is_said_of_spoiling() -> None:
    assert assembled(known()).problem.spoilage is None


def test_crisis_stock_neither_fills_a_need_nor_lessens_what_is_ordered() -> None:
    one = known(amount=0.0)
    kept = replace(
        one, report=replace(stock(one.item, 0.0), lots=(Lot("K", 900.0, None, crisis=True),))
    )
    empty = assemble([one], MONDAY, 28, None, Policy()).problem.rows
    crisis = assemble([kept], MONDAY, 28, None, Policy()).problem.rows
    assert (crisis.supply == empty.supply).all()
    assert crisis.most.tolist() == empty.most.tolist()


def test_demand_at_the_tail_reaches_the_plan() -> None:
    problem = assembled(known()).problem
    tail = monthly(tablets(), 300.0).periods[0].quantiles[-1]
    assert LEVELS[-1] == 0.999
    assert problem.rows.demand[0, 27, -1] > 0.85 * tail * 28 / 31
    assert problem.rows.demand[0, 27, -1] > problem.rows.demand[0, 27, -2] + 1.0


def test_a_forecast_that_ends_below_what_the_item_is_stocked_for_is_flagged() -> None:
    whole = known()
    assert whole.forecast is not None
    periods = tuple(replace(p, quantiles=p.quantiles[:8]) for p in whole.forecast.periods)
    short = replace(whole.forecast, levels=whole.forecast.levels[:8], periods=periods)
    assert assembled(whole).positions[0].flags == ()
    assert assembled(replace(whole, forecast=short)).positions[0].flags == ("TAIL_UNKNOWN",)


def test_a_delivery_that_is_late_one_time_in_four_costs_a_quarter_of_the_way_to_always_late() -> (
    None
):
    one = known()
    orders = np.zeros((1, 28), dtype=np.int64)
    orders[0, [0, 7, 14]] = 12
    prompt = replace(terms(one.item), min_lead_days=2, lead_weights=(1.0,))
    offers = [
        prompt,
        replace(prompt, lead_weights=(0.75, 0.0, 0.25)),
        replace(prompt, min_lead_days=4),
    ]
    found = [cost(assembled(replace(one, terms=offer)).problem, orders) for offer in offers]
    short = [each.shortage for each in found]
    assert short[0] < short[1] < short[2]
    assert short[1] == pytest.approx(0.75 * short[0] + 0.25 * short[2])
    assert found[1].holding == pytest.approx(0.75 * found[0].holding + 0.25 * found[2].holding)
