"""AutoETS as a member of blends: each series by itself, level, trend and season smoothed."""

from __future__ import annotations

import numpy as np

from services.demand.adapters.engines.forests.grid import GRID
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.series.blend import sum_of
from services.demand.adapters.engines.series.native import Native

METHOD = "AutoETS"


def smoothed(panel: SparsePanel, ahead: int, lead: int) -> tuple[Array, Array]:
    """([n, ahead, G], [n, 1, G]) AutoETS with its own intervals, never below 0: each period,
    and the sum of the first `lead` periods, from one fit. No lead: no sum, [n, 0, G]."""
    levels = tuple(GRID.tolist())
    native = Native(METHOD, panel.season, max(ahead, lead), levels)
    curves = [native(panel.y[row, panel.start[row] :]) for row in range(len(panel.ids))]
    quantiles = np.stack([np.sort(np.maximum(one.quantiles, 0.0), axis=-1) for one in curves])
    near = quantiles[:, :ahead]
    if not lead:
        return near, near[:, :0]
    mean = np.maximum(np.stack([one.mean for one in curves]), 0.0)
    return near, np.maximum(sum_of(mean, quantiles, levels, lead)[1], 0.0)[:, None]
