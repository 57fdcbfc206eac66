"""Back-tests inside the given history: members learnt at a cut, judged on what came after."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.forests import pool
from services.demand.adapters.engines.forests.calibrate import moved_levels
from services.demand.adapters.engines.forests.choose import (
    UNTESTED,
    Choice,
    Shares,
    Trial,
    blend,
    choose,
    of_sums,
    steps,
)
from services.demand.adapters.engines.forests.grid import GRID
from services.demand.adapters.engines.forests.panel import Array, SparsePanel
from services.demand.adapters.engines.forests.table import Rows, origin, rows
from services.demand.domain.classes import INTERVAL_LIMIT

# Fits of a back-test at most, and origins judged after each.
FITS, ORIGINS = 4, 4
# A cut leaves at least so many periods to learn from.
LEAST_PERIODS = 12
# A pool of so many series can do without members that repeat each series' own past, and its
# back-tests tell members apart; in a smaller one blends have a nearly even say.
MANY = 300
DOUBT = 8.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the panel: periods ahead, lead time (0: none), bounds of the work.

    `fitted_rows`: periods of all histories together up to which a member is tried that has to
    be fitted to each of them.
    """

    horizon: int
    lead: int
    most_rows: int
    effort: pool.Effort
    seed: int
    fitted_rows: int = 0


@dataclass(frozen=True, slots=True)
class Tested:
    """The blend, and the levels to read its quantiles and those of the sum at, [G] each."""

    choice: Choice
    levels: Array
    lead_levels: Array


@dataclass(frozen=True, slots=True)
class _Judged:
    """One origin: the periods ahead, and the sum over the lead time [n, 1]."""

    near: Trial
    lead: Trial | None


def enough(table: Rows | None, reach: int, least: int) -> bool:
    """Enough rows know all `reach` periods that are to be learnt."""
    return table is not None and len(table.leg(reach - 1, reach)) >= least


def windows(panel: SparsePanel, plan: Plan, backtest_rows: int) -> tuple[int, list[list[int]]]:
    """Periods ahead of the back-test, and per fit the places [cut, other origins ...].

    Never more than a sixth of the history ahead; one fit on a large panel, several on a
    small one, whose single windows say little.
    """
    periods = panel.periods
    ahead = min(max(plan.horizon, plan.lead), max(1, periods // 6))
    span = max(2 * ahead, min(6, periods // 5))
    fits = int(np.clip(backtest_rows // max(int(panel.alive.sum()), 1), 1, FITS))
    stride = max(1, (span - ahead) // (ORIGINS - 1))
    found = []
    for back in range(1, fits + 1):
        cut = periods - span * back
        if cut < max(LEAST_PERIODS, periods // 2 if back > 1 else 0):
            break
        found.append(list(range(cut, cut + span - ahead + 1, stride)))
    return ahead, found


def run(panel: SparsePanel, plan: Plan, backtest_rows: int, least_rows: int) -> Tested:
    """Chooses the blend and calibrates it; what was never far from the best when untestable."""
    ahead, cuts = windows(panel, plan, backtest_rows)
    spans = pool.Spans(min(plan.horizon, ahead), min(plan.lead, ahead))
    members = pool.learnable(panel)
    alone = (*pool.QUICK, pool.ETS) if _may_be_fitted(panel, plan) else pool.QUICK
    judged: list[_Judged] = []
    for places in cuts:
        table = rows(panel.until(places[0]), ahead, plan.most_rows, plan.seed)
        if table is None or not enough(table, max(spans.ahead, spans.lead), least_rows):
            continue
        learnt = pool.learn(table, spans, members, plan.effort, plan.seed)
        judged += [_judge(panel, learnt, known, alone) for known in places]
    if not judged:
        return Tested(Choice(UNTESTED, {}, ()), GRID, GRID)
    stride = cuts[0][1] - cuts[0][0] if len(cuts[0]) > 1 else ahead
    apart = len(judged) * min(1.0, stride / ahead)
    near = [one.near for one in judged]
    tried = list(near[0].members)
    if 2 * ahead < plan.horizon and len(panel.ids) >= MANY:
        # what repeats the past was not seen to hold in the far half of the horizon, and does
        # well near by: only those that learnt what comes later may take part
        tried = [name for name in tried if name in members]
    doubt = 1.0 if len(panel.ids) >= MANY else DOUBT
    choice = choose(near, len(panel.ids), apart, members=tried, doubt=doubt)
    sums = [one.lead for one in judged if one.lead is not None]
    return Tested(
        choice,
        _levels(near, choice.shares, len(panel.ids), prudent=apart),
        _levels(sums, of_sums(choice.shares, spans.lead), len(panel.ids)) if sums else GRID,
    )


def _may_be_fitted(panel: SparsePanel, plan: Plan) -> bool:
    """Whether smoothing, fitted series by series, takes part: only where that costs little, few
    series decide, and most of them are in regular use (on rare use it is among the worst)."""
    used = ((panel.y > 0) & panel.alive).sum(axis=1)
    regular = float((used * INTERVAL_LIMIT >= panel.alive.sum(axis=1)).mean())
    costs = int(panel.alive.sum())
    return len(panel.ids) < MANY and costs <= plan.fitted_rows and regular > 0.5


def _judge(panel: SparsePanel, learnt: pool.Learnt, known: int, alone: Collection[str]) -> _Judged:
    """Members' forecasts after `known` periods, of the series that reported afterwards.

    A series whose records have ended is forecast, but what it would have shown is unknown.
    """
    at = origin(panel, known, max(learnt.spans.ahead, learnt.spans.lead), 1)
    reach = max(learnt.spans.ahead, learnt.spans.lead)
    shown = panel.observed[at.series, known : known + reach].any(axis=1)
    at = at.take(np.flatnonzero(shown))
    past = panel.until(known).rows(at.series)
    step = steps(past)
    came = panel.y[at.series, known : known + reach]
    near, sums = pool.fitted(past, learnt.spans.ahead, learnt.spans.lead, alone)
    near |= pool.foresee(learnt, at) | pool.own(past, learnt.spans.ahead, alone)
    first = Trial(near, came[:, : learnt.spans.ahead], at.series, step)
    if not learnt.spans.lead:
        return _Judged(first, None)
    sums |= pool.foresee_lead(learnt, at) | pool.own_lead(past, learnt.spans.lead, alone)
    total = came[:, : learnt.spans.lead].sum(axis=1, keepdims=True)
    return _Judged(first, Trial(sums, total, at.series, step))


def _levels(judged: list[Trial], shares: Shares, series: int, *, prudent: float = 0.0) -> Array:
    curves = [blend(one.members, shares) for one in judged]
    return moved_levels(curves, [one.actual for one in judged], series, prudent=prudent)
