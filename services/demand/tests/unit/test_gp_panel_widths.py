"""Laws of the widths that follow a New Year which few histories can vouch for."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from services.demand.adapters.engines.gp_panel import calendar, calibration, core, marginals
from services.demand.adapters.engines.gp_panel.panel import Options, Panel, Widths
from services.demand.adapters.engines.gp_panel.power import to_latent

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)
OPTIONS = Options()


def a_panel(length: int, *, first: date = date(2020, 1, 1), ages: tuple[int, ...] = ()) -> Panel:
    """60 series of months; `ages`: lengths of the first few, the others are `length` long."""
    lengths = [*ages, *[length] * (60 - len(ages))]
    return Panel(
        values=[np.full(one, 20.0) for one in lengths],
        season=12,
        years=calendar.years(first, length + 12, "MS"),
        first_period=[length - one for one in lengths],
    )


def right_each_time(panel: Panel, horizon: int) -> core.Latent:
    """What would have foreseen every constant series of `a_panel`, with a variance of 1."""
    n = len(panel.values)
    mean = np.full((n, horizon), to_latent(np.array(20.0), OPTIONS.power))
    one = np.repeat(np.eye(horizon)[None], n, axis=0)
    return core.Latent(mean, one, np.full(n, 40.0), {}, np.zeros(n))


def measured(panel: Panel, horizon: int = 6) -> Widths:
    return calibration.measure(panel, horizon, right_each_time, lead=None, seed=0, opts=OPTIONS)


@pytest.mark.parametrize(
    ("first", "length", "before"),
    [
        (date(2020, 1, 1), 24, 0),
        (date(2020, 1, 1), 30, None),
        (date(2020, 1, 1), 31, 5),
        (date(2020, 1, 1), 36, 0),
        (date(2020, 1, 1), 37, None),
        (date(2020, 1, 1), 48, None),
        (date(2020, 7, 1), 30, 0),
        (date(2020, 7, 1), 42, None),
        (date(2020, 8, 1), 41, 0),
    ],
)
def test_the_next_new_year_is_in_doubt_until_three_were_seen(
    first: date, length: int, before: int | None
) -> None:
    assert measured(a_panel(length, first=first)).before == before


def test_a_handful_of_old_series_does_not_vouch_for_a_young_panel() -> None:
    assert measured(a_panel(60, ages=(24,) * 11)).before == 0
    assert measured(a_panel(60, ages=(24,) * 10)).before is None


def test_a_grid_without_years_or_seasons_has_no_new_year_to_doubt() -> None:
    panel = a_panel(33)
    assert measured(panel).before == 3
    assert measured(Panel(panel.values, 12, first_period=panel.first_period)).before is None
    assert measured(Panel(panel.values, 1, years=panel.years)).before is None


def test_only_what_comes_after_the_new_year_is_wider_and_by_what_is_said() -> None:
    mean, variance = np.full((2, 5), 30.0), np.full((2, 5), 4.0)
    degrees = np.full(2, 30.0)

    def quantiles(widths: Widths) -> np.ndarray:
        made = marginals.quantiles(mean, variance, degrees, LEVELS, power=0.5, widths=widths)
        return to_latent(made, 0.5) - 30.0

    plain, doubted = quantiles(Widths()), quantiles(Widths(before=2, beyond=(1.25, 1.35)))
    np.testing.assert_allclose(doubted[:, :2], plain[:, :2])
    np.testing.assert_allclose(
        doubted[:, 2:], plain[:, 2:] * np.array([1.35, 1.25, 1.0, 1.25, 1.35]), atol=1e-9
    )


def test_a_doubted_new_year_never_narrows_what_back_tests_have_widened() -> None:
    core_width, tail = Widths(1.4, 1.5, before=1, beyond=(1.25, 1.35)).ahead(3)
    assert core_width.tolist() == [1.4, 1.4, 1.4]
    assert tail.tolist() == [1.5, 1.5, 1.5]
