"""Laws of the panel engine: awkward series, order, seeds, sums and jumps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.demand.adapters.engines.gp_panel import calendar
from services.demand.adapters.engines.gp_panel.engine import choose_calendar, forecast
from services.demand.adapters.engines.gp_panel.matrices import Warm
from services.demand.adapters.engines.gp_panel.panel import (
    ALL_ZERO,
    CONSTANT,
    EMPTY,
    MISSING_FILLED,
    NEGATIVE_CUT,
    SHORT,
    SPIKE,
    Array,
    Options,
    Panel,
    PanelForecast,
)

LEVELS = (0.01, 0.1, 0.5, 0.9, 0.975, 0.999)
JANUARY = date(2020, 1, 1)
QUICK = Options(calibrate=False)


def a_ward_group(
    n: int = 60,
    length: int = 40,
    *,
    jump: float = 0.0,
    together: bool = False,
    stepped: bool = False,
) -> Panel:
    """Seasonal counts that share a slow factor; a jump (in logs) moves the last six months.

    `stepped`: with steps at New Year, which three times as many models have to be asked for.
    """
    rng = np.random.default_rng(1)
    t = np.arange(length)
    phase = rng.integers(0, 12, (n, 1))
    level = np.exp(rng.normal(4.0, 0.8, (n, 1)))
    common = np.exp(np.cumsum(rng.normal(0, 0.01, length)))
    mean = level * common * (1 + 0.2 * np.sin(2 * np.pi * (t + phase) / 12))
    if jump:
        ways = np.ones((n, 1)) if together else rng.choice([-1.0, 1.0], (n, 1))
        mean[:, -6:] *= np.exp(jump * ways)
    return Panel(
        values=list(rng.poisson(mean).astype(np.float64)),
        season=12,
        calendar=calendar.regressors(JANUARY, length + 12, "MS"),
        years=calendar.years(JANUARY, length + 12, "MS") if stepped else None,
        groups=[f"ward {k % 5}" for k in range(n)],
    )


def alone(values: Array, horizon: int = 6, season: int = 12) -> PanelForecast:
    return forecast(Panel([values], season), horizon, LEVELS, lead_time=3)


def fit_to_show(found: PanelForecast) -> bool:
    shown = [found.mean, found.quantiles, found.lead_mean, found.lead_quantiles]
    known = [a for a in shown if a is not None]
    return (
        all(np.isfinite(a).all() and (a >= 0).all() for a in known)
        and bool((np.diff(found.quantiles, axis=2) >= 0).all())
        and bool((np.diff(known[-1], axis=-1) >= 0).all())
    )


@pytest.fixture(scope="module")
def wards() -> PanelForecast:
    return forecast(a_ward_group(), 6, LEVELS, lead_time=3)


def test_a_panel_forecast_has_its_shapes_and_is_fit_to_show(wards: PanelForecast) -> None:
    assert wards.mean.shape == (60, 6)
    assert wards.quantiles.shape == (60, 6, len(LEVELS))
    assert fit_to_show(wards)


def test_components_of_a_panel_add_up_to_the_latent_mean() -> None:
    found = forecast(a_ward_group(stepped=True), 6, LEVELS, options=QUICK)
    assert {"level", "slope", "season", "year", "calendar", "patterns", "common", "group"} == set(
        found.components
    )
    assert all(np.abs(part).max() > 0 for part in found.components.values())
    np.testing.assert_allclose(sum(found.components.values()), found.latent_mean, rtol=1e-8)


def test_the_order_of_series_does_not_matter(wards: PanelForecast) -> None:
    panel = a_ward_group()
    order = np.random.default_rng(2).permutation(60)
    mixed = forecast(panel.rows(order.tolist()), 6, LEVELS, lead_time=3)
    np.testing.assert_allclose(mixed.quantiles, wards.quantiles[order], rtol=1e-5, atol=1e-6)


def test_the_same_seed_gives_the_same_answer(wards: PanelForecast) -> None:
    again = forecast(a_ward_group(), 6, LEVELS, lead_time=3)
    assert (again.quantiles == wards.quantiles).all()
    assert again.lead_quantiles is not None
    assert wards.lead_quantiles is not None
    assert (again.lead_quantiles == wards.lead_quantiles).all()


def test_explaining_changes_no_figure(wards: PanelForecast) -> None:
    plain = forecast(a_ward_group(), 6, LEVELS, lead_time=3, options=Options(explain=False))
    np.testing.assert_allclose(plain.quantiles, wards.quantiles)
    assert plain.components == {}


def test_the_mean_of_the_sum_is_the_sum_of_the_means(wards: PanelForecast) -> None:
    assert wards.lead_mean is not None
    np.testing.assert_allclose(wards.lead_mean, wards.mean[:, :3].sum(axis=1), rtol=0.03)


def test_a_sum_is_narrower_than_the_sum_of_its_parts(wards: PanelForecast) -> None:
    assert wards.lead_quantiles is not None
    apart = wards.quantiles[:, :3, 3].sum(axis=1)
    assert (wards.lead_quantiles[:, 3] < apart).mean() > 0.9


@pytest.mark.parametrize("together", [True, False])
def test_a_jump_of_many_levels_in_the_last_months_widens_the_intervals(
    together: bool, wards: PanelForecast
) -> None:
    calm = wards
    shaken = forecast(a_ward_group(jump=0.5, together=together), 6, LEVELS)

    def width(found: PanelForecast) -> float:
        each = (found.quantiles[:, :, 3] - found.quantiles[:, :, 1]) / found.quantiles[:, :, 2]
        return float(np.median(each))

    assert width(shaken) > 1.2 * width(calm)
    assert shaken.widths.core > 1.1


def test_a_calm_panel_keeps_nearly_the_widths_it_states(wards: PanelForecast) -> None:
    assert 0.85 <= wards.widths.core <= 1.15


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        (np.full(40, 7.0), CONSTANT),
        (np.full(40, 1e9), CONSTANT),
        (np.zeros(40), ALL_ZERO),
        (np.array([3.0]), SHORT),
        (np.array([3.0, 4.0, 5.0, 1.0]), SHORT),
        (np.where(np.arange(40) == 20, 1e9, 12.0), SPIKE),
        (np.where(np.arange(40) % 9 == 5, np.nan, 12.0 + np.arange(40) % 3), MISSING_FILLED),
        (np.where(np.arange(40) == 8, -5.0, 12.0), NEGATIVE_CUT),
        (np.full(30, np.nan), EMPTY),
        (np.array([]), EMPTY),
    ],
)
def test_an_awkward_series_is_forecast_and_marked(values: Array, flag: str) -> None:
    found = alone(values)
    assert flag in found.flags[0]
    assert fit_to_show(found)


def test_a_constant_series_is_forecast_at_its_level() -> None:
    for level in (7.0, 1e9):
        assert alone(np.full(40, level)).quantiles[0, :, 2] == pytest.approx(level, rel=0.03)


def test_an_unknown_period_is_not_a_zero() -> None:
    values = np.full(40, 100.0)
    with_gap, with_zero = values.copy(), values.copy()
    with_gap[-4:-1], with_zero[-4:-1] = np.nan, 0.0
    assert alone(with_gap).quantiles[0, 0, 2] == pytest.approx(100.0, rel=0.05)
    assert alone(with_zero).quantiles[0, 0, 2] < 95.0


def test_a_bad_series_in_a_panel_leaves_the_others_nearly_as_they_were(
    wards: PanelForecast,
) -> None:
    panel = a_ward_group()
    spoilt = [v.copy() for v in panel.values]
    spoilt[0][30] = 1e9
    spoilt[1] = np.full(40, np.nan)
    spoilt[2] = np.zeros(40)
    found = forecast(replace(panel, values=spoilt), 6, LEVELS, lead_time=3)
    assert fit_to_show(found)
    assert found.flags[1] == (EMPTY,)
    change = np.abs(found.quantiles[3:, :, 2] / wards.quantiles[3:, :, 2] - 1)
    assert np.median(change) < 0.03


def test_series_of_many_lengths_share_a_panel() -> None:
    panel = a_ward_group()
    ragged = [v[k % 32 :] for k, v in enumerate(panel.values)]
    found = forecast(replace(panel, values=ragged), 6, LEVELS, options=QUICK)
    assert fit_to_show(found)


def test_a_panel_may_begin_later_than_its_calendar() -> None:
    panel = a_ward_group(stepped=True)
    late = [v[12:] for v in panel.values]
    cut = replace(panel, values=late, first_period=[12] * 60)
    assert panel.calendar is not None
    assert panel.years is not None
    moved = replace(panel, values=late, calendar=panel.calendar[12:], years=panel.years[12:])
    one, two = (forecast(p, 6, LEVELS, options=QUICK) for p in (cut, moved))
    np.testing.assert_allclose(one.quantiles, two.quantiles)


def test_warm_matrices_change_no_figure() -> None:
    panel = a_ward_group(n=1)
    warm = Warm()
    first = forecast(panel, 6, LEVELS, warm=warm)
    second = forecast(panel, 6, LEVELS, warm=warm)
    cold = forecast(panel, 6, LEVELS)
    assert (first.quantiles == second.quantiles).all()
    assert (first.quantiles == cold.quantiles).all()


def test_the_calendar_that_made_the_data_is_chosen() -> None:
    rng = np.random.default_rng(8)
    found = calendar.candidates(JANUARY, 84, "MS", (calendar.Holidays.YEAR_END,))
    right = found[calendar.Holidays.YEAR_END]
    wrong = rng.permutation(right)
    mean = 2000.0 * np.exp(0.03 * right[:72, 0])
    values = list(rng.poisson(np.repeat(mean[None], 12, axis=0)).astype(np.float64))
    panel = Panel(values, 12)
    assert choose_calendar(panel, 12, {"wrong": wrong, "right": right}) == "right"


@pytest.mark.parametrize(("season", "length"), [(7, 200), (52, 130), (1, 40)])
def test_weeks_days_and_seasonless_grids_are_forecast(season: int, length: int) -> None:
    rng = np.random.default_rng(9)
    mean = 50 + 20 * np.sin(2 * np.pi * np.arange(length) / max(season, 2))
    found = alone(rng.poisson(mean).astype(np.float64), 7, season)
    assert fit_to_show(found)
    if season == 7:
        ahead = 50 + 20 * np.sin(2 * np.pi * np.arange(length, length + 7) / 7)
        assert np.abs(found.quantiles[0, :, 2] - ahead).max() < 8


@pytest.mark.parametrize(
    ("horizon", "levels", "lead", "word"),
    [
        (0, LEVELS, None, "horizon"),
        (6, (0.9, 0.5), None, "levels"),
        (6, (0.0, 0.5), None, "levels"),
        (6, LEVELS, 7, "lead time"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(
    horizon: int, levels: tuple[float, ...], lead: int | None, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        forecast(Panel([np.ones(30)], 12), horizon, levels, lead_time=lead)


def test_a_calendar_that_ends_too_early_says_how_much_is_missing() -> None:
    with pytest.raises(ValueError, match="need 36"):
        forecast(Panel([np.ones(30)], 12, calendar=np.zeros((30, 1))), 6, LEVELS)


def test_series_that_end_at_different_periods_are_refused() -> None:
    with pytest.raises(ValueError, match="same period"):
        forecast(Panel([np.ones(30), np.ones(30)], 12, first_period=[0, 1]), 6, LEVELS)


@settings(max_examples=25, deadline=None)
@given(
    arrays(
        np.float64,
        st.integers(1, 40),
        elements=st.one_of(st.floats(-10, 1e10), st.just(np.nan), st.just(np.inf)),
    )
)
def test_whatever_the_series_the_forecast_is_fit_to_show(values: Array) -> None:
    found = forecast(Panel([values], 4), 3, LEVELS, lead_time=2)
    assert fit_to_show(found)
