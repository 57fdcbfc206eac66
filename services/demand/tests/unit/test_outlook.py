"""Emergency calls as an outlook: bounded, said in words, never in the forecast."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.outlook import Rules, Signals, judge
from services.demand.domain.signals import Case, recount
from services.demand.domain.syndromes import classes_moved, groups_moving, is_group

TODAY = date(2026, 1, 31)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _calls(per_day: int, days: int, this_week: int, group: str = "respiratory") -> Signals:
    counts = {(TODAY - timedelta(days=n), group): per_day for n in range(7, days)}
    counts.update({(TODAY - timedelta(days=n), group): this_week for n in range(min(7, days))})
    return Signals(TODAY, TODAY - timedelta(days=days - 1), counts)


def test_as_many_calls_as_usual_move_nothing() -> None:
    outlook = judge("respiratory", 100.0, _calls(10, 40, 10), Rules())
    assert outlook.usual_calls == 70
    assert outlook.factor == 1
    assert outlook.first_mean == 100


def test_twice_the_calls_raise_the_outlook_within_its_bound() -> None:
    outlook = judge("respiratory", 100.0, _calls(10, 40, 20), Rules())
    assert 1 < outlook.factor <= 1.5
    assert outlook.first_mean == pytest.approx(100 * outlook.factor)
    assert "Assumed, not learnt" in outlook.reason
    assert "140 calls" in outlook.reason


@given(
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.integers(0, 60),
    st.floats(0, 1),
    st.floats(0, 1e6),
)
def test_the_factor_never_leaves_its_bounds(
    usual: int, now: int, days: int, elasticity: float, mean: float
) -> None:
    outlook = judge("respiratory", mean, _calls(usual, days, now), Rules(elasticity=elasticity))
    assert 0.8 <= outlook.factor <= 1.5


@given(st.integers(1, 100), st.integers(0, 300), st.integers(0, 300))
def test_more_calls_never_lower_the_outlook(usual: int, fewer: int, more: int) -> None:
    fewer, more = sorted((fewer, more))
    factors = [
        judge("respiratory", 1.0, _calls(usual, 30, calls), Rules()).factor
        for calls in (fewer, more)
    ]
    assert factors == sorted(factors)


@pytest.mark.parametrize("days", [0, 1, 7, 20])
def test_too_few_days_say_nothing_rather_than_guess(days: int) -> None:
    outlook = judge("respiratory", 100.0, _calls(10, days, 30), Rules())
    assert outlook.usual_calls is None
    assert outlook.factor == 1
    assert "Too few days" in outlook.reason


def test_a_configured_base_rate_stands_in_for_the_days_not_seen() -> None:
    rules = Rules(usual={"respiratory": 70.0})
    outlook = judge("respiratory", 100.0, _calls(0, 1, 30), rules)
    assert outlook.usual_calls == 70
    assert outlook.factor > 1
    assert "the 1 day(s) known, where 10 are usual" in outlook.reason
    assert "configured" in outlook.reason


def test_days_that_were_not_seen_do_not_count_as_days_without_calls() -> None:
    rules = Rules(usual={"respiratory": 70.0})
    assert judge("respiratory", 100.0, _calls(0, 1, 10), rules).factor == 1


def test_a_handful_of_calls_hardly_moves_anything() -> None:
    rules = Rules(usual={"respiratory": 1.0})
    assert judge("respiratory", 100.0, _calls(0, 7, 0), rules).factor > 0.95


def test_an_item_without_class_is_moved_by_no_call() -> None:
    outlook = judge("", 100.0, _calls(10, 40, 50), Rules())
    assert (outlook.factor, outlook.first_mean) == (1, 100)


def test_a_group_moves_its_own_class_and_those_of_the_table() -> None:
    assert classes_moved("respiratory") == ("respiratory", "infection")
    assert classes_moved("trauma") == ("trauma",)
    assert groups_moving("infection", frozenset({"respiratory", "infection", "cardiac"})) == {
        "respiratory",
        "infection",
    }


@pytest.mark.parametrize("bad", ["", "Respiratory", "a b", "x" * 65, "é"])
def test_what_is_no_group_name_is_known_for_it(bad: str) -> None:
    assert not is_group(bad)


FACTS = st.builds(
    Case,
    st.sampled_from(["k1", "k2"]),
    st.sampled_from(["cardiac", "trauma", "other"]),
    st.dates(date(2026, 1, 3), date(2026, 1, 6)),
    st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours)),
)


def _counted(facts: list[Case]) -> dict[tuple[date, str], int]:
    known: dict[str, Case] = {}
    counts: dict[tuple[date, str], int] = {}
    for fact in facts:
        change = recount(known.get(fact.case_key), fact)
        if change is None:
            continue
        known[fact.case_key] = change.case
        for day, group, calls in change.changes:
            counts[day, group] = counts.get((day, group), 0) + calls
    return {key: calls for key, calls in counts.items() if calls}


@given(st.lists(FACTS, max_size=8), st.randoms(use_true_random=False))
def test_disorder_and_repeats_of_cases_change_no_count(facts: list[Case], random: Any) -> None:
    told = facts * 2
    random.shuffle(told)
    assert _counted(told) == _counted(facts)


@given(st.lists(FACTS))
def test_each_case_is_exactly_one_call(facts: list[Case]) -> None:
    assert sum(_counted(facts).values()) == len({fact.case_key for fact in facts})
