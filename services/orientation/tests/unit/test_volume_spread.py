"""Laws of the quantiles, and that over-dispersion is learnt from errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.volume.spread import LEVELS, Spread, cumulative, quantiles

MEANS = st.lists(st.floats(0, 3000), min_size=1, max_size=5).map(np.asarray)
DISPERSION = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(mean=MEANS, dispersion=DISPERSION)
def test_quantiles_are_never_negative_and_never_cross(mean: np.ndarray, dispersion: float) -> None:
    found = quantiles(mean, dispersion, np.tile(np.asarray(LEVELS), (mean.size, 1)))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(mean=st.floats(20, 500), low=st.floats(0, 0.15), more=st.floats(0, 0.15))
def test_more_dispersion_never_lowers_the_upper_quantile(
    mean: float, low: float, more: float
) -> None:
    # Up to a dispersion of 0.3: far beyond, mass moves to 0 and to the last tenth.
    level = np.asarray([[0.9]])
    narrow, wide = (quantiles(np.asarray([mean]), phi, level)[0, 0] for phi in (low, low + more))
    assert wide >= narrow


@pytest.mark.parametrize(("mean", "dispersion"), [(3.0, 0.4), (40.0, 0.02)])
def test_the_table_is_the_negative_binomial_of_the_textbook(mean: float, dispersion: float) -> None:
    size = 1 / dispersion
    mass = [
        math.exp(
            math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
            + size * math.log(size / (size + mean)) + k * math.log(mean / (size + mean))
        )
        for k in range(50)
    ]  # fmt: skip
    np.testing.assert_allclose(cumulative(np.asarray([mean]), dispersion)[0, :50], np.cumsum(mass))


def test_an_hour_that_does_not_exist_has_quantiles_of_zero() -> None:
    assert quantiles(np.asarray([0.0]), 0.1, np.asarray([[0.1, 0.5, 0.9]])).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("dispersion", [0.005, 0.05])
def test_p90_covers_ninety_percent_once_the_spread_has_learnt(dispersion: float) -> None:
    draw, spread, mean, size = (
        np.random.default_rng(3),
        Spread(),
        np.full(24, 150.0),
        1 / dispersion,
    )
    held = []
    for day in range(400):
        calls = draw.negative_binomial(size, size / (size + mean)).astype(np.float64)
        if day >= 100:
            held.append(calls <= spread.quantiles(mean)[:, 2])
        spread.learn(calls, mean)
    assert spread.dispersion == pytest.approx(dispersion, rel=0.25)
    assert 0.885 <= float(np.mean(held)) <= 0.92


def test_a_skewed_forecast_is_put_right_by_the_levels() -> None:
    draw, spread, told = np.random.default_rng(4), Spread(), np.full(24, 95.0)
    held = []
    for day in range(300):
        calls = draw.poisson(100, 24).astype(np.float64)
        if day >= 100:
            held.append(calls <= spread.quantiles(told)[:, 2])
        spread.learn(calls, told)
    assert 0.88 <= float(np.mean(held)) <= 0.92


def test_hours_without_record_leave_the_spread_as_it_was() -> None:
    spread, mean = Spread(), np.full(24, 50.0)
    spread.learn(np.full(24, 50.0), mean)
    before = spread.dispersion
    spread.learn(np.full(24, np.nan), mean)
    assert spread.dispersion == before


def test_few_calls_an_hour_are_held_nine_times_in_ten_and_not_more_often() -> None:
    """Whole numbers far apart: the smallest that holds 90 % of its own mass holds more of all."""
    draw, spread = np.random.default_rng(5), Spread()
    held, plain = [], []
    for day in range(400):
        mean = draw.uniform(2, 7, 24)
        calls = draw.poisson(mean).astype(np.float64)
        if day >= 100:
            held.append(calls <= spread.quantiles(mean)[:, 2])
            plain.append(calls <= quantiles(mean, 0.0, np.full((24, 1), 0.9))[:, 0])
        spread.learn(calls, mean)
    assert float(np.mean(plain)) > 0.915
    assert 0.89 <= float(np.mean(held)) <= 0.91
