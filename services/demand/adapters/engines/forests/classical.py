"""AutoETS as a member of blends: each series by itself, level, trend and season smoothed."""

from __future__ import annotations

import numpy as np

from services.demand.adapters.engines.forests.grid import GRID
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.series.blend import sum_of
from services.demand.adapters.engines.series.native import Native

METHOD = "AutoETS"


def smoothed(panel: SparsePanel, ahead: int) -> Array:
    """[n, ahead, G] AutoETS with its own intervals, never below 0."""
    return _made(panel, ahead)[1]


def smoothed_sum(panel: SparsePanel, lead: int) -> Array:
    """[n, 1, G] the sum of the first `lead` periods."""
    mean, quantiles = _made(panel, lead)
    return np.maximum(sum_of(mean, quantiles, tuple(GRID.tolist()), lead)[1], 0.0)[:, None]


def _made(panel: SparsePanel, ahead: int) -> tuple[Array, Array]:
    native = Native(METHOD, panel.season, ahead, tuple(GRID.tolist()))
    curves = [native(panel.y[row, panel.start[row] :]) for row in range(len(panel.ids))]
    quantiles = np.stack([np.sort(np.maximum(one.quantiles, 0.0), axis=-1) for one in curves])
    return np.maximum(np.stack([one.mean for one in curves]), 0.0), quantiles
