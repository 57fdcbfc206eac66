"""Which movements are demand, and when two are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.movements import LEARNT, Reason, fingerprint, learnt_amount
from services.demand.tests.situations import NANTES, sent


@pytest.mark.parametrize("reason", [Reason.PATIENT, Reason.WARD])
def test_what_patients_and_wards_take_is_demand(reason: Reason) -> None:
    assert learnt_amount(reason, 5.0) == 5.0


def test_a_return_takes_off_demand() -> None:
    assert learnt_amount(Reason.RETURN, 5.0) == -5.0


@pytest.mark.parametrize("reason", sorted(set(Reason) - set(LEARNT)))
def test_what_was_wasted_moved_or_given_away_is_not_demand(reason: Reason) -> None:
    assert learnt_amount(reason, 5.0) == 0.0


CHANGES: dict[str, Any] = {
    "amount": 4.0,
    "unit": "PACK",
    "reason": Reason.WARD.value,
    "seconds": 1,
    "nanos": 1,
    "ward_id": "W2",
}


@pytest.mark.parametrize("field", CHANGES)
def test_another_content_is_another_fingerprint(field: str) -> None:
    changed = sent(**{field: CHANGES[field]})
    assert fingerprint(sent(), "A", NANTES) != fingerprint(changed, "A", NANTES)


def test_the_same_item_under_another_of_its_codes_is_the_same_movement() -> None:
    by_pack_code = sent(code_system="CIP13", code="3400930000076")
    assert fingerprint(sent(), "A", NANTES) == fingerprint(by_pack_code, "A", NANTES)


def test_zero_is_the_same_amount_with_either_sign() -> None:
    assert fingerprint(sent(amount=0.0), "A", NANTES) == fingerprint(sent(amount=-0.0), "A", NANTES)


@given(st.floats(0, 1e9), st.text(max_size=64), st.integers(), st.integers(0, 999_999_999))
def test_a_fingerprint_is_stable_and_fits_in_64_bits(
    amount: float, ward: str, seconds: int, nanos: int
) -> None:
    row = sent(amount=amount, ward_id=ward, seconds=seconds, nanos=nanos)
    print_ = fingerprint(row, "A", NANTES)
    assert print_ == fingerprint(row._replace(movement_id="other", row=9), "A", NANTES)
    assert -(2**63) <= print_ < 2**63
