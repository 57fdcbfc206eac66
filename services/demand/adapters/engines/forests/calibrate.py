"""Upper quantiles moved to where back-tests say they belong.

The share of actuals that came at or below a quantile is counted with the fair share of
ties (a quantile of 0 met by a 0 is right at many levels), so that counts are not taken
for width. Only the upper part is moved: that is what stock is held against.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.demand.adapters.engines.forests.grid import GRID, at_levels
from services.demand.adapters.engines.forests.panel import Array

# Levels below the first stay, those above the second are moved in full.
FROM, FULL = 0.7, 0.85
# Trials of so many series move half of what they show: outwards, and (a shortage costs
# more than a box too many) inwards.
HALF_OUT, HALF_IN = 5.0, 1000.0
# Normal quantile of 0.95.
ONE_IN_TWENTY = 1.645
# A level is moved by at most this much of its distance to 1, on the log-odds scale.
FURTHEST = 0.9


def reached(curves: Array, actual: Array) -> Array:
    """[G] share of actuals [n, h] at or below each grid quantile of [n, h, G], ties shared."""
    flat, came = curves.reshape(-1, len(GRID)), actual.reshape(-1)
    edges = np.concatenate([[0.0], GRID, [1.0]])
    below = edges[(flat < came[:, None]).sum(axis=1)]
    upto = edges[(flat <= came[:, None]).sum(axis=1) + 1]
    gap = np.maximum(upto - below, 1e-9)
    share = np.clip((GRID[None, :] - below[:, None]) / gap[:, None], 0.0, 1.0)
    return np.asarray(share.mean(axis=0))


def moved_levels(
    curves: Sequence[Array], actuals: Sequence[Array], series: int, *, prudent: float = 0.0
) -> Array:
    """[G] the level to read instead of each grid level, learnt from several trials.

    `prudent`: number of trials that do not overlap; given, a level is to hold at 19 of 20
    new origins (normal), not at their mean, because a common level that drifts moves all
    series at once. Not beyond 0.975, where the width of the members already holds single
    series' surprises.
    """
    each = np.stack([reached(c, a) for c, a in zip(curves, actuals, strict=True)])
    shares = each.mean(axis=0)
    if prudent > 0 and len(each) > 1:
        fading = np.clip((0.975 - GRID) / 0.075, 0.0, 1.0)
        away = ONE_IN_TWENTY * np.sqrt(1.0 + 1.0 / prudent)
        shares = shares - away * fading * each.std(axis=0, ddof=1)
    shares = np.maximum.accumulate(np.clip(shares, 1e-4, 1.0 - 1e-4))
    wanted = np.interp(GRID, shares, GRID)
    shift = np.clip(_log_odds(wanted) - _log_odds(GRID), -FURTHEST, FURTHEST)
    trust = np.where(shift > 0, series / (series + HALF_OUT), series / (series + HALF_IN))
    part = trust * np.clip((GRID - FROM) / (FULL - FROM), 0.0, 1.0)
    # beyond the last level that trials can see, the shift of that level holds
    seen = float(1.0 - 5.0 / max(sum(a.size for a in actuals), 10))
    last = max(int(np.searchsorted(GRID, seen)) - 1, 0)
    shift[last:] = shift[last]
    level = 1.0 / (1.0 + np.exp(-(_log_odds(GRID) + part * shift)))
    return np.maximum.accumulate(level)


def _log_odds(level: Array) -> Array:
    return np.asarray(np.log(level / (1.0 - level)))


def read(curves: Array, levels: Array) -> Array:
    """[..., G] the quantiles read at the moved levels."""
    return at_levels(curves, levels)
