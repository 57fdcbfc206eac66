"""Classes and data quality: what a history says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.demand.domain.classes import DemandClass, profile, season_length
from services.demand.domain.periods import Period
from services.demand.domain.quality import findings, ran_away
from services.demand.tests.situations import a_rare_item, a_steady_item, monthly

TEXTBOOK = {
    "steady use": ([10, 12, 9, 11, 10, 12, 10, 11], DemandClass.SMOOTH),
    "every month, very unequal": ([1, 40, 2, 1, 60, 1, 2, 50], DemandClass.ERRATIC),
    "every third month, alike": ([4, 0, 0, 5, 0, 0, 4, 0, 0], DemandClass.INTERMITTENT),
    "every third month, very unequal": ([1, 0, 0, 40, 0, 0, 2, 0, 0], DemandClass.LUMPY),
    "five months": ([4, 5, 4, 5, 4], DemandClass.NEW),
    "never used": ([0] * 24, DemandClass.INTERMITTENT),
}


@pytest.mark.parametrize("case", TEXTBOOK)
def test_a_history_gets_its_textbook_class(case: str) -> None:
    values, expected = TEXTBOOK[case]
    assert profile(np.array(values, dtype=float), Period.MONTH).demand_class is expected


@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=60), st.floats(0.001, 1000))
def test_the_class_does_not_depend_on_the_unit(values: list[float], factor: float) -> None:
    history = np.round(np.array(values), 3)
    seen, scaled = profile(history, Period.MONTH), profile(history * factor, Period.MONTH)
    if abs(seen.variation - 0.49) > 1e-6:
        assert seen.demand_class is scaled.demand_class


def test_a_season_is_looked_for_once_it_was_seen_twice() -> None:
    assert [season_length(n, Period.MONTH) for n in (23, 24)] == [1, 12]
    assert season_length(500, Period.WEEK) == 1


def _said(values: list[float], **more: Any) -> str:
    series = monthly(values, **more)
    return " ".join(findings(series, profile(series.values, Period.MONTH)))


def test_a_good_history_needs_no_remark() -> None:
    series = a_steady_item()
    assert findings(series, profile(series.values, Period.MONTH)) == ()


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ([0] * 30, {}, "Never used"),
        ([7] * 30, {}, "The same amount"),
        ([7, 8] * 5, {}, "season of 12 months cannot be seen"),
        ([7, 0, 8, 9] * 8, {}, "have no use and count as 0"),
        ([7, 9] * 12 + [0] * 10, {}, "is the item still in use"),
        ([7, 9] * 12 + [9000], {}, "check them for a wrong unit"),
        ([7, 9] * 12, {"overreturned": 2}, "more came back than went out"),
        ([7, 9] * 12, {"unseen": 3}, "has reported nothing for the last 3"),
    ],
)
def test_what_is_odd_in_a_history_is_said(
    values: list[float], more: dict[str, int], words: str
) -> None:
    assert words in _said(values, **more)


def test_a_rare_item_is_not_said_to_be_out_of_use_for_being_rare() -> None:
    series = a_rare_item()
    said = " ".join(findings(series, profile(series.values, Period.MONTH)))
    assert "still in use" not in said


def test_a_mean_far_above_everything_ever_seen_has_run_away() -> None:
    history = np.array([5.0, 9.0])
    assert ran_away(np.array([8.0, 500.0]), history)
    assert not ran_away(np.array([8.0, 20.0]), history)
