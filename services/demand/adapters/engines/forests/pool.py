"""All members learnt from one history, and what each of them foresees at any later origin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from services.demand.adapters.engines.forests import forest, quantile_boost
from services.demand.adapters.engines.forests.classical import METHOD, smoothed
from services.demand.adapters.engines.forests.members import empirical, pooled_tsb
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.forests.table import Origin, Rows

FOREST, RAW, BOOST = "forest", "raw forest", "quantile LightGBM"
EMPIRICAL = {"recent past": 0.8, "own past": 0.9}
TSB = {"TSB 0.1": 0.1, "TSB 0.3": 0.3}
ETS = METHOD
# Members that look at one series alone: some that cost nothing, and one that is fitted.
QUICK = (*EMPIRICAL, *TSB)
# A raw forest hands out whole pieces: only where a usual use is a handful of them, and no
# series is so large that its pieces in another's hands would be a catastrophe.
HANDFUL = 5.0
GIANT = 1000.0
LEGS = 4


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is grown: trees of a forest; pairs a quantile model learns from, and rounds."""

    trees: int = 70
    pairs: int = 60_000
    rounds: int = 90


@dataclass(frozen=True, slots=True)
class Spans:
    """Periods ahead, and the lead time whose sum is wanted (0: none)."""

    ahead: int
    lead: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """Models of one history. Forests are grown leg by leg: name -> one a leg.

    `lead_forests` and `lead_boost` know the sum over the lead time.
    """

    spans: Spans
    forests: Mapping[str, tuple[forest.PathForest, ...]]
    boost: quantile_boost.Boost | None
    lead_forests: Mapping[str, forest.PathForest]
    lead_boost: quantile_boost.Boost | None


def legs(ahead: int) -> list[tuple[int, int]]:
    """The periods ahead in at most four runs; each has a forest of its own.

    A forest that splits on three near periods is sharper there than one that splits on
    the mean of a year, and it may learn from newer origins.
    """
    length = -(-ahead // LEGS)
    return [(a, min(a + length, ahead)) for a in range(0, ahead, length)]


def learnable(panel: SparsePanel) -> tuple[str, ...]:
    """Members that learn across series and suit the amounts of this panel."""
    used = panel.y[panel.y > 0]
    usual = float(np.median(used)) if len(used) else HANDFUL + 1.0
    small = usual <= HANDFUL and float(used.max()) <= GIANT * usual
    return (FOREST, RAW, BOOST) if small else (FOREST, BOOST)


def learn(rows: Rows, spans: Spans, members: Collection[str], effort: Effort, seed: int) -> Learnt:
    """Fits the named members; boosting needs the forest too, whose tails it borrows."""
    shapes: dict[str, forest.ForestShape] = {}
    if FOREST in members or BOOST in members:
        shapes[FOREST] = forest.ForestShape("ew", trees=effort.trees)
    if RAW in members:
        shapes[RAW] = forest.ForestShape("one", trees=effort.trees, target_cap=5.0)
    grown = {
        name: tuple(forest.grow(rows.leg(a, b), shape, seed) for a, b in legs(spans.ahead))
        for name, shape in shapes.items()
    }
    boosting = quantile_boost.BoostShape(rounds=effort.rounds, most=effort.pairs)
    boost = None
    if BOOST in members:
        near = replace(rows, paths=rows.paths[:, : spans.ahead])
        boost = quantile_boost.fit(near, boosting, seed)
    if not spans.lead:
        return Learnt(spans, grown, boost, {}, None)
    sums = rows.summed(spans.lead)
    lead_forests = {name: forest.grow(sums, shape, seed) for name, shape in shapes.items()}
    lead_boost = quantile_boost.fit(sums, boosting, seed) if BOOST in members else None
    return Learnt(spans, grown, boost, lead_forests, lead_boost)


def foresee(learnt: Learnt, at: Origin) -> dict[str, Array]:
    """Name -> [n, ahead, G] quantiles of the learnt members."""
    made = {
        name: np.concatenate([forest.curves(leg, at) for leg in grown], axis=1)
        for name, grown in learnt.forests.items()
    }
    if learnt.boost is not None:
        made[BOOST] = quantile_boost.curves(learnt.boost, at, learnt.spans.ahead, made[FOREST])
    return made


def foresee_lead(learnt: Learnt, at: Origin) -> dict[str, Array]:
    """Name -> [n, 1, G] quantiles of the sum over the lead time."""
    at = at.summed(learnt.spans.lead)
    made = {name: forest.curves(grown, at) for name, grown in learnt.lead_forests.items()}
    if learnt.lead_boost is not None:
        made[BOOST] = quantile_boost.curves(learnt.lead_boost, at, 1, made[FOREST])
    return made


def own(panel: SparsePanel, ahead: int, members: Collection[str] = QUICK) -> dict[str, Array]:
    """Name -> [n, ahead, G] quantiles of the named members that look at one series alone and
    cost nothing."""
    made = {
        name: np.repeat(empirical(panel, decay)[:, None], ahead, axis=1)
        for name, decay in EMPIRICAL.items()
        if name in members
    }
    steps = [(k, k + 1) for k in range(ahead)]
    made |= {name: pooled_tsb(panel, rate, steps) for name, rate in TSB.items() if name in members}
    return made


def own_lead(panel: SparsePanel, lead: int, members: Collection[str] = QUICK) -> dict[str, Array]:
    """Name -> [n, 1, G] of the sum over the lead time, from each series alone."""
    made = {
        name: empirical(panel, decay, lead)[:, None]
        for name, decay in EMPIRICAL.items()
        if name in members
    }
    span = [(0, lead)]
    made |= {name: pooled_tsb(panel, rate, span) for name, rate in TSB.items() if name in members}
    return made


def fitted(
    panel: SparsePanel, ahead: int, lead: int, members: Collection[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The same of the members that have to be fitted: periods, and the sum if there is a lead
    time."""
    if ETS not in members:
        return {}, {}
    near, total = smoothed(panel, ahead, lead)
    return {ETS: near}, {ETS: total} if lead else {}
