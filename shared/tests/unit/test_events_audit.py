"""The auditor itself is checked: it must see each kind of difference."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.testing.audit import audit

SENT = {"a": ["1", "2", "3"], "b": ["4", "5"]}
STORED = [("a", "1"), ("b", "4"), ("a", "2"), ("b", "5"), ("a", "3")]


def test_what_agrees_is_clean() -> None:
    assert audit(SENT, STORED).clean


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (STORED[1:], "1 missing (1"),
        ([*STORED, ("a", "2")], "1 doubled (2"),
        ([*STORED, ("a", "9")], "1 never sent (9"),
        ([STORED[4], *STORED[:4]], "1 keys out of order (a"),
        ([], "5 missing"),
    ],
    ids=["missing", "doubled", "never sent", "out of order", "nothing stored"],
)
def test_each_difference_is_named(stored: Sequence[tuple[str, str]], said: str) -> None:
    result = audit(SENT, stored)
    assert not result.clean
    assert said in str(result)


@given(st.permutations(STORED))
def test_no_order_of_the_same_facts_looks_like_a_loss(stored: list[tuple[str, str]]) -> None:
    result = audit(SENT, stored)
    assert (result.missing, result.doubled, result.strangers) == ((), (), ())
