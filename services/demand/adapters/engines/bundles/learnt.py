"""Forests learnt on a sample of a pool, and what they foresee for any other part of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.demand.adapters.engines.forests import pool, trials
from services.demand.adapters.engines.forests.choose import ALONE, Choice, blend, of_sums
from services.demand.adapters.engines.forests.features import features
from services.demand.adapters.engines.forests.grid import GRID, at_levels, mean_of
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.forests.table import Origin, origin, rows
from services.demand.domain.routing import Group
from services.demand.domain.tables import Asked, HistoryTable, TableForecast

NAME = "leaf-draw forests"
SEED = 20
# Series that are learnt from, rows and effort: what 200,000 daily series can be given in a night.
LEARN_FROM = 2000
MOST_ROWS = 60_000
EFFORT = pool.Effort(trees=50, pairs=50_000, rounds=60)
TRIAL_EFFORT = pool.Effort(trees=25, pairs=25_000, rounds=40)
LEAST_ROWS = 50
BACKTEST_ROWS = 1  # one fit of the back-test, at several origins
# Series foreseen at once: bounds the memory.
CHUNK = 1000


class Mismatch(ValueError):
    """The forests were learnt for another grid, horizon, lead time or set of features."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What forests were learnt for: they answer nothing else."""

    horizon: int
    lead: int
    season: int
    frequency: str
    names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LearntForests:
    """Members, their shares by back-test, and the levels to read the blend at."""

    schema: Schema
    learnt: pool.Learnt | None
    tested: trials.Tested
    learnt_from: int


def sparse(table: HistoryTable) -> SparsePanel:
    """A table as the forests want it."""
    return SparsePanel(
        ids=table.ids,
        y=table.values,
        observed=table.observed,
        start=table.start,
        season=table.season,
        columns=table.columns,
        categories=table.categories,
    )


def even_sample(count: int, most: int) -> Array:
    """Places of at most `most` of `count` series, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))


def learn(table: HistoryTable, asked: Asked, known: trials.Tested | None = None) -> LearntForests:
    """Learns on an even sample of a pool: blend by back-test, then all of its history.

    With a `known` blend nothing is tested again and less effort is made.
    """
    chosen = even_sample(len(table.ids), LEARN_FROM)
    panel = sparse(table.rows(chosen.astype(np.int64)))
    horizon, lead = asked.horizon, asked.lead or 0
    reach = max(horizon, lead)
    made = rows(panel, reach, MOST_ROWS, SEED)
    tested = known or trials.Tested(Choice(ALONE, {}, ()), GRID, GRID)
    learnt = None
    if made is not None and trials.enough(made, reach, LEAST_ROWS):
        if known is None:
            plan = trials.Plan(horizon, lead, MOST_ROWS, TRIAL_EFFORT, SEED)
            tested = trials.run(panel, plan, BACKTEST_ROWS, LEAST_ROWS)
        spans = pool.Spans(horizon, lead)
        effort = EFFORT if known is None else TRIAL_EFFORT
        learnt = pool.learn(made, spans, set(tested.choice.shares), effort, SEED)
    schema = Schema(horizon, lead, table.season, table.frequency, features(panel).names)
    return LearntForests(schema, learnt, tested, len(chosen))


@dataclass(frozen=True, slots=True)
class HandedOn:
    """Learnt forests as an engine: nothing is learnt while it answers.

    Mismatch when it is asked for something else than it was learnt for.
    """

    forests: LearntForests
    name: str = NAME
    serves: frozenset[Group] = frozenset({Group.REGULAR, Group.RARE})
    home: Group | None = Group.RARE
    slow: bool = False

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        panel = sparse(table)
        self._check(table, asked, features(panel).names)
        # what a series' neighbours do is looked up among all of them
        now = origin(panel, panel.periods, max(asked.horizon, asked.lead or 0), 1)
        parts = []
        for start in range(0, len(table.ids), CHUNK):
            some = np.arange(start, min(start + CHUNK, len(table.ids)))
            parts.append(self._foresee(panel.rows(some), now.take(some), asked))
        mean, quantiles, lead_mean, lead_quantiles = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        shares = sorted(self.forests.tested.choice.shares.items(), key=lambda one: -one[1])
        mix = ", ".join(f"{name} {share:.0%}" for name, share in shares)
        why = f"Learnt on {self.forests.learnt_from} series of the pool: {mix}."
        return TableForecast(
            asked.levels,
            mean,
            quantiles,
            lead_mean if asked.lead else None,
            lead_quantiles if asked.lead else None,
            methods=(self.name,) * len(table.ids),
            reasons=(why,) * len(table.ids),
        )

    def _check(self, table: HistoryTable, asked: Asked, names: tuple[str, ...]) -> None:
        known = self.forests.schema
        asked_for = Schema(asked.horizon, asked.lead or 0, table.season, table.frequency, names)
        if asked_for != known:
            other = sorted(set(names) ^ set(known.names))
            raise Mismatch(f"learnt for {known}, asked for {asked_for}; features apart: {other}")

    def _foresee(
        self, panel: SparsePanel, now: Origin, asked: Asked
    ) -> tuple[Array, Array, Array, Array]:
        learnt, tested = self.forests.learnt, self.forests.tested
        lead = asked.lead or 0
        shares = tested.choice.shares
        lead_shares = of_sums(shares, lead)
        members = pool.own(panel, asked.horizon, shares)
        sums = pool.own_lead(panel, lead, lead_shares) if lead else {}
        if learnt is not None:
            members |= pool.foresee(learnt, now)
            sums |= pool.foresee_lead(learnt, now) if lead else {}
        near = at_levels(blend(members, shares), tested.levels)
        total = at_levels(blend(sums, lead_shares), tested.lead_levels) if lead else near[:, :1]
        return (
            mean_of(near),
            _at(near, asked.levels),
            mean_of(total)[:, 0],
            _at(total, asked.levels)[:, 0],
        )


@dataclass(frozen=True, slots=True)
class LearnsAnew:
    """The same blend in a back-test: it learns from the history that it is given."""

    tested: trials.Tested
    name: str = NAME
    serves: frozenset[Group] = frozenset({Group.REGULAR, Group.RARE})
    home: Group | None = Group.RARE
    slow: bool = False

    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        return HandedOn(learn(table, asked, self.tested))(table, asked)


def _at(curves: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles at the levels asked for: never below 0, never crossing."""
    return np.asarray(np.maximum.accumulate(np.maximum(at_levels(curves, levels), 0.0), axis=-1))
