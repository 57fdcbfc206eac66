"""What one unit more of a budget or an allocation would save."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.adapters.worker import _budget_prices
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import cost
from services.replenishment.domain.limits import LimitPrice, limit_prices
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.problem import Floats, Ints
from services.replenishment.tests.situations import (
    MONDAY,
    a_hospital_group,
    known,
    terms,
    weekly_budget,
)


def solved(assembled: Assembled) -> tuple[Ints, Floats]:
    found = solve(assembled.problem, Effort(rounds=30), 1, Watch(time.monotonic))
    return found.orders, _budget_prices(assembled.problem, found.prices)


def test_an_allocation_that_leaves_people_without_is_priced() -> None:
    one = known(amount=0.0)
    assembled = assemble(
        [replace(one, terms=terms(one.item, allocation=10))], MONDAY, 28, None, Policy()
    )
    orders, prices = solved(assembled)
    (told,) = limit_prices(assembled, orders, prices)
    assert (told.kind, told.unit, told.limit, told.used) == ("ALLOCATION", "pack", 10.0, 10.0)
    wider = assemble(
        [replace(one, terms=terms(one.item, allocation=11))], MONDAY, 28, None, Policy()
    )
    more, _ = solved(wider)
    saved = cost(assembled.problem, orders).total - cost(wider.problem, more).total
    assert 0 < told.saves_eur <= saved * 1.001
    assert "one pack more" in told.sentence


def test_an_allocation_with_room_and_a_plan_without_limits_have_no_price() -> None:
    one = known()
    roomy = assemble(
        [replace(one, terms=terms(one.item, allocation=500))], MONDAY, 28, None, Policy()
    )
    free = assemble([one], MONDAY, 28, None, Policy())
    for assembled in (roomy, free):
        assert limit_prices(assembled, *solved(assembled)) == ()


def budgets(share: float) -> list[LimitPrice]:
    group = a_hospital_group(40, seed=5)
    assembled = assemble(group, MONDAY, 28, weekly_budget(group, share), Policy())
    told = limit_prices(assembled, *solved(assembled))
    return [one for one in told if one.kind == "BUDGET"]


def test_a_tight_budget_has_a_price_of_at_most_its_penalty_and_a_wide_one_has_none() -> None:
    tight = budgets(0.3)
    assert tight
    assert all(0 < one.saves_eur <= Policy().budget_penalty + 1e-9 for one in tight)
    assert [one.saves_eur for one in tight] == sorted((o.saves_eur for o in tight), reverse=True)
    assert "one euro more" in tight[0].sentence
    assert budgets(50.0) == []


def test_a_week_that_is_overspent_costs_its_penalty_even_without_the_solvers_prices() -> None:
    one = known(amount=0.0)
    assembled = assemble([one], MONDAY, 28, 1.0, Policy())
    orders, _ = solved(assembled)
    told = limit_prices(assembled, orders, None)
    assert told
    assert all(one.saves_eur == pytest.approx(Policy().budget_penalty) for one in told)
    assert all(one.used > one.limit for one in told)
    assert limit_prices(assembled, np.zeros_like(orders), None) == ()
