"""From a panel of sparse histories to forecasts: learn, back-test, choose, blend, calibrate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from services.demand.adapters.engines.forests import pool, trials, words
from services.demand.adapters.engines.forests.choose import ALONE, Choice, blend, of_sums
from services.demand.adapters.engines.forests.grid import GRID, at_levels, mean_of
from services.demand.adapters.engines.forests.panel import Array, SparseForecast, SparsePanel
from services.demand.adapters.engines.forests.table import origin, rows

# Series that are blended at once: bounds the memory of a large panel.
CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """`most_rows` learnt from at most; `least_rows`, below which nothing is learnt across
    series; efforts of the final fit and of the back-test; `backtest_rows`: a panel smaller
    than this is fitted again at several origins of the back-test (at most four).
    `fitted_rows`: see trials.Plan."""

    most_rows: int = 150_000
    least_rows: int = 50
    least_series: int = 5
    effort: pool.Effort = field(default_factory=pool.Effort)
    backtest_effort: pool.Effort = field(
        default_factory=lambda: pool.Effort(trees=50, pairs=50_000)
    )
    backtest_rows: int = 60_000
    fitted_rows: int = 0


def forecast(
    panel: SparsePanel,
    horizon: int,
    levels: Sequence[float],
    lead_time: int | None = None,
    *,
    seed: int = 0,
    options: Options | None = None,
) -> SparseForecast:
    """Forecasts every series of a panel for `horizon` periods, and the sum over a lead time.

    `lead_time` is a number of periods and may be longer than the horizon. The answer is
    in the panel's order and does not depend on it; the same seed gives the same answer.
    Raises ValueError when the horizon, a level or the lead time is out of range.
    """
    _check(panel, horizon, levels, lead_time)
    options = options or Options()
    order = np.argsort(np.asarray(panel.ids), kind="stable")
    panel = panel.rows(order)
    ask = _Ask(horizon, lead_time or 0, tuple(levels))
    table = rows(panel, ask.reach, options.most_rows, seed)
    enough = len(panel.ids) >= options.least_series and trials.enough(
        table, ask.reach, options.least_rows
    )
    learnt: pool.Learnt | None = None
    tested = trials.Tested(Choice(ALONE, {}, ()), GRID, GRID)
    if table is not None and enough:
        plan = trials.Plan(
            horizon,
            ask.lead,
            options.most_rows,
            options.backtest_effort,
            seed,
            options.fitted_rows,
        )
        tested = trials.run(panel, plan, options.backtest_rows, options.least_rows)
        spans = pool.Spans(horizon, ask.lead)
        learnt = pool.learn(table, spans, set(tested.choice.shares), options.effort, seed)
    made = _blended(panel, learnt, tested, ask)
    spoken = words.of(panel, tested.choice, learnt=enough)
    back = np.argsort(order, kind="stable")
    return SparseForecast(
        ids=tuple(panel.ids[i] for i in back),
        levels=ask.levels,
        mean=made.mean[back],
        quantiles=made.quantiles[back],
        lead_mean=made.lead_mean[back] if ask.lead else None,
        lead_quantiles=made.lead_quantiles[back] if ask.lead else None,
        method=tuple(spoken.method for _ in back),
        why=tuple(spoken.why for _ in back),
        flags=tuple(spoken.flags[i] for i in back),
        backtest=dict(tested.choice.losses),
    )


def _check(panel: SparsePanel, horizon: int, levels: Sequence[float], lead: int | None) -> None:
    if horizon < 1:
        raise ValueError("the horizon is a number of periods, 1 or more")
    if lead is not None and lead < 1:
        raise ValueError("the lead time is a number of periods, 1 or more")
    if any(not GRID[0] <= level <= GRID[-1] for level in levels):
        raise ValueError(f"levels lie between {GRID[0]} and {GRID[-1]}")
    if list(levels) != sorted(levels):
        raise ValueError("levels rise from left to right")
    if (panel.start >= panel.periods).any():
        raise ValueError("every series must have begun inside the grid")


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked for: periods ahead, lead time (0: none), levels."""

    horizon: int
    lead: int
    levels: tuple[float, ...]

    @property
    def reach(self) -> int:
        return max(self.horizon, self.lead)


@dataclass(frozen=True, slots=True)
class _Made:
    """Arrays of the answer, in the order of the sorted ids."""

    mean: Array
    quantiles: Array
    lead_mean: Array
    lead_quantiles: Array


def _blended(
    panel: SparsePanel, learnt: pool.Learnt | None, tested: trials.Tested, ask: _Ask
) -> _Made:
    """Blends the members, some series at a time, and reads them at the calibrated levels."""
    shares = tested.choice.shares
    lead_shares = of_sums(shares, ask.lead)
    now = origin(panel, panel.periods, ask.reach, 1) if learnt else None
    alone, alone_lead = pool.fitted(panel, ask.horizon, ask.lead, shares)
    alone |= pool.own(panel, ask.horizon, shares)
    alone_lead |= pool.own_lead(panel, ask.lead, lead_shares) if ask.lead else {}
    parts: list[tuple[Array, Array, Array, Array]] = []
    for start in range(0, len(panel.ids), CHUNK):
        some = np.arange(start, min(start + CHUNK, len(panel.ids)))
        members = {name: curves[some] for name, curves in alone.items()}
        sums = {name: curves[some] for name, curves in alone_lead.items()}
        if learnt is not None and now is not None:
            members |= pool.foresee(learnt, now.take(some))
            sums |= pool.foresee_lead(learnt, now.take(some)) if ask.lead else {}
        near = at_levels(blend(members, shares), tested.levels)
        total = near[:, :1]
        if ask.lead:
            total = at_levels(blend(sums, lead_shares), tested.lead_levels)
        parts.append((mean_of(near), _at(near, ask), mean_of(total)[:, 0], _at(total, ask)[:, 0]))
    return _Made(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _at(curves: Array, ask: _Ask) -> Array:
    """Quantiles at the levels asked for: never below 0, never crossing."""
    return np.maximum.accumulate(np.maximum(at_levels(curves, ask.levels), 0.0), axis=-1)
