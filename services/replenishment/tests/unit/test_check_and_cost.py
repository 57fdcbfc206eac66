"""What a plan may not do, and what it costs, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.check import check, cost, stock
from services.replenishment.domain.problem import NO_BREAK, NO_CAP, Problem, Rows, Storage
from services.replenishment.tests.tiny import DAYS, PROBLEMS
from shared.errors import Malformed


def two_items() -> Problem:
    """Two items of one supplier over four days; one unit of each is used a day, surely."""
    use = np.cumsum(np.ones((2, 4, 1)), axis=1)
    return Problem(
        rows=Rows(
            demand=use,
            supply=np.ones((2, 4, 1)),
            pack=np.array([1.0, 2.0]),
            lead=np.array([1, 0]),
            order_days=np.array([[True, True, False, False], [True, False, True, False]]),
            minimum=np.array([2, 1]),
            multiple=np.array([2, 1]),
            most=np.array([6, 3]),
            price=np.array([10.0, 20.0]),
            break_packs=np.array([[4], [NO_BREAK]]),
            break_discount=np.array([[0.1], [0.0]]),
            line_cost=np.array([1.0, 1.0]),
            holding=np.array([0.5, 0.25]),
            shortage=np.array([3.0, 4.0]),
            site=np.array([0, 0]),
            group=np.array([0, 0]),
            cap=np.array([0, NO_CAP]),
        ),
        weights=np.array([1.0]),
        order_cost=np.array([5.0]),
        weekly_budget=np.array([[50.0]]),
        budget_penalty=0.1,
        caps=np.array([4]),
    )


def orders(first: tuple[int, ...], second: tuple[int, ...]) -> np.ndarray:
    return np.array([first, second], dtype=np.int64)


def test_the_cost_is_what_it_is_by_hand() -> None:
    plan = orders((4, 0, 0, 0), (1, 0, 1, 0))
    found = cost(two_items(), plan)
    # item 1 holds 0, 3, 2, 1; item 2 holds 2, 1, 2, 1
    assert found.holding == pytest.approx(0.5 * 6 + 0.25 * 6)
    assert found.shortage == 0.0
    assert found.lines == 3.0
    assert found.orders == 10.0, "day 0 is shared, day 2 is an order of its own"
    assert found.discounts == pytest.approx(4 * 10 * 0.1)
    assert found.over_budget == pytest.approx((36 + 20 + 20 - 50) * 0.1)
    assert found.total == pytest.approx(4.5 + 3 + 10 - 4 + 2.6)


def test_a_shortage_is_paid_for_each_day_until_stock_comes() -> None:
    nothing = cost(two_items(), orders((0, 0, 0, 0), (0, 0, 0, 0)))
    assert nothing.shortage == pytest.approx(3 * (1 + 2 + 3) + 4 * (1 + 2 + 3))


def test_shelves_count_the_expected_stock_of_all_rows_in_a_place() -> None:
    storage = Storage(np.array([1.0, 2.0]), np.array([0, 0]), np.full((1, 4), 3.0), 10.0)
    plan = orders((4, 0, 0, 0), (1, 0, 1, 0))
    found = cost(replace(two_items(), storage=storage), plan)
    # filled: 0 + 4, 3 + 2, 2 + 4, 1 + 2 against 3
    assert found.over_storage == pytest.approx(10.0 * (1 + 2 + 3 + 0))


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        ((0, 0, 0, 0), (0, 0, 0, 0), ()),
        ((2, 2, 0, 0), (3, 0, 0, 0), ()),
        ((0, 0, 2, 0), (0, 0, 0, 0), ("NOT_AN_ORDER_DAY",)),
        ((-2, 0, 0, 0), (0, 0, 0, 0), ("NEGATIVE_ORDER",)),
        ((1, 0, 0, 0), (0, 0, 0, 0), ("BELOW_MINIMUM", "NOT_A_MULTIPLE")),
        ((3, 0, 0, 0), (0, 0, 0, 0), ("NOT_A_MULTIPLE",)),
        ((0, 0, 0, 0), (2, 0, 2, 0), ("ABOVE_MOST",)),
        ((4, 2, 0, 0), (0, 0, 0, 0), ("ABOVE_CAP",)),
    ],
)
def test_each_hard_limit_is_named_when_it_is_broken(
    first: tuple[int, ...], second: tuple[int, ...], broken: tuple[str, ...]
) -> None:
    assert check(two_items(), orders(first, second)) == broken


def test_half_packs_and_a_plan_of_another_shape_are_no_plans() -> None:
    half = np.zeros((2, 4))
    half[0, 0] = 2.5
    assert "NOT_WHOLE_PACKS" in check(two_items(), half)
    assert check(two_items(), np.zeros((2, 5))) == ("NOT_WHOLE_PACKS",)


def test_a_problem_with_an_empty_pack_is_refused() -> None:
    rows = replace(two_items().rows, pack=np.array([0.0, 1.0]))
    with pytest.raises(Malformed, match="PROBLEM_MALFORMED"):
        replace(two_items(), rows=rows)


@given(PROBLEMS, st.integers(0, 3))
def test_stock_never_forgets_a_pack(problem: Problem, packs: int) -> None:
    """What was ordered and arrived, less what was used, is what is there at the end."""
    plan = np.where(problem.rows.order_days, packs, 0)
    arrives = np.arange(DAYS)[None, :] + problem.rows.lead[:, None] < DAYS
    received = (plan * arrives).sum(axis=1) * problem.rows.pack
    expected = problem.rows.supply[:, -1] + received[:, None] - problem.rows.demand[:, -1]
    assert np.allclose(stock(problem, plan)[:, -1], expected)
