"""Pooled intervals on made-up rare demand whose truth is known.

Series used in 10 to 60 % of months, a few units at a time, drawn with one seed; the last
three months are held back.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest

from services.demand.adapters.engines.statistical import TsbAndImapa
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.residuals import Pool
from services.demand.domain.series import Series
from services.demand.ports import Array, Panel
from services.demand.tests.situations import MONDAY, monthly
from services.demand.tests.unit.test_making import broken
from services.demand.use_cases.make import Backtest, MakeForecast

pytestmark = pytest.mark.slow

SERIES, MONTHS, AHEAD, SEED = 400, 60, 3, 1766


def drawn() -> list[Array]:
    draws = np.random.default_rng(SEED)
    made: list[Array] = []
    while len(made) < SERIES:
        used = draws.random(MONTHS) < draws.uniform(0.1, 0.6)
        values = used * draws.negative_binomial(2, draws.uniform(0.1, 0.5), MONTHS)
        if np.count_nonzero(values[:-AHEAD]) >= 2:
            made.append(values.astype(np.float64))
    return made


@pytest.fixture(scope="module")
def held() -> tuple[Array, Array]:
    """Quantiles [series, month, level] and actuals [series, month]."""
    everyone = drawn()
    series: list[Series] = [monthly(v[:-AHEAD], f"I{n}") for n, v in enumerate(everyone)]
    backtest = Backtest(TsbAndImapa())
    pool = Pool(errors for one in series for errors in backtest(one, AHEAD))
    # rare items only: the method for regular demand must not be asked
    make = MakeForecast(broken, TsbAndImapa())
    outcomes = [make(one, Panel("run-1", AHEAD, MONDAY, pool, {})) for one in series]
    curves = [[p.quantiles for p in o.forecast.periods] for o in outcomes if o.forecast]
    return np.array(curves), np.array([v[-AHEAD:] for v in everyone])


def test_nine_tenths_of_actuals_lie_at_or_below_the_ninth_decile(
    held: tuple[Array, Array], report: Callable[[str], None]
) -> None:
    curves, actual = held
    below = float((actual <= curves[:, :, LEVELS.index(0.9)]).mean())
    report(f"rare demand: {below:.3f} of actuals at or below q0.9")
    assert 0.87 <= below <= 0.95


def test_the_service_level_quantile_is_reached_as_often_as_it_says(
    held: tuple[Array, Array], report: Callable[[str], None]
) -> None:
    curves, actual = held
    reached = float((actual <= curves[:, :, LEVELS.index(0.975)]).mean())
    report(f"rare demand: {reached:.3f} of actuals at or below q0.975")
    assert 0.95 <= reached <= 0.995


def test_pooled_quantiles_beat_the_textbooks_normal_curve(
    held: tuple[Array, Array], report: Callable[[str], None]
) -> None:
    curves, actual = held
    turns = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    normal = [np.maximum(v[:-AHEAD].mean() + turns * v[:-AHEAD].std(), 0) for v in drawn()]
    textbook = np.repeat(np.array(normal)[:, None, :], AHEAD, axis=1)
    ours, theirs = _loss(curves, actual), _loss(textbook, actual)
    report(f"rare demand: WQL {ours:.3f}, of mean and standard deviation {theirs:.3f}")
    assert ours <= 0.97 * theirs


def _loss(curves: Array, actual: Array) -> float:
    losses = []
    for place, level in enumerate(LEVELS):
        if 0.1 <= level <= 0.9:
            error = actual - curves[:, :, place]
            losses.append(2 * np.maximum(level * error, (level - 1) * error).sum())
    return float(np.mean(losses) / actual.sum())
