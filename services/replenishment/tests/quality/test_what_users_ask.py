"""What users of other systems ask for, as laws of ours.

Nothing ordered twice, only stock that can be used and orders that come in time, seasons
followed, substitutes never ordered, and a longer horizon that only adds.
"""

from __future__ import annotations

import time
from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import cost
from services.replenishment.domain.explain import lines_of
from services.replenishment.domain.plans import Line, order_id
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder, Known
from services.replenishment.domain.problem import Ints
from services.replenishment.domain.stock import Lot, OpenOrder
from services.replenishment.domain.substitutes import Substitute
from services.replenishment.tests.situations import (
    MONDAY,
    MORNING,
    a_hospital_group,
    known,
    monthly,
    stock,
    tablets,
    terms,
)

POLICY = Policy()
LAW = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


def planned(known: list[Known], days: int = 28, budget: float | None = None) -> Assembled:
    return assemble(known, MONDAY, days, budget, POLICY)


def orders_of(assembled: Assembled) -> Ints:
    return solve(assembled.problem, Effort(rounds=5, gap=0.0), 1, Watch(time.monotonic)).orders


def approve(known: list[Known], lines: tuple[Line, ...]) -> list[Known]:
    """Everything accepted, as the next plan finds it."""
    mine: dict[tuple[str, str], list[ApprovedOrder]] = {}
    for line in lines:
        order = ApprovedOrder(
            order_id(line),
            line.item_id,
            line.site_id,
            line.packs,
            line.quantity_base,
            line.price_eur,
            line.order_day,
            line.arrival_day,
            known_elsewhere=False,
        )
        mine.setdefault((line.item_id, line.site_id), []).append(order)
    return [
        replace(one, approved=(*one.approved, *mine.get((one.item.item_id, one.site_id), ())))
        for one in known
    ]


@LAW
@given(st.integers(0, 10_000))
def test_a_plan_made_again_orders_nothing_that_was_ordered(seed: int) -> None:
    group = a_hospital_group(6, seed)
    first = planned(group)
    orders = orders_of(first)
    lines = lines_of("p", first, orders, POLICY)
    again = planned(approve(group, lines))
    more = orders_of(again)
    assert more.sum() <= 0.02 * orders.sum()


@LAW
@given(st.integers(0, 10_000))
def test_what_a_hospitals_own_list_takes_over_is_counted_once_all_the_same(seed: int) -> None:
    group = a_hospital_group(5, seed)
    lines = lines_of("p", planned(group), orders_of(planned(group)), POLICY)
    approved = approve(group, lines)
    listed = []
    for one in approved:
        assert one.report is not None
        theirs = tuple(o.as_open() for o in one.approved)
        report = replace(one.report, open_orders=(*one.report.open_orders, *theirs))
        known_there = tuple(replace(o, known_elsewhere=True) for o in one.approved)
        listed.append(replace(one, report=report, approved=known_there))
    here, there = planned(approved).problem.rows, planned(listed).problem.rows
    assert np.allclose(here.supply, there.supply)


@LAW
@given(
    st.lists(st.tuples(st.floats(0, 200), st.integers(-20, 40)), max_size=4),
    st.lists(st.tuples(st.floats(0, 200), st.integers(0, 60)), max_size=3),
)
def test_only_what_can_be_used_and_comes_in_time_is_counted(
    lots: list[tuple[float, int]], coming: list[tuple[float, int]]
) -> None:
    one = known()
    report = replace(
        stock(one.item, 0.0),
        lots=tuple(
            Lot(f"L{k}", amount, MONDAY + timedelta(days=days))
            for k, (amount, days) in enumerate(lots)
        ),
        open_orders=tuple(
            OpenOrder(f"o{k}", amount, MONDAY + timedelta(days=days))
            for k, (amount, days) in enumerate(coming)
        ),
    )
    rows = planned([replace(one, report=report)]).problem.rows
    for day in range(28):
        alive = sum(amount for amount, days in lots if days >= 0)
        arrived = sum(amount for amount, days in coming if days <= day)
        supply, demand = rows.supply[0, day], rows.demand[0, day]
        assert (supply <= alive + arrived + 1e-6).all()
        # on any path a lot past its day has helped with what was used before, and no more
        fresh = sum(amount for amount, days in lots if days > day)
        assert (supply - arrived <= np.maximum(demand, 0) + fresh + 1e-6).all() or all(
            days < 0 or days >= day for _, days in lots
        )


def test_a_season_in_the_forecast_is_bought_for_when_it_comes() -> None:
    item = tablets()
    # so dear that nobody buys weeks ahead to save an order
    dear = terms(item, price=2000.0)
    flat = replace(known(item), terms=dear, forecast=monthly(item, 300.0))
    assert flat.forecast is not None
    january, february = flat.forecast.periods[:2]
    doubled = replace(
        february, mean=2 * february.mean, quantiles=tuple(2 * q for q in february.quantiles)
    )
    season = replace(
        flat,
        forecast=replace(flat.forecast, periods=(january, doubled, *flat.forecast.periods[2:])),
    )
    days = 56
    plain, high = (planned([one], days) for one in (flat, season))
    before, after = (orders_of(one)[0] for one in (plain, high))
    lead = int(plain.problem.rows.lead[0])
    start = (february.start - MONDAY).days
    assert after.sum() >= before.sum() + 0.7 * february.mean / 10
    assert after[: start - 14].sum() <= before[: start - 14].sum() + 2, "not weeks too early"
    assert after[: start - lead + 7].sum() > before[: start - lead + 7].sum(), "and in time"


@LAW
@given(st.integers(0, 1000))
def test_a_substitute_is_never_ordered_in_place_of_the_item(seed: int) -> None:
    group = a_hospital_group(5, seed)
    ids = [one.item.item_id for one in group]
    named = [
        replace(
            one,
            substitutes=(
                Substitute(one.item.item_id, ids[k - 1], 1.0, "", "Dr A. Pharmacien", MORNING),
            ),
        )
        for k, one in enumerate(group)
    ]
    plain, with_names = planned(group).problem.rows, planned(named).problem.rows
    for field in fields(plain):  # the same problem has the same plan
        assert np.array_equal(getattr(plain, field.name), getattr(with_names, field.name))


@LAW
@given(st.integers(0, 10_000))
def test_a_longer_horizon_only_adds_to_what_was_accepted_for_a_shorter_one(seed: int) -> None:
    group = a_hospital_group(5, seed)
    short, whole = planned(group, 14), planned(group, 28)
    accepted = approve(group, lines_of("p", short, orders_of(short), POLICY))
    rest = planned(accepted, 28)
    first = np.pad(orders_of(short), ((0, 0), (0, 14)))
    more, alone = orders_of(rest), orders_of(whole)
    together, straight = (cost(whole.problem, plan) for plan in (first + more, alone))
    stopped = cost(whole.problem, first)
    assert together.total <= stopped.total + 1e-6, "the rest is bought for"
    assert together.total <= 1.7 * straight.total + 30.0, "in time"
    assert together.holding <= 1.5 * straight.holding + 20.0, "nothing is bought twice"
    assert (first + more).sum() <= 1.25 * alone.sum() + 2 * len(alone)


def test_the_same_plan_is_explained_by_a_sum_that_adds_up_whatever_is_on_order() -> None:
    group = a_hospital_group(8, 3)
    for one in lines_of("p", planned(group), orders_of(planned(group)), POLICY):
        why = one.explanation
        assert why.need_base == pytest.approx(max(0.0, -sum(t.amount for t in why.terms)))
        assert one.quantity_base == one.packs * why.base_per_pack
