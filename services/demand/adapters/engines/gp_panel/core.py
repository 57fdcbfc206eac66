"""One pass over a panel: shared factors, evidence, weights, moments; no calibration yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.gp_panel import evidence, factors
from services.demand.adapters.engines.gp_panel.components import explain
from services.demand.adapters.engines.gp_panel.grid import Structure, factor_structures, structures
from services.demand.adapters.engines.gp_panel.history import History
from services.demand.adapters.engines.gp_panel.kernels import TERMS, Kernels
from services.demand.adapters.engines.gp_panel.matrices import Matrices, Warm, build
from services.demand.adapters.engines.gp_panel.moments import Fit, fit, mixture
from services.demand.adapters.engines.gp_panel.panel import Array, Integers, Options, Panel
from services.demand.adapters.engines.gp_panel.power import SHIFT

CALENDAR_VARIANCE = 0.02
FACTOR_CALENDAR_VARIANCE = 0.3
"""A factor has little noise of its own: against it working days weigh more."""
PATTERN_VARIANCE = 0.1


@dataclass(frozen=True, slots=True)
class Latent:
    """Predictive moments on the latent scale: mean [n, h], covariance [n, h, h], degrees [n]."""

    mean: Array
    covariance: Array
    degrees: Array
    components: dict[str, Array]
    shared: Array

    def variance(self) -> Array:
        """[n, h]"""
        return np.asarray(np.diagonal(self.covariance, axis1=1, axis2=2))


@dataclass(frozen=True, slots=True)
class Group:
    """Series of one length, alone (share 0) and, in a panel, less their factor (share 1)."""

    rows: Integers
    fits: list[Fit]
    log_factor: list[Array]

    def evidence(self, power: float) -> Array:
        """[n, shares x m], the change of scale by the factor counted."""
        found = []
        for one, factor in zip(self.fits, self.log_factor, strict=True):
            seen = one.matrices.observed
            change = power * factor[:, :seen].sum(axis=1, keepdims=True)
            found.append(one.evidence() - change)
        return np.concatenate(found, axis=1)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A panel under every structure, before weights."""

    groups: list[Group]
    shared: factors.Shared | None
    evidence: Array
    level: Array


class Stretch:
    """Makes the matrices of one panel: the newest rows of calendar and years, any length."""

    def __init__(self, panel: Panel, horizon: int, warm: Warm) -> None:
        self._panel, self._horizon, self._warm = panel, horizon, warm
        self._end = panel.origin() + horizon

    def factor_matrices(self, seen: int) -> Matrices:
        grid = factor_structures(self._panel.season)
        return self._make(grid, seen, None, None, FACTOR_CALENDAR_VARIANCE)

    def matrices(self, seen: int, patterns: Array | None) -> Matrices:
        years = self._panel.years
        stepped = years is not None and self._panel.season > 1
        grid = structures(self._panel.season, stepped)
        newest = None if years is None or not stepped else self._cut(years, seen)
        return self._make(grid, seen, patterns, newest, CALENDAR_VARIANCE)

    def _cut(self, rows: Integers, seen: int) -> Integers:
        return rows[self._end - seen - self._horizon : self._end]

    def _make(
        self,
        grid: tuple[Structure, ...],
        seen: int,
        patterns: Array | None,
        years: Integers | None,
        variance: float,
    ) -> Matrices:
        n = seen + self._horizon
        columns = self._panel.calendar
        if columns is not None:
            columns = np.sqrt(variance) * columns[self._end - n : self._end]
        if patterns is not None:
            patterns = np.sqrt(PATTERN_VARIANCE) * patterns[len(patterns) - n :]
        season = self._panel.season
        since = None if years is None else years - years[0]
        key = (grid, n, seen, season, _bytes(since), _bytes(columns), _bytes(patterns))
        return self._warm.get(
            key,
            lambda: build(
                grid,
                Kernels(n, seen, season, years=since, calendar=columns, patterns=patterns),
            ),
        )


def _bytes(rows: Array | Integers | None) -> bytes:
    return b"" if rows is None else rows.tobytes()


def fit_panel(panel: Panel, history: History, horizon: int, opts: Options, warm: Warm) -> Fitted:
    """Every series under every structure, with and without the shared factors."""
    make = Stretch(panel, horizon, warm)
    n, widest = history.amounts.shape
    shared = None
    if n >= opts.smallest_panel:
        shared = factors.find(
            history, panel.groups, make.factor_matrices(widest), panel.season, opts
        )
    groups: list[Group] = []
    blocks: list[tuple[Integers, Array]] = []
    for length, rows in history.by_length():
        matrices = make.matrices(length, None if shared is None else shared.patterns)
        amounts = history.amounts[rows, widest - length :]
        factor = [np.zeros((len(rows), length + horizon))]
        if shared is not None:
            factor.append(shared.both[rows, widest - length :])
        fits = []
        for logs in factor:
            plain = (amounts + SHIFT) * np.exp(-logs[:, :length])
            latent = (plain**opts.power - 1.0) / opts.power
            scale = evidence.noise_scale(latent, history.level[rows], panel.season, opts.power)
            fits.append(fit(matrices, latent, scale, opts.chunk))
        group = Group(rows, fits, factor)
        groups.append(group)
        blocks.append((rows, group.evidence(opts.power)))
    found = np.empty((n, blocks[0][1].shape[1]))
    for rows, block in blocks:
        found[rows] = block
    return Fitted(groups, shared, found, history.level)


def average(fitted: Fitted, horizon: int, opts: Options) -> Latent:
    """The average over structures and shares, each series by its own weights (point 5)."""
    n = len(fitted.evidence)
    alone = fitted.shared is None
    bins = (
        np.zeros(n, dtype=np.int64) if alone else evidence.level_bins(fitted.level, opts.level_bins)
    )
    steps = 0 if alone else opts.prior_steps
    weights = evidence.weigh(fitted.evidence, bins, steps, opts.prior_weight)
    names = (*TERMS, "common", "group")
    parts = {name: np.zeros((n, horizon)) for name in names}
    mean, covariance = np.zeros((n, horizon)), np.zeros((n, horizon, horizon))
    degrees, followed = np.empty(n), np.zeros(n)
    for group in fitted.groups:
        rows, results = group.rows, []
        degrees[rows] = group.fits[0].degrees
        m = len(group.fits[0].matrices.structures)
        for share, one in enumerate(group.fits):
            own = weights[rows, share * m : (share + 1) * m]
            weight = own.sum(axis=1)
            within = own / np.maximum(weight, 1e-300)[:, None]
            middle, spread = mixture(one, within, opts.chunk)
            if opts.explain:
                _add(parts, rows, weight, explain(one, within, opts.chunk))
            if share and fitted.shared is not None:
                followed[rows] = weight
                middle, spread = _with_factor(
                    middle,
                    spread,
                    fitted.shared,
                    rows=rows,
                    weight=weight,
                    parts=parts,
                    power=opts.power,
                )
            results.append((weight, middle, spread))
            mean[rows] += weight[:, None] * middle
        for weight, middle, spread in results:
            away = middle - mean[rows]
            whole = spread + away[:, :, None] * away[:, None, :]
            covariance[rows] += weight[:, None, None] * whole
    return Latent(mean, covariance, degrees, parts if opts.explain else {}, followed)


def _add(parts: dict[str, Array], rows: Integers, weight: Array, found: dict[str, Array]) -> None:
    for name, values in found.items():
        parts[name][rows] += weight[:, None] * values


def _with_factor(
    mean: Array,
    covariance: Array,
    shared: factors.Shared,
    *,
    rows: Integers,
    weight: Array,
    parts: dict[str, Array],
    power: float,
) -> tuple[Array, Array]:
    """Puts the factor back: amounts times exp(factor) is affine on the power scale."""
    horizon = mean.shape[1]
    common = np.exp(power * shared.common[-horizon:])[None, :]
    both = common * np.exp(power * shared.group[rows, -horizon:])
    base = power * mean + 1.0
    _add(
        parts,
        rows,
        weight,
        {"common": base * (common - 1.0) / power, "group": base * (both - common) / power},
    )
    moved = (both * base - 1.0) / power
    reach = np.maximum(power * moved + 1.0, 0.0)
    doubt = shared.doubt[rows] * reach[:, :, None] * reach[:, None, :]
    return moved, covariance * both[:, :, None] * both[:, None, :] + doubt
