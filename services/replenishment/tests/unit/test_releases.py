"""Expired and near-expiry lots are blocked until somebody releases them by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known, Position, position
from services.replenishment.domain.releases import (
    Release,
    ReleaseReason,
    as_released,
    check_release,
)
from services.replenishment.domain.stock import Lot
from services.replenishment.tests.situations import MONDAY, MORNING, NANTES, known, stock
from shared.errors import Refusal


def release(lot_id: str, last_day: date | None) -> Release:
    reason = ReleaseReason.EXTENDED_BY_AUTHORITY
    return Release("PARACETAMOL", NANTES, lot_id, last_day, reason, "", "Dr A", MORNING)


def shelf(*lots: tuple[str, float, int], releases: tuple[Release, ...] = ()) -> Known:
    one = known()
    held = tuple(Lot(name, amount, MONDAY + timedelta(days=days)) for name, amount, days in lots)
    return replace(one, report=replace(stock(one.item, 0.0), lots=held), releases=releases)


def at(one: Known, kept_back_days: int = 0) -> Position:
    found = position(one, MONDAY, 28, Policy(kept_back_days=kept_back_days))
    assert isinstance(found, Position)
    return found


def test_an_expired_lot_counts_once_it_is_released_and_only_until_its_new_day() -> None:
    old = ("OLD", 40.0, -3)
    assert at(shelf(old)).stock.total_base == 0.0
    found = at(shelf(old, releases=(release("OLD", MONDAY + timedelta(days=9)),)))
    assert found.stock.total_base == 40.0
    assert found.stock.lots[0].expiry == MONDAY + timedelta(days=9)
    assert found.flags == ("RELEASED_LOTS",)


def test_near_expiry_lots_are_kept_back_unless_released() -> None:
    soon = ("SOON", 40.0, 5)
    assert at(shelf(soon), kept_back_days=7).stock.total_base == 0.0
    assert at(shelf(soon), kept_back_days=5).stock.total_base == 40.0
    freed = shelf(soon, releases=(release("SOON", MONDAY + timedelta(days=5)),))
    found = at(freed, kept_back_days=7)
    assert (found.stock.total_base, found.flags) == (40.0, ("RELEASED_LOTS",))


@given(
    st.lists(st.tuples(st.floats(1, 100), st.integers(-30, 60)), max_size=4),
    st.integers(0, 20),
    st.sets(st.integers(0, 3)),
)
def test_only_named_lots_are_released_and_nothing_else_changes(
    lots: list[tuple[float, int]], kept_back: int, named: set[int]
) -> None:
    last = MONDAY + timedelta(days=100)
    held = [(f"L{k}", amount, days) for k, (amount, days) in enumerate(lots)]
    report = shelf(*held).report
    assert report is not None
    after, _ = as_released(report, [release(f"L{k}", last) for k in named], kept_back)
    for k, (before, now) in enumerate(zip(report.lots, after.lots, strict=True)):
        assert before.expiry is not None
        wanted = last if k in named else before.expiry - timedelta(days=kept_back)
        assert now == replace(before, expiry=wanted)


@pytest.mark.parametrize(
    ("lot_id", "last_day", "reason"),
    [
        ("NONE", MONDAY, "LOT_UNKNOWN"),
        ("L1", MONDAY - timedelta(days=1), "RELEASE_IN_PAST"),
    ],
)
def test_a_release_that_cannot_be_is_refused(lot_id: str, last_day: date, reason: str) -> None:
    report = stock(known().item, 5.0)
    with pytest.raises(Refusal) as refused:
        check_release(report, lot_id, last_day, MONDAY)
    assert refused.value.reason == reason
    assert check_release(report, "L1", MONDAY, MONDAY) == 5.0
