"""The levels of a forecast, and the curves of items too new to judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.demand.domain.newcomers import learn, nobody, predict, prior_weight
from services.demand.domain.quantiles import LEVELS

HISTORIES = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1e6).map(np.floor))


def test_the_levels_are_the_contracts_and_symmetric_up_to_the_far_tail() -> None:
    assert len(LEVELS) == 18
    assert list(LEVELS) == sorted(set(LEVELS))
    assert {0.01, 0.025, 0.5, 0.98, 0.999} <= set(LEVELS)


@given(HISTORIES)
def test_a_new_items_quantiles_never_cross_and_hold_its_mean(values: np.ndarray) -> None:
    mean, curve = predict(values, nobody(), LEVELS)
    assert (np.diff(curve) >= 0).all()
    assert (curve >= 0).all()
    assert curve[0] <= mean <= curve[-1]


def test_a_new_item_starts_at_its_class_and_moves_to_its_own_level() -> None:
    histories = [("infection", np.full(24, level)) for level in (80.0, 100.0, 125.0)]
    known = learn(histories)["infection"]
    level_after = [predict(np.full(n, 10.0), known, (0.5,))[1][0] for n in (0, 3, 6, 60)]
    assert level_after[0] == pytest.approx(100, rel=0.05)
    assert level_after == sorted(level_after, reverse=True)
    assert level_after[-1] == pytest.approx(10, rel=0.2 * 5)


def test_a_new_items_interval_narrows_as_its_own_periods_come() -> None:
    rng = np.random.default_rng(6)
    known = learn([("a", rng.poisson(level, 24).astype(float)) for level in (5, 50, 500)])["a"]
    widths = [
        np.ptp(np.log1p(predict(np.full(n, 50.0), known, (0.025, 0.975))[1])) for n in (0, 3, 5)
    ]
    assert widths == sorted(widths, reverse=True)


def test_an_unknown_class_borrows_from_all_items() -> None:
    known = learn([("a", np.full(12, 8.0)), ("", np.full(12, 4.0))])
    assert known[""].members == 2


def test_a_class_weighs_less_the_more_its_items_differ_and_the_steadier_they_are() -> None:
    draw = np.random.default_rng(3)
    steady_mixed = learn(
        [("a", draw.poisson(level, 24).astype(float)) for level in (5, 50, 500, 5000)]
    )
    wild_alike = learn([("a", (draw.random(24) < 0.2) * draw.gamma(1, 40, 24)) for _ in range(9)])
    assert prior_weight(steady_mixed["a"]) < 0.3
    assert prior_weight(wild_alike["a"]) > 3.0


@pytest.mark.parametrize("periods", [1, 3, 6])
def test_a_new_item_that_used_nothing_yet_is_neither_at_0_nor_above_its_class(periods: int) -> None:
    histories = [("infection", np.tile([0.0, 0.0, 12.0], 8) * k) for k in (1.0, 2.0, 3.0)]
    known = learn(histories)["infection"]
    mean, curve = predict(np.zeros(periods), known, (0.1, 0.5, 0.95))
    assert 0.0 < mean < 2.0 * known.level
    assert curve[-1] > 0.0
