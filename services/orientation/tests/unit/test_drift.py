"""Drift: quiet while the scores look like the training ones, loud when they do not."""

from __future__ import annotations

import numpy as np

from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.drift import FEWEST, KNOT_SHARES, Drift
from services.orientation.tests.situations import shipped_model

CHANCES = list(np.linspace(0.001, 0.5, len(KNOT_SHARES)))


def seen(chances: np.ndarray) -> Drift:
    drift = Drift.of(CHANCES)
    assert drift is not None
    for chance in chances:
        drift.add(float(chance))
    return drift


def like_training(count: int) -> np.ndarray:
    shares = np.random.default_rng(3).random(count)
    return np.asarray(np.interp(shares, [0, *KNOT_SHARES], [0, *CHANCES]))


def test_scores_like_those_of_the_training_move_nothing() -> None:
    index = seen(like_training(2000)).index()
    assert index is not None
    assert index < 0.03


def test_graver_calls_are_noticed() -> None:
    index = seen(np.sqrt(like_training(2000))).index()
    assert index is not None
    assert index > 0.25


def test_only_the_last_answers_count() -> None:
    index = seen(np.r_[np.full(5000, 0.9), like_training(2000)]).index()
    assert index is not None
    assert index < 0.03


def test_a_few_answers_say_nothing() -> None:
    assert seen(np.full(FEWEST - 1, 0.9)).index() is None


def test_a_calibration_whose_knots_fell_together_is_not_watched() -> None:
    assert Drift.of(CHANCES[:-1]) is None


def test_the_shipped_model_can_be_watched() -> None:
    assert CompiledModel.of(shipped_model()).drift() is not None
