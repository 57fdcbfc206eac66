"""The forecast taken apart: parts that add up to the mean on the latent scale."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.demand.adapters.engines.gp_panel.grid import Structure
from services.demand.adapters.engines.gp_panel.kernels import CONSTANT, TERMS
from services.demand.adapters.engines.gp_panel.matrices import Matrices
from services.demand.adapters.engines.gp_panel.moments import Fit
from services.demand.adapters.engines.gp_panel.panel import Array

Factor = Callable[[Structure], float]


def explain(found: Fit, weights: Array, chunk: int) -> dict[str, Array]:
    """Term -> [n, h]: each term's own forecast, averaged with `weights` [n, m].

    A term's kernel is a sum of fixed shapes times a variance of the structure, so one weighted
    average of K^-1 z per variance serves all structures at once.
    """
    shapes = _shapes(found.matrices)
    m, seen, _ = found.matrices.precision.shape
    stacked = found.matrices.precision.reshape(m * seen, seen)
    n, h = len(found.latent), found.matrices.horizon
    loads = np.array([[load(s) for s in found.matrices.structures] for _, load, _ in shapes])
    out = {term: np.zeros((n, h)) for term in TERMS}
    for start in range(0, n, chunk):
        part = slice(start, start + chunk)
        z = found.latent[part]
        pulls = (stacked @ z.T).reshape(m, seen, len(z)).transpose(2, 0, 1)
        shares = weights[part, None, :] * loads
        averaged = shares @ pulls
        for k, (term, _, shape) in enumerate(shapes):
            out[term][part] += averaged[:, k] @ shape.T
    out["level"] += found.centre[:, None]
    return out


def _shapes(matrices: Matrices) -> list[tuple[str, Factor, Array]]:
    """(term, variance of a structure, [h, T] kernel for variance 1); all add up to the kernel."""
    kernels = matrices.kernels
    seen = matrices.observed

    def shape(term: str, structure: Structure) -> Array:
        return kernels.part(term, structure)[seen:, :seen]

    flat = np.full((matrices.horizon, seen), CONSTANT)
    found: list[tuple[str, Factor, Array]] = [
        ("level", lambda _: 1.0, flat),
        ("level", lambda s: s.level, shape("level", Structure(level=1.0)) - flat),
        ("slope", lambda s: s.slope, shape("slope", Structure(slope=1.0))),
        ("year", lambda s: s.year, shape("year", Structure(year=1.0))),
        ("calendar", lambda _: 1.0, shape("calendar", Structure())),
        ("patterns", lambda _: 1.0, shape("patterns", Structure())),
    ]
    for fading in sorted({s.fading for s in matrices.structures}):
        found += [
            ("season", _only(fading, "wave"), shape("season", Structure(wave=1.0, fading=fading))),
            ("season", _only(fading, "same"), shape("season", Structure(same=1.0, fading=fading))),
        ]
    return found


def _only(fading: float, name: str) -> Factor:
    def load(structure: Structure) -> float:
        return float(getattr(structure, name)) if structure.fading == fading else 0.0

    return load
