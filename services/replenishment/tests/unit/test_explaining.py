"""The sum behind each line of a real plan."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.assemble import assemble
from services.replenishment.domain.check import cost
from services.replenishment.domain.explain import lines_of
from services.replenishment.domain.plans import Line
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.domain.stock import Lot
from services.replenishment.tests.situations import (
    MONDAY,
    a_hospital_group,
    known,
    stock,
    terms,
    weekly_budget,
)

POLICY = Policy()


def planned(*ones: Known, budget: float | None = None) -> tuple[Line, ...]:
    problem = assemble(ones, MONDAY, 28, budget, POLICY)
    found = solve(problem.problem, Effort(rounds=6), 1, Watch(time.monotonic))
    return lines_of("plan-1", problem, found.orders, POLICY)


def test_every_sum_adds_up_to_its_need_and_every_line_is_whole_packs() -> None:
    group = a_hospital_group(60, seed=5)
    lines = planned(*group, budget=weekly_budget(group))
    assert lines
    for line in lines:
        total = sum(term.amount for term in line.explanation.terms)
        assert line.explanation.need_base == pytest.approx(max(0.0, -total))
        assert line.quantity_base == line.packs * line.explanation.base_per_pack
        assert line.arrival_day > line.order_day
        assert 0 <= line.stockout_after <= line.stockout_before <= 1
        assert line.explanation.sentence.endswith(".")
    assert len({line.line_id for line in lines}) == len(lines)
    assert list(lines) == sorted(lines, key=lambda line: line.order_day)


def test_later_lines_count_the_earlier_ones() -> None:
    one = known(amount=10.0, mean=900.0)
    lines = planned(replace(one, terms=terms(one.item, price=2000.0)))
    assert len(lines) > 1
    earlier = {term.label: term.amount for term in lines[1].explanation.terms}
    assert earlier["earlier lines of this plan"] == lines[0].quantity_base


def test_stock_that_expires_is_in_the_sum_and_in_the_sentence() -> None:
    one = known()
    lots = (Lot("soon", 200.0, MONDAY + timedelta(days=3)),)
    lines = planned(replace(one, report=replace(stock(one.item, 0.0), lots=lots)))
    lost = {term.label: term.amount for term in lines[0].explanation.terms}
    assert lost["stock that will expire unused"] < -100
    assert "will expire unused" in lines[0].explanation.sentence


def test_a_minimum_that_moved_the_order_is_named() -> None:
    one = known(mean=60.0, amount=0.0)
    lines = planned(replace(one, terms=terms(one.item, minimum=50)))
    assert "MINIMUM" in lines[0].explanation.limits
    assert "minimum" in lines[0].explanation.sentence


def test_an_allocation_that_moved_the_order_is_named() -> None:
    one = known(amount=0.0)
    lines = planned(replace(one, terms=terms(one.item, allocation=10)))
    assert sum(line.packs for line in lines) == 10
    assert all("ALLOCATION" in line.explanation.limits for line in lines)


def test_expired_lots_are_flagged_in_the_explanation() -> None:
    one = known()
    lots = (Lot("old", 200.0, MONDAY - timedelta(days=3)),)
    lines = planned(replace(one, report=replace(stock(one.item, 0.0), lots=lots)))
    assert "EXPIRED_LOTS" in lines[0].explanation.limits
    assert lines[0].explanation.terms[0].amount == 0.0


def test_every_line_says_what_the_plan_costs_with_and_without_it() -> None:
    group = a_hospital_group(20, seed=5)
    assembled = assemble(group, MONDAY, 28, weekly_budget(group), POLICY)
    orders = solve(assembled.problem, Effort(rounds=6), 1, Watch(time.monotonic)).orders
    names = [(at.item.item_id, at.known.site_id) for at in assembled.positions]
    for line in lines_of("plan-1", assembled, orders, POLICY):
        without = orders.copy()
        row = names.index((line.item_id, line.site_id))
        without[row, (line.order_day - MONDAY).days] = 0
        why = line.explanation
        assert why.cost_with_eur == pytest.approx(cost(assembled.problem, orders).total)
        assert why.cost_without_eur == pytest.approx(cost(assembled.problem, without).total)
        assert "Without this line the plan would cost" in why.sentence


def test_a_supplier_that_is_sometimes_late_is_said_to_be_weighed_so() -> None:
    one = known(amount=10.0)
    late = replace(terms(one.item), lead_weights=(0.6, 0.4))
    assert "sometimes early or late" in planned(replace(one, terms=late))[0].explanation.sentence
    assert "sometimes early or late" not in planned(one)[0].explanation.sentence
