"""Which blend a panel gets: the one its own back-tests like, or what they cannot tell apart.

Blends are mixtures: each member's density, with its share. Judged by pinball loss over the
levels 0.1 to 0.9, once relative to all demand (as WQL) and once relative to each series'
own steps (as SQL), both against the mean of all candidates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.forests.grid import at_levels, mixture
from services.demand.adapters.engines.forests.panel import Array, Ints, SparsePanel
from services.demand.adapters.engines.forests.pool import BOOST, EMPIRICAL, ETS, FOREST, RAW

JUDGED = np.round(np.arange(0.1, 0.95, 0.1), 1)
# A share smaller than this is not worth growing a member for.
LEAST_SHARE = 0.05

Shares = Mapping[str, float]

CANDIDATES: Mapping[str, Shares] = {
    "forest and boost": {FOREST: 0.5, BOOST: 0.5},
    "forest, boost, recent past": {FOREST: 0.4, BOOST: 0.3, "recent past": 0.3},
    "forest, boost, own past": {FOREST: 0.4, BOOST: 0.3, "own past": 0.3},
    "forest, boost, slow TSB": {FOREST: 0.4, BOOST: 0.3, "TSB 0.1": 0.3},
    "forest, boost, quick TSB": {FOREST: 0.4, BOOST: 0.3, "TSB 0.3": 0.3},
    "both forests": {FOREST: 0.5, RAW: 0.5},
    "both forests and boost": {FOREST: 0.3, RAW: 0.4, BOOST: 0.3},
    "both forests, own past": {FOREST: 0.3, RAW: 0.4, "own past": 0.3},
    "raw forest": {RAW: 1.0},
    "series alone": {"own past": 0.5, "TSB 0.1": 0.5},
    "series alone, quick": {"recent past": 0.5, "TSB 0.3": 0.5},
    "forest, boost, AutoETS": {FOREST: 0.4, BOOST: 0.3, ETS: 0.3},
    "series alone, smoothed": {"own past": 0.5, ETS: 0.5},
    "AutoETS": {ETS: 1.0},
    "quick TSB": {"TSB 0.3": 1.0},
    "forest, quick TSB": {FOREST: 0.5, "TSB 0.3": 0.5},
}
# Only where AutoETS is at hand: on rare use the newest periods say too little by themselves.
REGULAR_ONLY = frozenset({"quick TSB", "forest, quick TSB"})
# Without a back-test: what was never far from the best.
UNTESTED: Shares = {FOREST: 0.4, BOOST: 0.3, "own past": 0.15, "TSB 0.3": 0.15}
# Without enough rows to learn from.
ALONE: Shares = {"own past": 0.4, "TSB 0.1": 0.3, "TSB 0.3": 0.3}


@dataclass(frozen=True, slots=True)
class Trial:
    """Members' quantiles [n, h, G] from one origin, what came [n, h], and whose it was [n].

    `step` [n]: the mean step of each history from period to period, in base units.
    """

    members: Mapping[str, Array]
    actual: Array
    series: Ints
    step: Array


@dataclass(frozen=True, slots=True)
class Choice:
    """Shares of the members, the loss of every candidate (1 is their mean), and who is near."""

    shares: Shares
    losses: Mapping[str, float]
    near: tuple[str, ...]


def candidates(members: Collection[str]) -> dict[str, Shares]:
    """The blends whose members are all at hand."""
    return {
        name: shares
        for name, shares in CANDIDATES.items()
        if set(shares) <= set(members) and (name not in REGULAR_ONLY or ETS in members)
    }


def blend(members: Mapping[str, Array], shares: Shares) -> Array:
    """[n, h, G] mixture of members by shares."""
    names = sorted(name for name in shares if shares[name] > 0)
    return mixture([members[name] for name in names], [shares[name] for name in names])


def of_sums(shares: Shares, lead: int) -> Shares:
    """The same blend for the sum over `lead` periods, without what one series' own past sums
    up to: a few sums that overlap have no upper tail."""
    kept = {name: share for name, share in shares.items() if name not in EMPIRICAL}
    total = sum(kept.values())
    if lead <= 1 or not total:
        return shares
    return {name: share / total for name, share in kept.items()}


def steps(panel: SparsePanel) -> Array:
    """[n] mean absolute step between neighbouring periods; NaN where there is none."""
    both = panel.alive[:, :-1]
    change = np.where(both, np.abs(np.diff(panel.y, axis=1)), 0.0).sum(1)
    return np.asarray(np.where(change > 0, change / np.maximum(both.sum(1), 1), np.nan))


def pinball(actual: Array, curves: Array) -> Array:
    """[n, h] pinball loss, twice, mean over the judged levels, of quantiles on the grid."""
    over = actual[..., None] - at_levels(curves, JUDGED)
    return np.asarray(2.0 * np.maximum(JUDGED * over, (JUDGED - 1.0) * over).mean(axis=-1))


def choose(
    trials: Sequence[Trial],
    n: int,
    apart: float,
    *,
    members: Collection[str],
    doubt: float = 1.0,
) -> Choice:
    """Shares by back-test of `n` series: candidates within reach of the best share their blends.

    A candidate's say falls with the number of standard errors by which it is behind
    (paired; the larger of the errors over series and over origins, of which `apart` do not
    overlap): on a large steady panel the best stands alone, on a small or drifting one
    chance does not decide. `doubt`: what the standard errors are multiplied with, where they
    are themselves known from a few origins only.
    """
    tried = candidates(members)
    # [candidate, trial, series]
    lost = np.stack([_by_series(trials, shares, n) for shares in tried.values()])
    losses = lost.sum(axis=(1, 2))
    best = int(np.argmin(losses))
    behind = lost - lost[best]
    over_series = np.sqrt(n) * behind.sum(axis=1).std(axis=1)
    over_origins = len(trials) * behind.sum(axis=2).std(axis=1) / np.sqrt(max(apart, 1.0))
    error = np.maximum(np.maximum(over_series, over_origins), 1e-12)
    say = np.exp(-behind.sum(axis=(1, 2)) / (doubt * error))
    say[best] = 1.0
    say /= say.sum()
    shares: dict[str, float] = {}
    for weight, parts in zip(say, tried.values(), strict=True):
        for name, share in parts.items():
            shares[name] = shares.get(name, 0.0) + float(weight) * share
    near = [name for weight, name in sorted(zip(-say, tried, strict=True)) if -weight >= 0.1]
    figures = {name: float(loss) for name, loss in zip(tried, losses, strict=True)}
    return Choice(_worth(shares), figures, tuple(near))


def _worth(shares: Shares) -> Shares:
    kept = {name: share for name, share in shares.items() if share >= LEAST_SHARE}
    total = sum(kept.values())
    return {name: share / total for name, share in sorted(kept.items())}


def _by_series(trials: Sequence[Trial], shares: Shares, n: int) -> Array:
    """[trial, n] what each adds to the loss of a blend; all demand and all steps weigh 1."""
    demand = sum(float(_held(one).sum()) for one in trials)
    rows = sum(int(np.isfinite(one.step).sum()) * one.actual.shape[1] for one in trials)
    lost = np.zeros((len(trials), n))
    for place, one in enumerate(trials):
        pain = pinball(one.actual, blend(one.members, shares))
        share = (_held(one) / np.maximum(one.actual, 1e-12)).min(axis=1)
        relative = np.nan_to_num(pain.sum(axis=1) / one.step)
        part = pain.sum(axis=1) * share / max(demand, 1e-12) + relative / max(rows, 1)
        lost[place, one.series] = part
    return lost


def _held(trial: Trial) -> Array:
    """Actuals, none above three times the 99.5 % quantile: one giant must not decide."""
    return np.asarray(np.minimum(trial.actual, 3.0 * np.quantile(trial.actual, 0.995) + 1.0))
