"""Covariances of the structural Gaussian processes, in units of the noise variance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.demand.adapters.engines.gp_panel.grid import Structure
from services.demand.adapters.engines.gp_panel.panel import Array, Integers

CONSTANT = 400.0
"""Variance of the overall level: wide enough to say nothing."""

TERMS = ("level", "slope", "season", "year", "calendar", "patterns")


class Kernels:
    """The parts of every covariance over one stretch of `n` periods, each made once.

    A structure's covariance of the noiseless part is the sum of `part` over TERMS; with a unit
    matrix added it is that of the observations (our study, recipe point 2).
    """

    def __init__(
        self,
        n: int,
        observed: int,
        season: int,
        *,
        years: Integers | None,
        calendar: Array | None,
        patterns: Array | None,
    ) -> None:
        """calendar, patterns: [n, columns], scaled so that their coefficients have variance 1."""
        t = np.arange(1.0, n + 1.0)
        self.n, self.observed, self.season = n, observed, season
        self._gap = np.abs(t[:, None] - t)
        self._walk = np.minimum(t[:, None], t)
        middle = (observed + 1) / 2
        self._line = np.outer(t - middle, t - middle)
        self._wave = np.exp(-2.0 * np.sin(np.pi * self._gap / season) ** 2)
        self._same = (self._gap % season == 0).astype(np.float64)
        self._years = np.zeros((n, n))
        if years is not None:
            since = (years - years[0] + 1).astype(np.float64)
            self._years = np.minimum(since[:, None], since)
        self._calendar = _products(calendar, n)
        self._patterns = _products(patterns, n)

    def part(self, term: str, structure: Structure) -> Array:
        """[n, n] covariance of one term."""
        if term == "level":
            return np.asarray(CONSTANT + structure.level * self._walk)
        if term == "slope":
            return np.asarray(structure.slope * self._line)
        if term == "season":
            shape = structure.wave * self._wave + structure.same * self._same
            return np.asarray(shape * structure.fading ** (self._gap / self.season))
        if term == "year":
            return np.asarray(structure.year * self._years)
        return self._calendar if term == "calendar" else self._patterns

    def covariance(self, structure: Structure) -> Array:
        """[n, n] covariance of the noiseless part."""
        total = self._calendar + self._patterns + CONSTANT + structure.level * self._walk
        for term in ("slope", "season", "year"):
            if _present(term, structure):
                total = total + self.part(term, structure)
        return np.asarray(total)


def _present(term: str, structure: Structure) -> bool:
    used: Mapping[str, float] = {
        "slope": structure.slope,
        "season": structure.wave + structure.same,
        "year": structure.year,
    }
    return used[term] > 0


def _products(columns: Array | None, n: int) -> Array:
    if columns is None or columns.shape[1] == 0:
        return np.zeros((n, n))
    return np.asarray(columns @ columns.T)
