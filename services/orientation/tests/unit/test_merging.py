"""Laws of the merge: order, duplicates and lateness change nothing."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.orientation.adapters.store.texts import state_to_text
from services.orientation.domain.case import (
    CaseUpdate,
    Dating,
    Fact,
    case_field,
    merge,
    merge_all,
)
from services.orientation.domain.findings import Finding
from services.orientation.domain.records import state_from_text
from services.orientation.domain.typed import read_typed
from services.orientation.tests.situations import NOW, a_call, reference

FIELDS = ["priority", "motive_code", "patient|1|age_years", "patient|2|sex", "flag||ARREST"]
VALUES = st.one_of(
    st.text(max_size=3),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.tuples(st.floats(0, 90), st.floats(0, 90)),
)
FACTS = st.builds(
    Fact,
    st.sampled_from(FIELDS),
    VALUES,
    st.integers(0, 3).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    st.sampled_from(Dating),
)
UPDATES = st.builds(
    CaseUpdate,
    st.just("case"),
    st.uuids().map(str),
    st.lists(FACTS, max_size=4).map(tuple),
    st.lists(st.sampled_from([Finding("VITAL_RANGE", "a"), Finding("INSEE_UNKNOWN", "b")])).map(
        tuple
    ),
    st.booleans(),
)


@given(st.lists(UPDATES, max_size=6), st.randoms(use_true_random=False))
def test_any_order_of_the_same_updates_gives_the_same_state(
    updates: list[CaseUpdate], random: object
) -> None:
    shuffled = list(updates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert state_to_text(merge_all(updates)) == state_to_text(merge_all(shuffled))


@given(st.lists(UPDATES, max_size=5))
def test_an_update_that_comes_twice_changes_nothing(updates: list[CaseUpdate]) -> None:
    once = merge_all(updates)
    assert merge_all([*updates, *updates]) == once
    assert once.revision == len({u.update_id for u in updates})


@given(st.lists(UPDATES, max_size=5))
def test_a_state_comes_back_from_its_text_unchanged(updates: list[CaseUpdate]) -> None:
    state = merge_all(updates)
    again = state_from_text(state_to_text(state))
    assert state_to_text(again) == state_to_text(state)
    assert again.opened == state.opened
    assert set(again.facts) == set(state.facts)


def test_what_was_said_last_wins_even_when_it_comes_first() -> None:
    early, late = a_call(1, age_years=40.0), a_call(2, age_years=45.0)
    lexicon = reference().lexicon
    state = merge_all([read_typed(late, lexicon), read_typed(early, lexicon)])
    assert state.number(case_field("patient", "", "age_years")) == 45.0


def test_an_update_without_a_time_loses_against_a_dated_one_but_wins_over_the_opening() -> None:
    def said(value: str, dating: Dating) -> CaseUpdate:
        return CaseUpdate("case", value, (Fact("priority", value, NOW, dating),))

    opening, undated = said("P3", Dating.OPENING), said("P1", Dating.UNDATED)
    dated = said("P0", Dating.DATED)
    assert merge_all([undated, opening]).text("priority") == "P1"
    assert merge_all([dated, undated, opening]).text("priority") == "P0"


def test_a_default_priority_of_p2_never_replaces_what_a_human_set() -> None:
    lexicon = reference().lexicon
    state = merge_all(
        [
            read_typed(a_call(1, priority="P0"), lexicon),
            read_typed(a_call(9, priority="P2"), lexicon),
        ]
    )
    assert state.text("priority") == "P0"
    assert Finding("PRIORITY_DEFAULT", "typed.priority") in state.findings


def test_a_case_is_open_only_once_its_own_message_has_come() -> None:
    update = CaseUpdate("case", "u")
    assert not merge_all([update]).opened
    assert merge(merge_all([update]), CaseUpdate("case", "o", opens=True)).opened


def test_a_state_never_shows_its_values_when_printed() -> None:
    state = merge_all(
        [read_typed(a_call(1, age_years=61.7251, owner="fr.secret"), reference().lexicon)]
    )
    assert "61.7251" not in repr(state)
    assert "secret" not in repr(state)
