"""What the series of a panel share: a common factor, one a group, and a few patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.gp_panel.evidence import noise_scale
from services.demand.adapters.engines.gp_panel.history import History
from services.demand.adapters.engines.gp_panel.matrices import Matrices
from services.demand.adapters.engines.gp_panel.moments import smooth
from services.demand.adapters.engines.gp_panel.panel import Array, Options
from services.demand.adapters.engines.gp_panel.power import SHIFT, to_latent

LARGEST_WEIGHT = 0.8
"""Levels above this quantile of the panel weigh no more than it."""
LARGEST_LOG = 4.0
"""No amount counts as more than e to the fourth times the median of the seven periods around it."""
AROUND = 3
LARGEST_SCORE = 16.0
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """Log factors over T + h periods; the doubt is the covariance over the h to come.

    common: [T + h]; group: [n, T + h]; doubt: [n, h, h]; patterns: [T + h, k] or None.
    """

    common: Array
    group: Array
    doubt: Array
    patterns: Array | None

    @property
    def both(self) -> Array:
        """[n, T + h]: the log factor of each series."""
        return self.common + self.group


def find(
    history: History, groups: Sequence[str] | None, matrices: Matrices, season: int, opts: Options
) -> Shared:
    """Log amounts, weighted by capped level, averaged; then smoothed and extended (point 4)."""
    n, seen = history.amounts.shape
    horizon = matrices.horizon
    weight = np.minimum(history.level, np.quantile(history.level, LARGEST_WEIGHT)) + SHIFT
    logs = _without_spikes(np.log(history.amounts + SHIFT))
    curve, own = _average(logs, weight, opts.smallest_panel)
    common = smooth(matrices, curve, season)
    group = np.zeros((n, seen + horizon))
    doubt = np.repeat(common.doubt[None], n, axis=0)
    left = logs - own - common.values[:seen]
    for rows in _groups(groups, opts.smallest_group):
        curve, _ = _average(left[rows], weight[rows], opts.smallest_group)
        path = smooth(matrices, curve * len(rows) / (len(rows) + opts.group_shrinkage), season)
        group[rows] = path.values
        doubt[rows] += path.doubt
    patterns = None
    if opts.shared_patterns:
        patterns = _patterns(history, common.values + group, matrices, season, opts)
    return Shared(common.values, group, doubt, patterns)


def _without_spikes(logs: Array) -> Array:
    """Log amounts held near the median of their neighbours; growth over the years is kept."""
    wide = np.pad(logs, ((0, 0), (AROUND, AROUND)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(wide, 2 * AROUND + 1, axis=1)
    # unknown periods sort last, so the middle of the known ones is found by counting them
    ordered = np.sort(windows, axis=2)
    known = np.maximum((~np.isnan(windows)).sum(axis=2), 1)
    middle = np.take_along_axis(ordered, ((known - 1) // 2)[:, :, None], axis=2)[:, :, 0]
    return np.asarray(np.clip(logs, middle - LARGEST_LOG, middle + LARGEST_LOG))


def _average(logs: Array, weight: Array, enough: int) -> tuple[Array, Array]:
    """([T] weighted mean curve, [n, 1] mean of each series about it), series of any length.

    A series that began late would pull the curve to its own mean: both are found in turn.
    Before `enough` series had begun (or half of them, if fewer) the curve stays flat.
    """
    known = ~np.isnan(logs)
    filled = np.where(known, logs, 0.0)
    heavy = known * weight[:, None]
    total = np.maximum(heavy.sum(axis=0), 1e-300)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    own = filled.sum(axis=1, keepdims=True) / count
    curve = np.zeros(logs.shape[1])
    for _ in range(ROUNDS):
        curve = (heavy * (filled - own)).sum(axis=0) / total
        own = (known * (filled - curve)).sum(axis=1, keepdims=True) / count
    begun = int(np.argmax(known.sum(axis=0) >= min(enough, (len(logs) + 1) // 2)))
    curve[:begun] = curve[begun]
    return curve, own


def _groups(groups: Sequence[str] | None, smallest: int) -> list[list[int]]:
    if groups is None:
        return []
    rows: dict[str, list[int]] = {}
    for row, word in enumerate(groups):
        rows.setdefault(word, []).append(row)
    return [rows[word] for word in sorted(rows) if len(rows[word]) >= smallest]


def _patterns(
    history: History, log_factor: Array, matrices: Matrices, season: int, opts: Options
) -> Array:
    """[T + h, k]: principal components of what is left, in units of each series' noise."""
    seen = history.amounts.shape[1]
    plain = (history.amounts + SHIFT) * np.exp(-log_factor[:, :seen]) - SHIFT
    latent = to_latent(plain, opts.power)
    latent -= np.nanmean(latent, axis=1, keepdims=True)
    latent = np.where(np.isnan(latent), 0.0, latent)
    noise = noise_scale(latent, history.level, season, opts.power) / 8.0
    scores = np.clip(latent / np.sqrt(noise)[:, None], -LARGEST_SCORE, LARGEST_SCORE)
    # the order of series must not matter, nor the sign that a solver happens to give
    _, vectors = np.linalg.eigh(scores.T @ scores)
    out = []
    for k in range(min(opts.shared_patterns, seen)):
        curve = vectors[:, -1 - k] * np.sqrt(seen)
        path = smooth(matrices, curve, season).values
        out.append(path - path[:seen].mean())
    return np.stack(out, axis=1)
