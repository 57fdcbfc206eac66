"""Stock by lot: what counts, what is set aside, what expires unused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.stock import (
    Lot,
    OpenOrder,
    StockReport,
    UsableStock,
    arrivals,
    usable,
    wasted,
)
from services.replenishment.tests.situations import MONDAY, MORNING, NANTES

DAYS = 10


def report(*lots: Lot, reserved: float = 0.0, crisis: float = 0.0) -> StockReport:
    return StockReport("ITEM", NANTES, lots, (), reserved, crisis, MORNING)


def later(days: int) -> date:
    return MONDAY + timedelta(days=days)


LOTS = st.lists(
    st.tuples(st.floats(0, 50), st.none() | st.integers(-3, 15)).map(
        lambda lot: Lot("L", lot[0], None if lot[1] is None else later(lot[1]))
    ),
    max_size=5,
).map(tuple)
USE = st.lists(st.floats(0, 8), min_size=DAYS, max_size=DAYS).map(
    lambda daily: np.cumsum(daily)[:, None]
)


def test_expired_lots_are_not_usable_and_are_counted_apart() -> None:
    found = usable(report(Lot("old", 5, later(-1)), Lot("last day", 7, MONDAY)), MONDAY)
    assert found.total_base == 7
    assert found.expired_base == 5


def test_crisis_stock_is_kept_on_what_lasts_and_reserved_stock_on_what_goes_first() -> None:
    lots = Lot("soon", 10, later(3)), Lot("late", 10, later(300)), Lot("never", 10, None)
    found = usable(report(*lots, reserved=4, crisis=15), MONDAY)
    assert [(lot.lot_id, lot.quantity_base) for lot in found.lots] == [("soon", 6), ("late", 5)]


def test_a_shelf_that_cannot_hold_what_is_promised_says_how_much_is_missing() -> None:
    found = usable(report(Lot("L", 10, None), reserved=8, crisis=5), MONDAY)
    assert found.total_base == 0
    assert found.short_base == 3


def test_a_lot_marked_as_crisis_stock_is_kept_whole_even_when_it_expires_first() -> None:
    lots = Lot("kept", 10, later(3), crisis=True), Lot("soon", 10, later(5)), Lot("late", 10, None)
    found = usable(report(*lots), MONDAY)
    assert [lot.lot_id for lot in found.lots] == ["soon", "late"]
    assert found.crisis_base == 10
    more = usable(report(*lots, crisis=14), MONDAY)
    assert [(lot.lot_id, lot.quantity_base) for lot in more.lots] == [("soon", 10), ("late", 6)]
    assert (more.crisis_base, more.short_base) == (14, 0)


def test_marked_lots_that_expired_are_told_and_not_made_up_from_routine_stock() -> None:
    lots = Lot("old", 10, later(-1), crisis=True), Lot("late", 10, None)
    found = usable(report(*lots), MONDAY)
    assert (found.total_base, found.expired_base, found.crisis_expired_base) == (10, 10, 10)
    assert found.crisis_base == 0


@given(LOTS, st.lists(st.booleans(), min_size=5, max_size=5), st.floats(0, 60), st.floats(0, 60))
def test_routine_use_never_draws_on_a_marked_lot(
    lots: tuple[Lot, ...], marks: list[bool], reserved: float, crisis: float
) -> None:
    named = [
        replace(lot, lot_id=f"L{k}", crisis=mark)
        for k, (lot, mark) in enumerate(zip(lots, marks, strict=False))
    ]
    found = usable(report(*named, reserved=reserved, crisis=crisis), MONDAY)
    assert not {lot.lot_id for lot in found.lots} & {lot.lot_id for lot in named if lot.crisis}
    good = sum(o.quantity_base for o in named if o.expiry is None or o.expiry >= MONDAY)
    assert found.total_base <= max(0.0, good - crisis) + 1e-9


@given(LOTS, st.floats(0, 60), st.floats(0, 60))
def test_every_unit_is_usable_set_aside_or_expired(
    lots: tuple[Lot, ...], reserved: float, crisis: float
) -> None:
    found = usable(report(*lots, reserved=reserved, crisis=crisis), MONDAY)
    aside = reserved + crisis - found.short_base
    total = sum(lot.quantity_base for lot in lots)
    assert found.total_base + found.expired_base + aside == pytest.approx(total, abs=1e-6)


def by_hand(stock: UsableStock, daily: list[float]) -> list[float]:
    """First expired, first out, one day and one lot at a time."""
    left = [lot.quantity_base for lot in stock.lots]
    expiry = [lot.expiry for lot in stock.lots]
    lost, told = 0.0, []
    for day, used in enumerate(daily):
        wanted = used
        for place, amount in enumerate(left):
            taken = min(wanted, amount)
            left[place] -= taken
            wanted -= taken
        for place, last in enumerate(expiry):
            if last == later(day):
                lost += left[place]
                left[place] = 0.0
        told.append(lost)
    return told


@given(LOTS, USE)
def test_what_expires_is_what_a_walk_through_the_lots_finds(
    lots: tuple[Lot, ...], use: np.ndarray
) -> None:
    stock = usable(report(*lots), MONDAY)
    daily = np.diff(use[:, 0], prepend=0.0).tolist()
    assert wasted(stock, use)[:, 0] == pytest.approx(by_hand(stock, daily), abs=1e-6)


@given(LOTS, USE)
def test_waste_never_falls_and_never_exceeds_what_was_there(
    lots: tuple[Lot, ...], use: np.ndarray
) -> None:
    stock = usable(report(*lots), MONDAY)
    lost = wasted(stock, use)[:, 0]
    assert (np.diff(lost) >= 0).all()
    assert lost[-1] <= stock.total_base + 1e-9


def test_open_orders_count_from_the_day_they_are_due() -> None:
    orders = (OpenOrder("a", 5, later(2)), OpenOrder("b", 7, later(20)))
    assert arrivals(orders, MONDAY, 5, None).tolist() == [0, 0, 5, 5, 5]


def test_an_overdue_order_is_neither_forgotten_nor_counted_on_today() -> None:
    orders = (OpenOrder("late", 5, later(-4)),)
    assert arrivals(orders, MONDAY, 5, 3).tolist() == [0, 0, 0, 5, 5]
    assert arrivals(orders, MONDAY, 5, None).tolist() == [0, 0, 0, 0, 0]
