"""Figures of accuracy against their definitions, counted pair by pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orientation.domain.accuracy import (
    accuracy,
    auprc,
    auroc,
    brier,
    calibration_error,
    found_at,
    missed_at_nurse_volume,
)
from services.orientation.domain.features import Floats

JUDGED = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8).map(lambda n: n / 8)), min_size=2, max_size=40
)


def arrays(judged: list[tuple[bool, float]]) -> tuple[Floats, Floats]:
    return np.array([float(y) for y, _ in judged]), np.array([p for _, p in judged])


@given(JUDGED)
def test_auroc_is_the_share_of_pairs_in_the_right_order(judged: list[tuple[bool, float]]) -> None:
    label, chance = arrays(judged)
    pairs = [
        1.0 if p > q else 0.5 if p == q else 0.0
        for p in chance[label == 1]
        for q in chance[label == 0]
    ]
    found = auroc(label, chance)
    assert math.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


@given(JUDGED)
def test_turning_the_order_round_mirrors_the_auroc(judged: list[tuple[bool, float]]) -> None:
    label, chance = arrays(judged)
    if 0 < label.sum() < len(label):
        assert auroc(label, 1 - chance) == pytest.approx(1 - auroc(label, chance))


def test_precision_is_averaged_over_the_cases() -> None:
    label, chance = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1])
    assert auprc(label, chance) == pytest.approx((1 + 2 / 3) / 2)
    assert auprc(label, np.full(4, 0.5)) == pytest.approx(0.5)


def test_a_chance_that_comes_true_in_each_bin_is_calibrated() -> None:
    chance = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    label = np.concatenate([np.arange(20) < round(20 * p) for p in np.linspace(0.05, 0.95, 10)])
    assert calibration_error(label.astype(float), chance) == pytest.approx(0, abs=1e-12)
    assert calibration_error(1 - label.astype(float), chance) > 0.4


def test_the_flagged_share_finds_the_cases_on_top() -> None:
    label, chance = np.r_[np.ones(5), np.zeros(95)], np.linspace(1, 0, 100)
    assert found_at(label, chance, 0.10) == 1
    assert found_at(label, 1 - chance, 0.10) == 0
    graded = np.arange(100) < 50
    assert missed_at_nurse_volume(label, chance, graded) == 0
    assert math.isnan(missed_at_nurse_volume(label, chance, np.zeros(100, bool)))


def test_nothing_to_judge_has_no_figure_and_no_crash() -> None:
    nobody = np.array([])
    told = accuracy(nobody, nobody)
    assert told.pop("visits") == told.pop("cases") == 0
    assert all(math.isnan(value) for value in told.values())
    assert brier(np.array([1.0]), np.array([0.8])) == pytest.approx(0.04)
