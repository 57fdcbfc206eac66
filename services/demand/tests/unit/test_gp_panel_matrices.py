"""The matrices that series share against the obvious way, one dense Gaussian process at a time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_t

from services.demand.adapters.engines.gp_panel.components import explain
from services.demand.adapters.engines.gp_panel.evidence import (
    SHAPE,
    level_bins,
    log_evidence,
    quadratic_forms,
    weigh,
)
from services.demand.adapters.engines.gp_panel.grid import Structure, factor_structures, structures
from services.demand.adapters.engines.gp_panel.kernels import TERMS, Kernels
from services.demand.adapters.engines.gp_panel.matrices import Matrices, Warm, build
from services.demand.adapters.engines.gp_panel.moments import fit, mixture, smooth
from services.demand.adapters.engines.gp_panel.panel import Array

SEEN, AHEAD = 30, 5
STRUCTURES = (
    Structure(level=0.1, slope=0.004, wave=3.0, same=1.0, fading=0.93, year=0.5),
    Structure(level=0.02, same=0.2),
    Structure(),
)


def shared_kernels() -> Kernels:
    rng = np.random.default_rng(3)
    years = np.arange(SEEN + AHEAD) // 12
    return Kernels(
        SEEN + AHEAD,
        SEEN,
        12,
        years=years.astype(np.int64),
        calendar=0.1 * rng.standard_normal((SEEN + AHEAD, 3)),
        patterns=0.3 * rng.standard_normal((SEEN + AHEAD, 2)),
    )


def three_walks() -> Array:
    rng = np.random.default_rng(4)
    return np.asarray(10 + np.cumsum(rng.standard_normal((3, SEEN)), axis=1))


def one_at_a_time(kernels: Kernels, structure: Structure, z: Array) -> tuple[Array, Array, float]:
    """Mean, covariance for unit noise, and z' K^-1 z, written out."""
    full = kernels.covariance(structure) + np.eye(kernels.n)
    seen = full[:SEEN, :SEEN]
    cross = full[SEEN:, :SEEN]
    mean = cross @ np.linalg.solve(seen, z)
    spread = full[SEEN:, SEEN:] - cross @ np.linalg.solve(seen, cross.T)
    return mean, spread, float(z @ np.linalg.solve(seen, z))


@pytest.fixture
def built() -> Matrices:
    return build(STRUCTURES, shared_kernels())


@pytest.mark.parametrize("number", range(len(STRUCTURES)))
def test_the_shared_path_gives_what_one_dense_process_gives(built: Matrices, number: int) -> None:
    walks = three_walks()
    scale = np.array([4.0, 8.0, 16.0])
    found = fit(built, walks, scale, 2)
    weights = np.zeros((3, len(STRUCTURES)))
    weights[:, number] = 1.0
    mean, covariance = mixture(found, weights, 2)
    for k, walk in enumerate(walks):
        centre = walk.mean()
        one, spread, form = one_at_a_time(built.kernels, STRUCTURES[number], walk - centre)
        noise = (scale[k] + form / 2) / (SHAPE + SEEN / 2 - 1)
        np.testing.assert_allclose(mean[k], one + centre, rtol=1e-9)
        np.testing.assert_allclose(covariance[k], noise * spread, rtol=1e-8, atol=1e-9)


def test_the_evidence_is_the_density_of_a_multivariate_t(built: Matrices) -> None:
    walks = three_walks()
    centred = walks - walks.mean(axis=1, keepdims=True)
    scale = np.array([4.0, 8.0, 16.0])
    found = log_evidence(built, quadratic_forms(built, centred, 2), scale)
    for k in range(3):
        for number, structure in enumerate(STRUCTURES):
            seen = (built.kernels.covariance(structure) + np.eye(SEEN + AHEAD))[:SEEN, :SEEN]
            expected = multivariate_t(
                loc=np.zeros(SEEN), shape=scale[k] / SHAPE * seen, df=2 * SHAPE
            ).logpdf(centred[k])
            assert found[k, number] == pytest.approx(expected, rel=1e-9)


def test_the_mixture_counts_the_disagreement_of_its_structures(built: Matrices) -> None:
    walks = three_walks()
    found = fit(built, walks, np.full(3, 8.0), 3)
    even = np.full((3, len(STRUCTURES)), 1 / len(STRUCTURES))
    mean, covariance = mixture(found, even, 3)
    alone = [mixture(found, np.eye(3)[[k] * 3], 3) for k in range(len(STRUCTURES))]
    within = np.mean([np.diagonal(c, axis1=1, axis2=2) for _, c in alone], axis=0)
    between = np.var([m for m, _ in alone], axis=0)
    np.testing.assert_allclose(mean, np.mean([m for m, _ in alone], axis=0))
    np.testing.assert_allclose(np.diagonal(covariance, axis1=1, axis2=2), within + between)


def test_the_parts_of_a_forecast_add_up_to_it(built: Matrices) -> None:
    found = fit(built, three_walks(), np.full(3, 8.0), 2)
    weights = np.array([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]])
    parts = explain(found, weights, 2)
    mean, _ = mixture(found, weights, 2)
    assert set(parts) == set(TERMS)
    np.testing.assert_allclose(sum(parts.values()), mean, rtol=1e-9)


def test_the_terms_of_a_kernel_add_up_to_it() -> None:
    kernels = shared_kernels()
    for structure in STRUCTURES:
        total = sum(kernels.part(term, structure) for term in TERMS)
        np.testing.assert_allclose(kernels.covariance(structure), total)


def test_smoothing_keeps_a_clean_season_and_carries_it_on() -> None:
    n, ahead = 60, 12
    t = np.arange(n + ahead)
    season = np.sin(2 * np.pi * t / 12)
    kernels = Kernels(n + ahead, n, 12, years=None, calendar=None, patterns=None)
    noise = 0.05 * np.random.default_rng(5).standard_normal(n)
    path = smooth(build(factor_structures(12), kernels), season[:n] + noise, 12)
    assert np.abs(path.values - season).max() < 0.15
    assert np.linalg.eigvalsh(path.doubt).min() > -1e-9


def test_a_lone_series_weighs_structures_by_likelihood_only() -> None:
    evidence = np.log(np.array([[1.0, 3.0]])) - 2000.0
    weights = weigh(evidence, np.zeros(1, dtype=np.int64), 0, 0.1)
    np.testing.assert_allclose(weights, [[0.25, 0.75]])


def test_a_panel_moves_undecided_series_toward_what_the_others_need() -> None:
    evidence = np.array([[0.0, 4.0]] * 30 + [[0.0, 0.0]])
    bins = np.zeros(31, dtype=np.int64)
    assert weigh(evidence, bins, 10, 0.1)[-1, 1] > 0.9
    assert weigh(evidence, bins, 0, 0.1)[-1, 1] == pytest.approx(0.5)


def test_bins_of_level_hold_the_same_number_of_series() -> None:
    bins = level_bins(np.random.default_rng(6).permutation(np.arange(30.0)), 3)
    assert np.bincount(bins).tolist() == [10, 10, 10]


def test_warm_matrices_are_made_once_and_the_oldest_is_dropped() -> None:
    made: list[str] = []

    def make(name: str) -> Matrices:
        made.append(name)
        return build(STRUCTURES[2:], shared_kernels())

    warm = Warm(entries=2)
    for name in ("a", "a", "b", "a", "c", "a", "b"):
        warm.get(name, lambda name=name: make(name))  # type: ignore[misc]  # a loop variable bound
    assert made == ["a", "b", "c", "b"]


@pytest.mark.parametrize(("season", "count"), [(12, 240), (52, 240), (7, 20), (1, 24)])
def test_the_grid_of_a_season_has_its_structures_each_once(season: int, count: int) -> None:
    grid = structures(season, year_steps=True)
    assert len(grid) == len(set(grid)) == count


def test_no_structure_steps_at_new_year_when_years_are_not_known() -> None:
    assert {structure.year for structure in structures(12, year_steps=False)} == {0.0}
