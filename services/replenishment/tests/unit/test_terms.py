"""How an item may be bought: what contradicts itself is refused, what is unsure is read safely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.terms import (
    PriceBreak,
    SupplyTerms,
    check_terms,
    lead_quantile,
    lead_spread,
    order_flags,
)
from services.replenishment.tests.situations import tablets, terms
from shared.errors import Malformed

OFFER = terms(tablets())


def test_nine_orders_in_ten_keep_the_lead_time_that_is_counted_on() -> None:
    assert replace(OFFER, min_lead_days=2, lead_weights=(0.7, 0.2, 0.1)).lead_days == 3
    assert replace(OFFER, min_lead_days=2, lead_weights=(7, 1, 1, 1)).lead_days == 4
    assert replace(OFFER, min_lead_days=2, lead_weights=(0, 0, 5)).lead_days == 4


@given(
    st.integers(0, 30),
    st.lists(st.floats(0, 10), min_size=1, max_size=9).filter(lambda w: sum(w) > 0),
    st.floats(0.01, 0.99),
)
def test_the_lead_quantile_is_the_first_day_that_enough_orders_keep(
    first: int, weights: list[float], level: float
) -> None:
    days = lead_quantile(first, tuple(weights), level) - first
    share = np.cumsum(weights) / sum(weights)
    assert share[days] >= level - 1e-9
    assert days == 0 or share[days - 1] < level


def test_orders_are_taken_on_the_suppliers_weekdays_only() -> None:
    flags = order_flags(replace(OFFER, order_days=frozenset({1, 4})), first_weekday=3, days=10)
    # from a Wednesday on: Thursday is day 1, Monday day 5, Thursday day 8
    assert np.flatnonzero(flags).tolist() == [1, 5, 8]


def test_the_smallest_order_is_a_multiple_that_is_not_below_the_minimum() -> None:
    assert replace(OFFER, min_packs=5, multiple_packs=3).smallest_order == 6
    assert replace(OFFER, min_packs=6, multiple_packs=3).smallest_order == 6


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"order_days": frozenset()}, "NO_ORDER_DAY", "order_days"),
        ({"lead_weights": (0.0, 0.0)}, "LEAD_UNKNOWN", "lead_weights"),
        (
            {"min_packs": 5, "multiple_packs": 3, "allocation_packs": 5},
            "MINIMUM_ABOVE_CAP",
            "allocation_packs",
        ),
        (
            {"price_breaks": (PriceBreak(10, 0.1), PriceBreak(5, 0.2))},
            "BREAKS_UNORDERED",
            "price_breaks",
        ),
        (
            {"price_breaks": (PriceBreak(5, 0.2), PriceBreak(10, 0.1))},
            "BREAKS_UNORDERED",
            "price_breaks",
        ),
    ],
)
def test_terms_under_which_nothing_sound_can_be_ordered_are_refused(
    change: dict[str, object], reason: str, field: str
) -> None:
    offer: SupplyTerms = replace(OFFER, **change)  # type: ignore[arg-type]  # named above
    with pytest.raises(Malformed) as refused:
        check_terms(offer, "terms[3]")
    assert refused.value.reason == reason
    assert refused.value.field == f"terms[3].{field}"


def test_an_allocation_of_just_the_minimum_is_enough() -> None:
    check_terms(replace(OFFER, min_packs=5, multiple_packs=3, allocation_packs=6), "terms[0]")


def test_lead_times_are_costed_with_their_chances_and_many_of_them_by_their_means() -> None:
    some = replace(OFFER, min_lead_days=2, lead_weights=(3.0, 0.0, 1.0))
    assert lead_spread(some) == ((2, 0.75), (4, 0.25))
    many = lead_spread(replace(OFFER, min_lead_days=1, lead_weights=(1.0,) * 10))
    assert [day for day, _ in many] == [2, 4, 6, 8, 10]
    assert [chance for _, chance in many] == pytest.approx([0.2] * 5)
    late = lead_spread(replace(OFFER, min_lead_days=1, lead_weights=(90.0, *(1.0,) * 9)))
    assert late[0] == pytest.approx((2, 91 / 99))
    assert late[-1] == pytest.approx((10, 2 / 99)), "what is rarely late is not forgotten"
