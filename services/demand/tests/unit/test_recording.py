"""Recording movements: idempotent by id, row by row, all of a batch or nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.movements import Reason, SentMovement
from services.demand.tests.memory import Counts, MemoryStore
from services.demand.tests.situations import MONDAY, NANTES, day_number, sent, site, tablets
from services.demand.use_cases.record import BatchOutcome, RecordMovements
from shared.clock import FixedClock


def a_ward_cupboard() -> RecordMovements:
    """Nantes and one item are known; the clock stands on Monday morning."""
    store = MemoryStore()
    store.books.catalogue.put_items([tablets()])
    store.books.catalogue.put_sites([site()])
    return RecordMovements(
        store, FixedClock(MONDAY), Counts(), "Europe/Paris", timedelta(minutes=5)
    )


def _stored(record: RecordMovements) -> dict[str, float]:
    with record.store.read() as books:
        return {m.movement_id: m.amount for m in books.movements.known.values()}  # type: ignore[attr-defined]  # the memory store


def _reasons(outcome: BatchOutcome) -> list[tuple[int, str, str]]:
    return [(r.row, r.refusal.reason, r.refusal.field) for r in outcome.refusals]


def test_a_good_row_is_accepted_and_stored_in_base_units() -> None:
    record = a_ward_cupboard()
    outcome = record([sent("m-1", amount=2.0, unit="PACK"), sent("m-2", unit="DISPENSING")])
    assert outcome.accepted == 2
    assert _stored(record) == {"m-1": 160.0, "m-2": 24.0}


@pytest.mark.parametrize(("system", "code"), [("CIP13", "3400930000076"), ("CIP7", "3000007")])
def test_an_item_is_found_under_each_of_its_codes(system: str, code: str) -> None:
    assert a_ward_cupboard()([sent(code_system=system, code=code)]).accepted == 1


def test_the_same_row_twice_counts_once() -> None:
    record = a_ward_cupboard()
    first, again = record([sent(), sent(row=1)]), record([sent()])
    assert (first.accepted, first.duplicate) == (1, 1)
    assert (again.accepted, again.duplicate) == (0, 1)


def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing() -> None:
    record = a_ward_cupboard()
    record([sent()])
    outcome = record([sent(row=8, amount=99.0)])
    assert _reasons(outcome) == [(8, "MOVEMENT_CONFLICT", "movement_id")]
    assert _stored(record) == {"m-1": 3.0}


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an item nobody registered": ({"code": "ASPIRIN"}, "ITEM_UNKNOWN", "item.code"),
    "a mistyped pack code": (
        {"code_system": "CIP13", "code": "3400930000077"},
        "CHECK_DIGIT_WRONG",
        "item.code",
    ),
    "a code cut short": (
        {"code_system": "CIP13", "code": "34009300"},
        "CODE_MALFORMED",
        "item.code",
    ),
    "a site nobody registered": ({"site_id": "490000007"}, "SITE_UNKNOWN", "site_id"),
    "a site with a wrong key": ({"site_id": "440000009"}, "FINESS_KEY_WRONG", "site_id"),
    "a site that is no FINESS": ({"site_id": "Nantes"}, "SITE_MALFORMED", "site_id"),
    "tomorrow": (
        {"seconds": int((MONDAY + timedelta(days=1)).timestamp())},
        "MOVEMENT_IN_FUTURE",
        "occurred_time",
    ),
    "no date at all": ({"seconds": 0}, "MOVEMENT_TOO_OLD", "occurred_time"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_row_is_refused_alone_with_its_reason_and_field(case: str) -> None:
    changes, reason, field = REFUSED[case]
    record = a_ward_cupboard()
    outcome = record([sent("good"), sent("bad", row=1, **changes), sent("fine", row=2)])
    assert _reasons(outcome) == [(1, reason, field)]
    assert set(_stored(record)) == {"good", "fine"}


def test_a_sender_whose_clock_is_a_little_ahead_is_forgiven() -> None:
    soon = int((MONDAY + timedelta(minutes=4)).timestamp())
    assert a_ward_cupboard()([sent(seconds=soon)]).accepted == 1


def test_a_movement_belongs_to_the_day_of_its_place_not_of_greenwich() -> None:
    record = a_ward_cupboard()
    late = int(datetime(2026, 1, 2, 23, 30, tzinfo=UTC).timestamp())
    record([sent(seconds=late)])
    with record.store.read() as books:
        [stored] = books.movements.known.values()  # type: ignore[attr-defined]  # the memory store
    assert stored.day == day_number(date(2026, 1, 3))


def test_what_the_door_refused_is_counted_with_the_rest() -> None:
    record = a_ward_cupboard()
    refused = record([sent(site_id="Nantes")]).refusals
    assert len(record([sent("m-2", row=1)], refused).refusals) == 1
    assert record.watch == Counts(accepted=1, refused=2)


ROWS = st.builds(
    sent,
    st.sampled_from(["m-1", "m-2", "m-3"]),
    amount=st.sampled_from([1.0, 2.0]),
    reason=st.sampled_from([Reason.PATIENT.value, Reason.WASTE.value]),
    site_id=st.just(NANTES),
)


@given(st.lists(ROWS, max_size=10), st.integers(0, 10))
def test_how_rows_are_cut_into_batches_changes_nothing(rows: list[SentMovement], cut: int) -> None:
    whole, parts = a_ward_cupboard(), a_ward_cupboard()
    whole(rows)
    parts(rows[:cut])
    parts(rows[cut:])
    assert _stored(whole) == _stored(parts)
    assert whole.watch == parts.watch


@given(st.lists(ROWS, max_size=10), st.randoms(use_true_random=False))
def test_sending_everything_again_in_any_order_adds_nothing(
    rows: list[SentMovement], random: Any
) -> None:
    record = a_ward_cupboard()
    record(rows)
    before = _stored(record)
    again = list(rows)
    random.shuffle(again)
    assert record(again).accepted == 0
    assert _stored(record) == before
