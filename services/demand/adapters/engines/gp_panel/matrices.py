"""What all series of one length share: for each structure, the matrices of its answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from services.demand.adapters.engines.gp_panel.grid import Structure
from services.demand.adapters.engines.gp_panel.kernels import Kernels
from services.demand.adapters.engines.gp_panel.panel import Array


@dataclass(frozen=True, slots=True)
class Matrices:
    """For m structures, T observed and h coming periods, noise variance 1.

    precision: [m, T, T], inverse covariance of the observations.
    ahead: [m, h, T], observations -> forecast.
    spread: [m, h, h], covariance of the coming observations given those seen.
    log_det: [m], log determinant of the covariance of the observations.
    """

    structures: Sequence[Structure]
    kernels: Kernels
    precision: Array
    ahead: Array
    spread: Array
    log_det: Array

    @property
    def observed(self) -> int:
        return int(self.precision.shape[1])

    @property
    def horizon(self) -> int:
        return int(self.ahead.shape[1])


class Warm:
    """Matrices kept between forecasts that share length, horizon, calendar and patterns.

    Two years of monthly panels need a few entries; the oldest is dropped when full. An entry
    takes 8 bytes x structures x (length + horizon) squared: 14 MB for 72 months and 12 ahead.
    """

    def __init__(self, entries: int = 32) -> None:
        self._entries = entries
        self._kept: OrderedDict[Hashable, Matrices] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Matrices]) -> Matrices:
        found = self._kept.pop(key, None)
        if found is None:
            found = make()
            while len(self._kept) >= self._entries:
                self._kept.popitem(last=False)
        self._kept[key] = found
        return found


def build(structures: Sequence[Structure], kernels: Kernels) -> Matrices:
    """One Cholesky factor a structure, whatever the number of series."""
    m, seen, coming = len(structures), kernels.observed, kernels.n - kernels.observed
    precision = np.empty((m, seen, seen))
    ahead = np.empty((m, coming, seen))
    spread = np.empty((m, coming, coming))
    log_det = np.empty(m)
    for k, structure in enumerate(structures):
        full = kernels.covariance(structure)
        full[np.diag_indices(kernels.n)] += 1.0
        factor, failed = lapack.dpotrf(full[:seen, :seen], lower=1)
        if failed:
            raise np.linalg.LinAlgError(f"structure {structure} has no Cholesky factor")
        log_det[k] = 2.0 * np.log(np.diag(factor)).sum()
        inverse, _ = lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse)
        precision[k] = inverse + np.tril(inverse, -1).T
        ahead[k] = full[seen:, :seen] @ precision[k]
        left = full[seen:, seen:] - ahead[k] @ full[:seen, seen:]
        spread[k] = (left + left.T) / 2.0
    return Matrices(tuple(structures), kernels, precision, ahead, spread, log_det)
