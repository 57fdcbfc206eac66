"""Drivers: which are switched on, with which lag, and what they make of a forecast."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.demand.domain.drivers.design import driver_columns, latent, own_columns, targets
from services.demand.domain.drivers.driver import Driver, Kind, filled_forward
from services.demand.domain.drivers.effect import MOST_FACTOR, applied, effect_of, own_forecast
from services.demand.domain.drivers.made_hospital import made_hospital
from services.demand.domain.drivers.regression import fit, roll
from services.demand.domain.drivers.switch import Grid, judge, standard_errors
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.tables import Array, TableForecast

DAYS = 500
GRID = Grid(season=7, ahead=5, alias="D")


def wandering(seed: int, length: int = DAYS) -> Array:
    """A signal: calls whose log wanders by about a third."""
    draw = np.random.default_rng(seed)
    level = np.zeros(length)
    for t in range(1, length):
        level[t] = 0.95 * level[t - 1] + draw.normal(0, 0.1)
    return draw.poisson(60 * np.exp(level)).astype(np.float64)


def following(signal: Array, lag: int, seed: int) -> Array:
    draw = np.random.default_rng(seed)
    shifted = np.concatenate([np.full(lag, signal[0]), signal[: len(signal) - lag]])
    return draw.poisson(30 * (shifted / 60) ** 0.8).astype(np.float64)


def signal_of(values: Array, name: str = "calls") -> Driver:
    return Driver(name, Kind.SIGNAL, values[None])


def test_an_item_that_follows_a_signal_gets_it_with_its_lag_and_one_that_does_not_stays_alone() -> (
    None
):
    signal = wandering(1)
    alone = np.random.default_rng(3).poisson(30, DAYS).astype(np.float64)
    followed, left = judge([following(signal, 4, 2), alone], [signal_of(signal)], GRID)
    assert [one.driver for one in followed.chosen] == ["calls"]
    assert abs(followed.chosen[0].lag - 4) <= 1
    assert followed.chosen[0].gain > 0.02
    assert not left.chosen


def test_days_off_are_switched_on_for_an_item_that_rests_on_them() -> None:
    draw = np.random.default_rng(5)
    off = (np.arange(DAYS + 5) % 23 == 4).astype(np.float64)
    rests = draw.poisson(40 * np.where(off[:DAYS] > 0, 0.6, 1.0)).astype(np.float64)
    holiday = Driver("public holiday", Kind.CALENDAR, off[None])
    (judged,) = judge([rests], [holiday], GRID)
    assert [(one.driver, one.lag) for one in judged.chosen] == [("public holiday", 0)]
    effect = effect_of(rests, 0, [holiday], judged, GRID)
    ahead = off[DAYS : DAYS + 5] > 0
    assert (effect.factor[ahead] < 0.8).all()
    assert (effect.factor[~ahead] > 0.85).all()


def test_two_drivers_of_one_item_are_both_found() -> None:
    first, second = wandering(6), wandering(7)
    both = following(first, 3, 8) * (np.concatenate([[60.0] * 6, second[:-6]]) / 60) ** 0.8
    drivers = [signal_of(first, "one"), signal_of(second, "two"), signal_of(wandering(9), "none")]
    (judged,) = judge([np.round(both)], drivers, GRID)
    assert {one.driver for one in judged.chosen} == {"one", "two"}


def test_a_late_series_is_judged_on_the_periods_that_it_lived() -> None:
    signal = wandering(1)
    late = following(signal, 4, 2)[150:]
    (judged,) = judge([late], [signal_of(signal)], GRID, [150])
    assert abs(judged.chosen[0].lag - 4) <= 1


@pytest.mark.parametrize(
    ("history", "word"),
    [(np.ones(40), "too few"), (np.eye(1, DAYS)[0], "too seldom"), (np.zeros(0), "too few")],
)
def test_a_series_that_can_prove_nothing_is_refused_in_words(history: Array, word: str) -> None:
    (judged,) = judge([history], [signal_of(wandering(1))], GRID)
    assert word in judged.refused
    assert not judged.chosen


@given(st.integers(60, 120), st.integers(1, 9), st.integers(1, 7), st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_nothing_after_its_own_period_changes_a_row(
    length: int, step: int, lag: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    history, signal = draw.poisson(9, length).astype(float), draw.poisson(20, length).astype(float)
    z, cut = latent(history), length - 20
    whole = own_columns(z, step, 7)
    assert np.allclose(whole[:cut], own_columns(z[:cut], step, 7))
    changed = signal.copy()
    changed[cut:] += 100.0
    kept = [driver_columns(signal_of(s), 0, length, step, lag)[:, 2:] for s in (signal, changed)]
    assert np.array_equal(kept[0][:cut] == 0, kept[1][:cut] == 0)


def test_a_back_test_never_learns_from_what_it_foresees() -> None:
    """Targets from row 300 on are nonsense: what was foreseen before must not know."""
    z = latent(np.random.default_rng(1).poisson(20, 400).astype(float))
    columns, target = own_columns(z, 3, 7), targets(z, 3)
    spoilt = target.copy()
    spoilt[300:] = 1e3
    plain, other = roll(columns, target, 3, 100), roll(columns, spoilt, 3, 100)
    blocks = slice(100, 300)
    assert np.array_equal(plain.made[blocks], other.made[blocks], equal_nan=True)
    assert np.isfinite(plain.made[150:397]).all()
    assert np.isnan(plain.made[397:]).all()


def test_a_fit_finds_the_slopes_of_a_plane() -> None:
    rows = np.random.default_rng(2).normal(size=(4000, 2))
    fitted = fit(rows, 1.0 + rows @ np.array([2.0, -0.5]))
    assert np.allclose(fitted.slopes, [2.0, -0.5], atol=0.01)
    assert fitted(np.zeros((1, 2)))[0] == pytest.approx(1.0, abs=0.02)


def test_alike_neighbours_count_for_less() -> None:
    draw = np.random.default_rng(4).normal(0.2, 1.0, 400)
    repeated = np.repeat(draw[:100], 4)
    assert standard_errors(draw, 1) > 1.4 * standard_errors(repeated, 4)


def forecast_of_one(ahead: int) -> TableForecast:
    levels = np.array(LEVELS)
    curve = 20.0 * (0.2 + 1.6 * levels)
    quantiles = np.tile(curve, (2, ahead, 1))
    return TableForecast(
        LEVELS, np.full((2, ahead), 20.0), quantiles, np.full(2, 60.0), quantiles[:, 0] * 3
    )


def test_a_forecast_is_moved_for_its_series_only_and_keeps_its_order() -> None:
    signal = wandering(1)
    signal[-15:] *= 3
    history = following(signal, 4, 2)
    (judged,) = judge([history], [signal_of(signal)], GRID)
    effect = effect_of(history, 0, [signal_of(signal)], judged, GRID)
    plain = forecast_of_one(5)
    for made in (applied(plain, 0, effect, 3), own_forecast(plain, 0, effect, 3)):
        assert (np.diff(made.quantiles, axis=-1) >= 0).all()
        assert made.lead_mean is not None
        assert made.lead_quantiles is not None
        assert np.all(np.diff(made.lead_quantiles, axis=-1) >= 0)
        assert np.array_equal(made.quantiles[1], plain.quantiles[1])
        assert made.lead_mean[1] == 60.0
    assert "calls: leads by" in applied(plain, 0, effect, 3).reasons[0]
    contribution = effect.contributions[0]
    assert contribution.share[0] > 0.3
    assert f"{contribution.share[0]:+.0%}" in contribution.words


def test_no_driver_makes_more_of_a_forecast_than_allowed() -> None:
    signal = wandering(1)
    history = following(signal, 1, 2)
    (judged,) = judge([history], [signal_of(signal)], GRID)
    mad = signal_of(np.concatenate([signal[:-1], [1e12]]))
    effect = effect_of(history, 0, [mad], judged, GRID)
    assert (effect.factor <= MOST_FACTOR).all()
    assert np.isfinite(effect.driven).all()


def test_gaps_of_a_signal_are_bridged_from_before() -> None:
    values = np.array([np.nan, 3.0, np.nan, np.nan, 5.0])
    assert filled_forward(values).tolist() == [3.0, 3.0, 3.0, 3.0, 5.0]
    assert filled_forward(np.full(3, np.nan)).tolist() == [0.0, 0.0, 0.0]


def test_a_made_hospital_is_half_driven_and_the_same_for_the_same_seed() -> None:
    days = np.arange("2022-01-01", "2022-12-31", dtype="datetime64[D]")
    calendars = {"public holiday": (np.arange(len(days)) % 30 == 0).astype(float)}
    one, two = (made_hospital(days, calendars, 40, 3) for _ in range(2))
    assert np.array_equal(one.amounts, two.amounts)
    assert sum(bool(name) for name in one.truth) == 20
    assert all((lag > 0) == name.startswith(("calls", "infl")) for name, lag in
               zip(one.truth, one.lags, strict=True))  # fmt: skip
