"""Members that look at one series alone: weighted own past, and TSB with pooled errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from services.demand.adapters.engines.forests.grid import GRID, weighted_quantiles
from services.demand.adapters.engines.forests.panel import Array, Ints, SparsePanel
from services.demand.adapters.engines.pooled import usual_means

# Series with this share of zeros or more are pooled apart.
ZERO_BORDERS = (0.1, 0.3, 0.5, 0.7, 0.9)
# A pool with fewer errors than this takes those of every series.
LEAST_POOL = 150


def empirical(panel: SparsePanel, decay: float, span: int = 1) -> Array:
    """[n, G] distribution of a series' own sums of `span` periods, with weights decay^age.

    A history shorter than the span gives its mean, times the span.
    """
    alive = panel.alive
    totals = np.cumsum(np.pad(panel.y * alive, ((0, 0), (1, 0))), axis=1)
    span_sums = totals[:, span:] - totals[:, :-span]
    whole = alive[:, : panel.periods - span + 1].astype(np.float64)
    if span_sums.shape[1]:
        whole *= decay ** np.arange(span_sums.shape[1])[::-1]
    mean = span * totals[:, -1] / np.maximum(alive.sum(1), 1)
    short = (whole.sum(1) <= 0).astype(np.float64)
    values = np.column_stack([span_sums, mean])
    return weighted_quantiles(values, np.column_stack([whole, short]))


def tsb(panel: SparsePanel, alpha: float, beta: float) -> Array:
    """[n, T + 1] one-step means: place t is what is foreseen from the first t periods.

    Teunter, Syntetos and Babai (2011), Eur. J. Oper. Res. 214: the chance of use (weight
    `beta`) and the amount used (weight `alpha`) are smoothed apart. Starts at the first use.
    """
    n, periods = panel.y.shape
    chance, amount = np.zeros(n), np.zeros(n)
    seen = np.zeros(n)
    made = np.zeros((n, periods + 1))
    alive = panel.alive
    for t in range(periods):
        value, live = panel.y[:, t], alive[:, t]
        used = (value > 0) & live
        rate = np.maximum(beta, 1.0 / (seen + 1.0))
        chance = np.where(live, chance + rate * (used - chance), chance)
        first = used & (amount == 0)
        amount = np.where(first, value, np.where(used, amount + alpha * (value - amount), amount))
        seen = seen + live
        made[:, t + 1] = chance * amount
    return made


def pooled_tsb(
    panel: SparsePanel, smoothing: float, spans: Sequence[tuple[int, int]], origins: int = 12
) -> Array:
    """[n, spans, G] TSB mean plus scaled errors of the newest back-tests of like series.

    A span (a, b) is the sum of the periods ahead a to b (exclusive, 0 is the next one).
    Errors are divided by mean + half its root (amounts spread between Poisson and in
    proportion), pooled by share of zeros. That mean is the usual one where TSB's is smaller:
    an item nearly forgotten would otherwise lend a huge error to its pool when used again.
    """
    means = tsb(panel, smoothing, smoothing)
    larger = np.maximum(means, usual_means(panel.y, panel.alive))
    share = 1.0 - (panel.y > 0).sum(1) / np.maximum(panel.alive.sum(1), 1)
    bucket = np.searchsorted(ZERO_BORDERS, share, side="right")
    unit = _unit(panel)
    made = np.empty((len(share), len(spans), len(GRID)))
    for place, (first, end) in enumerate(spans):
        now = means[:, -1] * (end - first)
        size = _spread(larger[:, -1] * (end - first), unit)
        errors, owners = _errors(panel, (means, larger), (first, end), origins, unit)
        for b in np.unique(bucket):
            pool = errors[bucket[owners] == b]
            if len(pool) < LEAST_POOL:
                pool = errors if len(errors) else np.zeros(1)
            pool = np.sort(pool)
            shift = np.interp(GRID, (np.arange(len(pool)) + 0.5) / len(pool), pool)
            who = bucket == b
            made[who, place] = now[who, None] + size[who, None] * shift[None, :]
    return np.asarray(np.sort(np.maximum(made, 0.0), axis=-1))


def _unit(panel: SparsePanel) -> float:
    """The smallest amount ever used, at most 1: what one more use would be at least."""
    used = panel.y[panel.y > 0]
    return min(1.0, float(used.min())) if len(used) else 1.0


def _spread(mean: Array, unit: float) -> Array:
    return np.asarray(mean + 0.5 * np.sqrt(unit * mean) + 0.1 * unit)


def _errors(
    panel: SparsePanel,
    foreseen: tuple[Array, Array],
    span: tuple[int, int],
    origins: int,
    unit: float,
) -> tuple[Array, Ints]:
    """Scaled errors of the sum over a span ahead, and the series that each belongs to.

    `foreseen`: the means [n, T + 1], and the same not below the usual ones, which scale.
    """
    means, larger = foreseen
    first, end = span
    last = panel.periods - end
    found, owners = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for known in range(max(3, last - origins + 1), last + 1):
        old = np.flatnonzero(panel.start <= known - 3)
        actual = panel.y[old, known + first : known + end].sum(axis=1)
        error = actual - means[old, known] * (end - first)
        found.append(error / _spread(larger[old, known] * (end - first), unit))
        owners.append(old)
    return np.concatenate(found), np.concatenate(owners)
