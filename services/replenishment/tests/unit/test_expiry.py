"""What of each lot will expire unused, against a walk through the lots by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.replenishment.domain.demand import Demand, Spread, spread
from services.replenishment.domain.expiry import expected_loss, losses
from services.replenishment.domain.policy import LEVELS, WEIGHTS, Policy
from services.replenishment.domain.positions import NoSuggestion, Position, position
from services.replenishment.domain.risks import risk_of, use_first
from services.replenishment.domain.stock import Lot, UsableStock
from services.replenishment.tests.situations import MONDAY, known, monthly, stock, tablets

DAYS = 28
EVEN = Spread((1.0,) * 7, 0.0)


def lot(name: str, amount: float, days: int | None) -> Lot:
    return Lot(name, amount, None if days is None else MONDAY + timedelta(days=days))


def shelf(*lots: Lot) -> UsableStock:
    return UsableStock(MONDAY, lots, 0.0, 0.0, 0.0, 0.0)


def demand(mean: float = 310.0, width: float = 0.2) -> Demand:
    return spread(monthly(tablets(), mean, width), MONDAY, DAYS, EVEN)


def by_hand(held: UsableStock, wanted: np.ndarray) -> list[float]:
    """What each lot loses on one path of cumulative demand: first expired, first out."""
    left = [one.quantity_base for one in held.lots]
    lost = [0.0] * len(left)
    for day, used in enumerate(np.diff(wanted, prepend=0.0)):
        wanting = float(used)
        for place, amount in enumerate(left):
            taken = min(wanting, amount)
            left[place] -= taken
            wanting -= taken
        for place, one in enumerate(held.lots):
            if one.expiry == MONDAY + timedelta(days=day):
                lost[place] = left[place]
                left[place] = 0.0
    return lost


SHELVES = st.lists(
    st.tuples(st.floats(0, 300), st.integers(0, 40)), max_size=5, unique_by=lambda pair: pair[1]
).map(
    lambda pairs: shelf(
        *(lot(f"L{days}", amount, days) for amount, days in sorted(pairs, key=lambda p: p[1]))
    )
)


@settings(max_examples=50, deadline=None)
@given(SHELVES, st.floats(0, 900), st.floats(0, 0.6))
def test_a_lot_loses_the_mean_of_what_a_walk_along_each_level_loses(
    held: UsableStock, mean: float, width: float
) -> None:
    use = demand(mean, width)
    walked = np.array([by_hand(held, path) for path in use.at(LEVELS).T])  # [Q, lots]
    expected = WEIGHTS @ walked if held.lots else np.zeros(0)
    assert losses(held, use, DAYS) == pytest.approx(tuple(expected), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(SHELVES)
def test_the_lots_lose_together_what_is_expected_to_expire(held: UsableStock) -> None:
    use = demand()
    lost = losses(held, use, DAYS)
    assert sum(lost) == pytest.approx(float(expected_loss(held, use, DAYS)[-1]), abs=1e-6)
    for one, gone in zip(held.lots, lost, strict=True):
        assert -1e-9 <= gone <= one.quantity_base + 1e-9


def test_lots_of_one_day_share_its_loss_by_their_size() -> None:
    held = shelf(lot("a", 300.0, 5), lot("b", 100.0, 5))
    first, second = losses(held, demand(), DAYS)
    assert first == pytest.approx(3 * second)
    assert second > 0


def at(held: float, expiry: int | None) -> Position:
    one = known(amount=held)
    day = None if expiry is None else MONDAY + timedelta(days=expiry)
    found = position(replace(one, report=stock(one.item, held, expiry=day)), MONDAY, DAYS, Policy())
    assert not isinstance(found, NoSuggestion)
    return found


def test_a_lot_to_use_first_is_named_with_what_it_loses_in_units_and_euros() -> None:
    found = at(500.0, 9)
    (told,) = use_first(found, DAYS)
    risk = risk_of(found, MONDAY, DAYS)
    assert (told.lot_id, told.quantity_base) == ("L1", 500.0)
    assert 380 < told.lost_base < 420  # ten days at about ten tablets
    assert told.lost_eur == pytest.approx(told.lost_base * 2.0)  # 20 EUR for ten tablets
    assert risk.expected_expiry_eur == pytest.approx(told.lost_eur)
    assert risk.use_first == (told,)
    assert "2026-01-14" in told.sentence
    assert "unless they are moved" in told.sentence


def test_stock_that_lasts_or_is_used_in_time_is_not_named() -> None:
    assert use_first(at(500.0, None), DAYS) == ()
    assert use_first(at(10.0, 20), DAYS) == ()


def test_without_a_price_the_loss_is_told_in_units_only() -> None:
    bare = replace(at(500.0, 9), known=replace(at(500.0, 9).known, terms=None))
    (told,) = use_first(bare, DAYS)
    assert told.lost_base > 0
    assert told.lost_eur is None
    assert "EUR" not in told.sentence
