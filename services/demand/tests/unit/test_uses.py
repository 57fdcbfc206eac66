"""Uses of equipment as they are reported, and the peaks that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.series import Series
from services.demand.domain.uses import SentUse, Use, peak_series
from services.demand.tests.memory import MemoryStore
from services.demand.tests.situations import MONDAY, NANTES, site, tablets
from services.demand.use_cases.uses import RecordUses
from shared.catalogue.codes import Code, CodeSystem
from shared.clock import FixedClock

AS_OF = date(2026, 1, 5)
BEGIN = datetime(2025, 12, 20, 0, tzinfo=UTC)
HOURS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), min_size=1, max_size=25)


def use(name: str, start: datetime | None, end: datetime | None, unit: str = "") -> Use:
    begin, stop = (None if t is None else int(t.timestamp()) for t in (start, end))
    return Use(name, "PUMP", NANTES, unit, begin, stop)


def series(uses: Sequence[Use], newest: datetime = MONDAY, zone: str = "UTC") -> Series:
    made = peak_series(uses, AS_OF, zone, int(newest.timestamp()))
    assert made is not None
    return made


def spans(hours: list[tuple[int, int]]) -> list[tuple[datetime, datetime]]:
    return [
        (BEGIN + timedelta(hours=begin), BEGIN + timedelta(hours=begin + length))
        for begin, length in hours
    ]


@given(HOURS)
def test_hand_outs_and_returns_say_the_same_as_intervals(hours: list[tuple[int, int]]) -> None:
    whole = [use(f"u{k}", *span, f"P{k}") for k, span in enumerate(spans(hours))]
    apart = [use(f"o{k}", start, None, f"P{k}") for k, (start, _) in enumerate(spans(hours))]
    apart += [use(f"r{k}", None, end, f"P{k}") for k, (_, end) in enumerate(spans(hours))]
    assert series(apart).values.tolist() == series(whole).values.tolist()


@given(HOURS)
def test_a_peak_is_the_most_units_out_at_any_hour_of_the_day(hours: list[tuple[int, int]]) -> None:
    made = series([use(f"u{k}", *span) for k, span in enumerate(spans(hours))])
    first = (BEGIN.date() - date(1970, 1, 1)).days
    for place, peak in enumerate(made.values):
        day = 24 * (made.first + place - first)
        # hour by hour, the obvious way: out at h when begun by then and not yet back
        out = [sum(b <= h < b + n for b, n in hours) for h in range(day, day + 24)]
        assert peak == max(out)


def test_a_use_that_goes_on_counts_to_the_end() -> None:
    made = series([use("u", BEGIN, None)])
    assert made.values.tolist() == [1.0] * len(made.values)
    assert made.end == (AS_OF - date(1970, 1, 1)).days


def test_what_a_silent_site_did_not_report_is_unknown_and_not_0() -> None:
    made = series([use("u", BEGIN, BEGIN + timedelta(hours=5))], newest=BEGIN + timedelta(days=9))
    assert (len(made.values), made.unseen) == (10, 6)
    assert made.values.tolist() == [1.0] + [0.0] * 9


def test_a_day_is_that_of_the_zone() -> None:
    late = BEGIN + timedelta(hours=23, minutes=30)
    paris = series([use("u", late, late + timedelta(minutes=10))], zone="Europe/Paris")
    utc = series([use("u", late, late + timedelta(minutes=10))])
    assert paris.first == utc.first + 1


def test_a_use_in_the_hour_that_comes_twice_is_not_lost() -> None:
    start = datetime(2025, 10, 26, 0, 50, tzinfo=UTC)
    made = series([use("u", start, start + timedelta(minutes=20))], zone="Europe/Paris")
    assert made.values[0] == 1.0


def test_what_is_odd_is_said() -> None:
    odd = [use("a", BEGIN, None, "P1"), use("b", BEGIN + timedelta(days=2), None, "P1")]
    assert any("out already" in said for said in series(odd).noted)


def test_nothing_is_known_before_a_day_is_over() -> None:
    assert peak_series([], AS_OF, "UTC", 0) is None
    assert peak_series([use("u", MONDAY, None)], AS_OF, "UTC", int(MONDAY.timestamp())) is None


def sent(use_id: str, start: datetime | None, end: datetime | None, item: str = "PUMP") -> SentUse:
    return SentUse(0, use_id, Code(CodeSystem.LOCAL, item), NANTES, "P1", start, end)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (sent("u", MONDAY + timedelta(hours=1), None), "USE_IN_FUTURE"),
        (sent("u", BEGIN, MONDAY + timedelta(hours=1)), "USE_IN_FUTURE"),
        (sent("u", datetime(1970, 1, 1, tzinfo=UTC), None), "USE_TOO_OLD"),
        (sent("u", BEGIN, None, item="NOBODY"), "ITEM_UNKNOWN"),
    ],
)
def test_a_use_that_cannot_be_right_is_refused_alone(row: SentUse, reason: str) -> None:
    store = MemoryStore()
    store.books.catalogue.put_sites([site()])
    store.books.catalogue.put_items([tablets("PUMP")])
    record = RecordUses(store, FixedClock(MONDAY), timedelta(minutes=5))
    accepted, refused = record([row, sent("good", BEGIN, None)])
    assert accepted == 1
    assert [one.refusal.reason for one in refused] == [reason]
    assert list(store.books.uses.known) == ["good"]


def test_the_newest_report_of_a_use_counts() -> None:
    store = MemoryStore()
    store.books.catalogue.put_sites([site()])
    store.books.catalogue.put_items([tablets("PUMP")])
    record = RecordUses(store, FixedClock(MONDAY), timedelta(minutes=5))
    record([sent("u", BEGIN, None)])
    record([sent("u", BEGIN, BEGIN + timedelta(hours=4))])
    (kept,) = store.books.uses.of((), ())
    assert kept.end == int((BEGIN + timedelta(hours=4)).timestamp())
    assert np.isclose(store.books.uses.newest()[NANTES], kept.end)
