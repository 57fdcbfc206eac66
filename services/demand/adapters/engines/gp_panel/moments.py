"""Mean and covariance of the average over structures, and the same for one smoothed path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.gp_panel.evidence import (
    SHAPE,
    SMALLEST_NOISE,
    log_evidence,
    quadratic_forms,
    rough_variance,
    weigh,
)
from services.demand.adapters.engines.gp_panel.matrices import Matrices
from services.demand.adapters.engines.gp_panel.panel import Array


@dataclass(frozen=True, slots=True)
class Fit:
    """n series of one length under every structure.

    latent: [n, T] less `centre` [n]; scale: [n], of the noise's inverse gamma; forms: [n, m].
    """

    matrices: Matrices
    latent: Array
    centre: Array
    scale: Array
    forms: Array

    @property
    def degrees(self) -> float:
        """Degrees of freedom of every predictive t."""
        return 2.0 * SHAPE + self.matrices.observed

    def evidence(self) -> Array:
        return log_evidence(self.matrices, self.forms, self.scale)

    def noise(self) -> Array:
        """[n, m]: variance of the noise as the predictive t has it."""
        shape = SHAPE + self.matrices.observed / 2.0
        return np.asarray((self.scale[:, None] + self.forms / 2.0) / (shape - 1.0))


def fit(matrices: Matrices, latent: Array, scale: Array, chunk: int) -> Fit:
    centre = latent.mean(axis=1)
    centred = latent - centre[:, None]
    return Fit(matrices, centred, centre, scale, quadratic_forms(matrices, centred, chunk))


def mixture(found: Fit, weights: Array, chunk: int) -> tuple[Array, Array]:
    """([n, h] mean, [n, h, h] covariance) of the coming observations; weights [n, m] sum to 1."""
    m, h, seen = found.matrices.ahead.shape
    n = len(found.latent)
    stacked = found.matrices.ahead.reshape(m * h, seen)
    spread = found.matrices.spread.reshape(m, h * h)
    noise = found.noise()
    mean, covariance = np.empty((n, h)), np.empty((n, h, h))
    for start in range(0, n, chunk):
        part = slice(start, start + chunk)
        w = weights[part]
        each = (stacked @ found.latent[part].T).reshape(m, h, len(w)).transpose(2, 0, 1)
        centre = np.einsum("nm,nmh->nh", w, each)
        away = each - centre[:, None]
        within = ((w * noise[part]) @ spread).reshape(-1, h, h)
        between = (away * w[:, :, None]).transpose(0, 2, 1) @ away
        mean[part] = centre
        covariance[part] = within + between
    return mean + found.centre[:, None], covariance


@dataclass(frozen=True, slots=True)
class Path:
    """One curve, smoothed over the history and extended: [T + h], with its doubt [h, h]."""

    values: Array
    doubt: Array


def smooth(matrices: Matrices, curve: Array, season: int) -> Path:
    """The noiseless part of a curve [T], averaged over structures with an even prior."""
    latent = curve[None, :]
    scale = SHAPE * np.maximum(rough_variance(latent, season), SMALLEST_NOISE)
    found = fit(matrices, latent, scale, 1)
    weights = weigh(found.evidence(), np.zeros(1, dtype=np.int64), 0, 0.0)
    ahead, covariance = mixture(found, weights, 1)
    used = weights[0]
    # observations less their noise: z - K^-1 z, since K holds a unit of noise
    noise_seen = np.einsum("m,mts,s->t", used, matrices.precision, found.latent[0], optimize=True)
    noise = float((weights * found.noise()).sum())
    doubt = covariance[0] - noise * np.eye(matrices.horizon)
    return Path(np.concatenate([curve - noise_seen, ahead[0]]), doubt)
