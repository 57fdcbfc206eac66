"""Days without stock, and the grids that a history allows."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from services.demand.domain.grids import grid_for, periods_for
from services.demand.domain.periods import Period, number_of
from services.demand.domain.shelf import ShelfDay, out_by_period, out_days
from services.demand.tests.memory import MemoryStore
from services.demand.tests.situations import MONDAY, NANTES, day_number, site, tablets
from services.demand.use_cases.shelf import RecordShelf
from services.demand.wire.shelf import read_shelf_days
from shared.clock import FixedClock

NAN = float("nan")
NOBODY = catalogue.ItemCode(system=catalogue.CODE_SYSTEM_LOCAL, code="NOBODY")


def known(days: list[int], levels: list[float], outs: list[float]) -> dict[int, float]:
    found, shares = out_days(np.array(days, dtype=np.int64), np.array(levels), np.array(outs))
    return dict(zip(found.tolist(), shares.tolist(), strict=True))


def test_from_one_empty_shelf_to_the_next_every_day_was_without_stock() -> None:
    assert known([10, 13], [0.0, 0.0], [NAN, NAN]) == {11: 1.0, 12: 1.0, 13: 1.0}


def test_what_follows_a_last_empty_shelf_is_not_known() -> None:
    assert known([10], [0.0], [NAN]) == {}
    assert known([10, 13, 15], [0.0, 5.0, 0.0], [NAN] * 3) == {}


def test_a_days_own_report_counts_more_than_the_levels_around_it() -> None:
    assert known([10, 11, 12], [0.0, NAN, 0.0], [NAN, 0.25, NAN]) == {11: 0.25, 12: 1.0}
    assert known([10, 11, 12], [0.0, NAN, 0.0], [NAN, 0.0, NAN]) == {12: 1.0}


@given(st.permutations(range(6)))
def test_the_order_of_reports_changes_nothing(order: list[int]) -> None:
    days, levels = [3, 5, 9, 11, 12, 20], [0.0, 0.0, 4.0, 0.0, 0.0, 1.0]
    outs = [NAN, 0.5, NAN, NAN, NAN, 1.0]
    mixed = ([values[k] for k in order] for values in (days, levels, outs))
    assert known(*mixed) == known(days, levels, outs)  # type: ignore[arg-type]  # three lists


def test_days_without_stock_are_counted_in_their_own_period() -> None:
    days = np.array([day_number(date(2025, 11, 30)), day_number(date(2025, 12, 1))])
    first = number_of(date(2025, 11, 1), Period.MONTH)
    out = out_by_period(days, np.array([1.0, 0.5]), first, 2, Period.MONTH)
    assert out.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("days", "days_used", "weeks_used", "grid"),
    [
        (730, 700, 104, Period.DAY),
        (730, 100, 80, Period.WEEK),
        (730, 20, 18, Period.MONTH),
        (60, 60, 9, Period.MONTH),
        (200, 40, 20, Period.WEEK),
    ],
)
def test_a_grid_is_as_fine_as_its_data_allow(
    days: int, days_used: int, weeks_used: int, grid: Period
) -> None:
    assert grid_for(days, days_used, weeks_used) is grid


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 400), st.sampled_from(Period))
def test_the_periods_cover_every_day_asked_for_and_no_more(
    as_of: date, days: int, period: Period
) -> None:
    last = date.fromordinal(as_of.toordinal() + days - 1)
    first, count = number_of(as_of, period), periods_for(as_of, days, period)
    assert first + count - 1 == number_of(last, period)


def a_row(**changes: Any) -> pb.StockDay:
    row = pb.StockDay(
        site_id=NANTES,
        item=catalogue.ItemCode(system=catalogue.CODE_SYSTEM_LOCAL, code="PARACETAMOL"),
        level=catalogue.Quantity(amount=0, unit=catalogue.UNIT_BASE),
    )
    row.day.year, row.day.month, row.day.day = 2026, 1, 2
    for name, value in changes.items():
        if value is None:
            row.ClearField(name)  # type: ignore[arg-type]  # named by the caller
        elif isinstance(value, str | float):
            setattr(row, name, value)
        else:
            getattr(row, name).CopyFrom(value)
    return row


def record(*sent: pb.StockDay) -> tuple[MemoryStore, int, list[tuple[str, str]]]:
    store = MemoryStore()
    store.books.catalogue.put_items([tablets()])
    store.books.catalogue.put_sites([site()])
    rows, refused = read_shelf_days(sent, 0)
    accepted, judged = RecordShelf(store, FixedClock(MONDAY), "Europe/Paris")(rows)
    found = [(one.refusal.reason, one.refusal.field) for one in (*refused, *judged)]
    return store, accepted, found


def test_a_level_in_packs_is_kept_in_base_units() -> None:
    packs = catalogue.Quantity(amount=2, unit=catalogue.UNIT_PACK)
    store, accepted, refused = record(a_row(level=packs, out_of_stock=0.5))
    assert (accepted, refused) == (1, [])
    [kept] = store.books.shelf.days.values()
    assert kept == ShelfDay("PARACETAMOL", NANTES, day_number(date(2026, 1, 2)), 160.0, 0.5)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"level": None}, "NOTHING_SAID", "level"),
        ({"out_of_stock": 1.5}, "QUANTITY_MALFORMED", "out_of_stock"),
        ({"out_of_stock": NAN}, "QUANTITY_MALFORMED", "out_of_stock"),
        ({"level": catalogue.Quantity(amount=1)}, "UNIT_UNKNOWN", "level.unit"),
        (
            {"level": catalogue.Quantity(amount=-1, unit=catalogue.UNIT_BASE)},
            "QUANTITY_MALFORMED",
            "level.amount",
        ),
        ({"day": None}, "DAY_MALFORMED", "day"),
        ({"site_id": "490000007"}, "SITE_UNKNOWN", "site_id"),
        ({"site_id": "\x00"}, "SITE_MALFORMED", "site_id"),
        ({"item": NOBODY}, "ITEM_UNKNOWN", "item.code"),
    ],
)
def test_a_bad_row_is_refused_alone_and_names_its_field(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    _, accepted, refused = record(a_row(), a_row(**changes))
    assert (accepted, refused) == (1, [(reason, field)])


def test_a_day_that_has_not_come_is_refused() -> None:
    row = a_row()
    row.day.year = 2027
    assert record(row)[2] == [("DAY_IN_FUTURE", "day")]


def test_two_different_reports_of_a_day_in_one_message_are_refused_the_same_twice_is_not() -> None:
    other = a_row(level=catalogue.Quantity(amount=5, unit=catalogue.UNIT_BASE))
    assert record(a_row(), a_row(), other)[1:] == (2, [("DAY_TWICE", "day")])
