"""Quantiles that may be shown: finite, never negative, never crossing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.demand.domain.newcomers import learn, nobody, predict
from services.demand.domain.quantiles import LEVELS, NotANumber, blend, tidy, tidy_mean
from services.demand.domain.residuals import (
    ENOUGH,
    KEPT,
    Pool,
    ScaledErrors,
    bucket_of,
    conservative,
    origins_of,
    size_of,
    step_of,
)

CURVES = arrays(np.float64, (3, len(LEVELS)), elements=st.floats(-1e9, 1e9))
HISTORIES = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1e6).map(np.floor))


@given(CURVES)
def test_tidy_quantiles_never_cross_and_are_never_negative(curves: np.ndarray) -> None:
    tidied = tidy(curves)
    assert (tidied >= 0).all()
    assert (np.diff(tidied, axis=1) >= 0).all()


@given(CURVES)
def test_quantiles_that_are_in_order_are_left_alone(curves: np.ndarray) -> None:
    tidied = tidy(curves)
    assert np.array_equal(tidy(tidied), tidied)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_rather_than_hidden(bad: float) -> None:
    with pytest.raises(NotANumber):
        tidy(np.array([[1.0, bad]]))
    with pytest.raises(NotANumber):
        tidy_mean(np.array([1.0, bad]))


def test_the_levels_are_the_contracts_and_symmetric_up_to_the_far_tail() -> None:
    assert len(LEVELS) == 18
    assert list(LEVELS) == sorted(set(LEVELS))
    assert {0.01, 0.025, 0.5, 0.98, 0.999} <= set(LEVELS)


def test_a_blend_is_the_mean_quantile_by_quantile() -> None:
    assert blend([np.array([[1.0, 2.0]]), np.array([[3.0, 6.0]])]).tolist() == [[2, 4]]


@given(HISTORIES)
def test_errors_always_have_a_size_to_be_measured_by(values: np.ndarray) -> None:
    assert size_of(values) > 0
    assert 0 <= bucket_of(values) <= 4


@given(st.integers(1, 400), st.integers(1, 400))
def test_backtests_leave_history_to_learn_from(periods: int, horizon: int) -> None:
    for known, ahead in origins_of(periods, horizon, 8):
        assert known >= 8
        assert 1 <= ahead <= horizon
        assert known + ahead <= periods


def test_steps_ahead_are_exact_at_first_and_never_go_back() -> None:
    steps = [step_of(ahead) for ahead in range(400)]
    assert steps[:12] == list(range(12))
    assert steps == sorted(steps)
    assert steps[-1] < 40


def _pool(errors: int, bucket: int = 2, ahead: int = 3) -> Pool:
    draws = np.random.default_rng(3)
    return Pool(ScaledErrors(bucket, draws.normal(size=ahead)) for _ in range(errors))


def test_a_pool_covers_what_it_claims_on_fresh_draws_of_the_same_kind() -> None:
    levels = (0.025, 0.975)
    low, high = _pool(400).quantiles(np.zeros(1), 1.0, 2, levels)[0]
    fresh = np.random.default_rng(4).normal(size=20_000)
    assert 0.93 <= np.mean((fresh >= low) & (fresh <= high)) <= 0.98


def test_a_thin_pool_borrows_from_its_neighbours() -> None:
    assert len(_pool(10).errors(4, 11)) == 30
    assert len(_pool(ENOUGH).errors(2, 0)) == ENOUGH


def test_a_pool_keeps_both_ends_when_it_is_thinned() -> None:
    errors = np.random.default_rng(5).normal(size=3 * KEPT)
    pool = Pool(ScaledErrors(0, np.array([e])) for e in errors)
    kept = pool.errors(0, 0)
    assert len(kept) == KEPT
    assert (kept[0], kept[-1]) == (errors.min(), errors.max())


def test_an_empty_pool_says_so_rather_than_guess() -> None:
    with pytest.raises(ValueError, match="no back-test"):
        Pool([]).quantiles(np.zeros(1), 1.0, 0, LEVELS)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_small_pools_are_read_outward_never_inward(errors: list[float]) -> None:
    found = np.sort(np.array(errors))
    low, high = conservative(found, (0.025, 0.975))
    assert low <= np.quantile(found, 0.025, method="higher")
    assert high >= np.quantile(found, 0.975, method="lower")


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
