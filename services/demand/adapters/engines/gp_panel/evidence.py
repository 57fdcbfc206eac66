"""How well each structure explains each series, and what the panel says about structures."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

from services.demand.adapters.engines.gp_panel.matrices import Matrices
from services.demand.adapters.engines.gp_panel.panel import Array, Integers
from services.demand.adapters.engines.gp_panel.power import counting_noise

SHAPE = 8.0
"""Shape of the inverse gamma of the noise variance: worth 16 observations."""
COUNTING_FACTOR = 1.1
SMALLEST_NOISE = 1e-12


def rough_variance(latent: Array, season: int) -> Array:
    """[n]: a quarter of the smaller variance of first and of seasonal differences.

    Half of a difference's variance is the noise's if nothing else moves; half of that again
    is the prior's centre, so that the noise may turn out smaller (our study, point 3).
    """
    n, length = latent.shape
    if length < 3:
        return np.zeros(n)
    found = np.var(np.diff(latent, axis=1), axis=1)
    if season > 1 and length > season + 2:
        found = np.minimum(found, np.var(latent[:, season:] - latent[:, :-season], axis=1))
    return np.asarray(found / 4.0)


def noise_scale(latent: Array, level: Array, season: int, power: float) -> Array:
    """[n]: scale of the inverse gamma, never below the noise of counting."""
    counting = COUNTING_FACTOR * counting_noise(level, power)
    return SHAPE * np.maximum(counting, rough_variance(latent, season))


def quadratic_forms(matrices: Matrices, latent: Array, chunk: int) -> Array:
    """[n, m]: z' K^-1 z for every series and structure, by one product of matrices a chunk."""
    m, seen, _ = matrices.precision.shape
    stacked = matrices.precision.reshape(m * seen, seen)
    out = np.empty((len(latent), m))
    for start in range(0, len(latent), chunk):
        z = latent[start : start + chunk]
        product = (stacked @ z.T).reshape(m, seen, len(z))
        out[start : start + chunk] = np.einsum("mtn,nt->nm", product, z)
    return np.maximum(out, 0.0)


def log_evidence(matrices: Matrices, forms: Array, scale: Array) -> Array:
    """[n, m]: log density of a multivariate t, the noise variance integrated out."""
    half = matrices.observed / 2.0
    front = gammaln(SHAPE + half) - gammaln(SHAPE) - half * np.log(2.0 * np.pi * scale)
    tail = (SHAPE + half) * np.log1p(forms / (2.0 * scale[:, None]))
    return np.asarray(front[:, None] - 0.5 * matrices.log_det - tail)


def weigh(evidence: Array, bins: Integers, steps: int, weight: float) -> Array:
    """[n, m]: posterior weights; the prior over structures is learnt by EM within each bin.

    A series counts for one; each structure starts with `weight` of a series. No step: an even
    prior.
    """
    out = np.empty_like(evidence)
    for number in np.unique(bins):
        rows = bins == number
        likelihood = np.exp(evidence[rows] - evidence[rows].max(axis=1, keepdims=True))
        n, m = likelihood.shape
        prior = np.full(m, 1.0 / m)
        for _ in range(steps):
            share = likelihood * prior
            share /= share.sum(axis=1, keepdims=True)
            prior = (share.sum(axis=0) + weight) / (n + weight * m)
        share = likelihood * prior
        out[rows] = share / share.sum(axis=1, keepdims=True)
    return out


def level_bins(level: Array, bins: int) -> Integers:
    """[n]: number of the bin of equal counts that a series' level falls in."""
    edges = np.quantile(level, np.arange(1, bins) / bins)
    return np.asarray(np.searchsorted(edges, level), dtype=np.int64)


def total(evidence: Array) -> float:
    """Log evidence of the whole panel under an even prior over structures."""
    return float((logsumexp(evidence, axis=1) - np.log(evidence.shape[1])).sum())
