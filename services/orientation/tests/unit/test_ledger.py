"""The chain of the decision log: what it notices and what it lets go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orientation.adapters.store.texts import canonical
from services.orientation.domain.ledger import (
    Anchor,
    Entry,
    Linked,
    checkpoint,
    genuine,
    link,
    verify,
)

SECRET = b"a secret of the tests"


def chain(count: int, start: Anchor | None = None) -> list[Linked]:
    at, rows = start or Anchor(), []
    for number in range(count):
        row = link(at, Entry("suggestion", 1000 + number, canonical({"case": f"k{number}"})))
        rows.append(row)
        at = Anchor(row.seq, row.hash)
    return rows


def head(rows: list[Linked]) -> Anchor:
    return Anchor(rows[-1].seq, rows[-1].hash) if rows else Anchor()


@given(st.integers(0, 30))
def test_an_untouched_log_verifies(count: int) -> None:
    rows = chain(count)
    verdict = verify(rows, None, head(rows), SECRET)
    assert verdict.sound
    assert verdict.entries == count


@given(st.integers(1, 20), st.data())
def test_any_change_is_found_at_the_entry_that_was_changed(count: int, data: st.DataObject) -> None:
    rows = chain(count)
    at = data.draw(st.integers(0, count - 1))
    entry = rows[at].entry
    changed = data.draw(
        st.sampled_from(
            [
                replace(entry, body=entry.body + " "),
                replace(entry, at_us=entry.at_us + 1),
                replace(entry, kind="decision"),
            ]
        )
    )
    tampered = [*rows[:at], Linked(rows[at].seq, rows[at].hash, changed), *rows[at + 1 :]]
    verdict = verify(tampered, None, head(rows), SECRET)
    assert not verdict.sound
    assert verdict.broken_at == at + 1


@given(st.integers(2, 20), st.data())
def test_an_entry_taken_out_is_found_wherever_it_was(count: int, data: st.DataObject) -> None:
    rows = chain(count)
    at = data.draw(st.integers(0, count - 1))
    verdict = verify(rows[:at] + rows[at + 1 :], None, head(rows), SECRET)
    assert not verdict.sound
    assert verdict.broken_at == at + 1


def test_a_rewritten_entry_breaks_the_one_after_it() -> None:
    rows = chain(3)
    forged = link(Anchor(rows[0].seq, rows[0].hash), Entry("suggestion", 1, "{}"))
    assert verify([rows[0], forged, rows[2]], None, head(rows), SECRET).broken_at == 3


@given(st.integers(1, 20), st.integers(1, 20))
def test_after_a_prefix_went_the_rest_still_verifies(gone: int, left: int) -> None:
    rows = chain(gone + left)
    mark = checkpoint(SECRET, rows[gone - 1], 5)
    verdict = verify(rows[gone:], mark, head(rows), SECRET)
    assert verdict.sound
    assert (verdict.entries, verdict.first_seq) == (left, gone + 1)


def test_a_checkpoint_that_somebody_else_signed_is_not_believed() -> None:
    rows = chain(5)
    mark = checkpoint(b"another secret", rows[1], 5)
    assert not genuine(SECRET, mark)
    assert "not genuine" in verify(rows[2:], mark, head(rows), SECRET).why


def test_a_checkpoint_cannot_hide_more_than_it_says() -> None:
    rows = chain(5)
    mark = checkpoint(SECRET, rows[1], 5)
    assert verify(rows[3:], mark, head(rows), SECRET).broken_at == 3


def test_the_text_of_an_entry_does_not_depend_on_the_order_of_its_keys() -> None:
    assert canonical({"a": 1, "b": None}) == canonical({"b": None, "a": 1})


def test_no_entry_is_shown_by_its_repr() -> None:
    assert "secret words" not in repr(Entry("suggestion", 1, "secret words"))


@pytest.mark.parametrize("count", [0, 3])
def test_a_head_that_is_further_than_the_log_tells_of_a_missing_end(count: int) -> None:
    rows = chain(count + 1)
    assert "end is missing" in verify(rows[:count], None, head(rows), SECRET).why
