"""Repairs histories: what would have been used had stock been there, and gaps filled.

A zero that stands for an empty shelf must not be learnt as no need. Two targets, never
confused: what will be recorded (nothing is repaired, stock is a predictor), and what would
have been used (this module).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from services.demand.domain.tables import Array, Days, Flags, HistoryTable, Ints

# Column of what was recorded in a period and is no demand: waste, expiry, transfer, crisis ...
NOT_DEMAND = "not_demand"
# Out of stock for more of a period than this: what was recorded says too little.
CENSORED_SHARE = 0.66
# Periods after which a neighbour counts half for the level around a gap.
HALF_LIFE = 6.0
# A series' own season counts as much as what is common once it was seen this often.
SEASON_PRIOR = 4.0


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repaired history; `out_share` [n, T]: share of each period without stock."""

    table: HistoryTable
    out_share: Array
    censored: Flags


def out_of_stock(table: HistoryTable) -> Array:
    """[n, T] share of each period in which nothing could be handed out, 0 to 1.

    From `stockout_days`, or `days_in_stock`, over the days of the period; 1 where the stock at
    the start, what was received and the stock at the end are all 0 and nothing was used; 1 also
    for periods without a row between an empty shelf and the next one.
    """
    share = np.zeros(table.values.shape)
    length = days_in(table.periods)[None, :]
    days = table.columns.get("stockout_days")
    held = table.columns.get("days_in_stock")
    if days is not None:
        share = np.clip(np.nan_to_num(days) / length, 0.0, 1.0)
    elif held is not None:
        # where nobody counted, stock is taken to have been there
        share = np.clip(1.0 - np.where(np.isfinite(held), held, length) / length, 0.0, 1.0)
    stock = [
        table.columns[name]
        for name in ("stock_initial", "stock_received", "stock_end")
        if name in table.columns
    ]
    if len(stock) == 3:
        bare = np.all([column <= 0 for column in stock], axis=0) & (table.recorded <= 0)
        share[bare & table.observed] = 1.0
        share[_bare_gaps(table)] = 1.0
    return np.asarray(np.where(table.alive, share, 0.0))


def _bare_gaps(table: HistoryTable) -> Flags:
    """Periods without a row whose last known end and next known start of stock are both 0."""
    left = _carried(table.columns["stock_end"])
    right = _carried(table.columns["stock_initial"][:, ::-1])[:, ::-1]
    nothing_after = ~np.isfinite(right)
    return np.asarray(~table.observed & (left <= 0) & ((right <= 0) | nothing_after))


def _carried(column: Array) -> Array:
    """The last known value at or before each period, NaN before the first."""
    known = np.isfinite(column)
    place = np.where(known, np.arange(column.shape[1])[None, :], -1)
    place = np.maximum.accumulate(place, axis=1)
    found = np.take_along_axis(column, np.maximum(place, 0), axis=1)
    return np.asarray(np.where(place >= 0, found, np.nan))


def days_in(periods: Days) -> Array:
    """[T] days of each period; the last is as long as its month or as the one before it."""
    days = periods.astype("datetime64[D]")
    if len(days) < 2:
        return np.ones(len(days))
    length = np.diff(days).astype(np.float64)
    last = length[-1]
    if last > 27:
        month = days[-1].astype("datetime64[M]")
        last = float(((month + 1).astype("datetime64[D]") - days[-1]).astype(np.int64))
    return np.concatenate([length, [max(last, 1.0)]])


def repair(table: HistoryTable) -> Repaired:
    """What would have been used had stock been there all the time.

    What was recorded for another reason than use (NOT_DEMAND) is taken off first. Where stock
    was there for a part of the period, the part that is missing is made up from the rate of the
    rest and from what was usual around it, the rate counting for as much of the period as it was
    seen. Above CENSORED_SHARE out, what was usual alone fills the part that is missing, and the
    period is marked as censored.
    """
    table = only_demand(table)
    share = out_of_stock(table)
    censored = share > CENSORED_SHARE
    known = table.known & ~censored
    rate = table.values / np.maximum(1.0 - share, 1.0 - CENSORED_SHARE)
    usual = filled(np.where(known, rate, 0.0), known, table.alive, table.season)
    weight = np.where(censored, 0.0, 1.0 - share)
    missing = share * (weight * rate + (1.0 - weight) * usual)
    values = np.where(table.known, table.values + missing, usual)
    values = np.where(table.alive, values, 0.0)
    return Repaired(replace(table, values=values, known=known), share, censored)


def only_demand(table: HistoryTable) -> HistoryTable:
    """The table less what was recorded for other reasons than use; the same when none is told."""
    other = table.columns.get(NOT_DEMAND)
    if other is None:
        return table
    values = np.maximum(table.values - np.nan_to_num(other), 0.0)
    return replace(table, values=np.where(table.known, values, table.values))


def filled(values: Array, known: Flags, alive: Flags, season: int) -> Array:
    """`values` with what is not known replaced by what was usual around it and at that season.

    Usual: the mean of the known neighbours, nearer ones counting more, times the season's
    factor (the series' own, shrunk toward the panel's). A series of which nothing is known
    gets 0.
    """
    gaps = alive & ~known
    rows = np.flatnonzero(gaps.any(axis=1))
    if not len(rows):
        return np.asarray(np.where(alive, values, 0.0))
    usable = known & alive
    length = values.shape[1]
    age = np.abs(np.arange(length)[:, None] - np.arange(length)[None, :])
    kernel = 0.5 ** (age / HALF_LIFE)
    cycle = _whole_cycles(age, season)
    common = _season_factors(values, usable, cycle, season)
    made = np.where(alive, values, 0.0)
    for row in rows:
        seen = usable[row].astype(np.float64)
        if not seen.any():
            made[row] = 0.0
            continue
        factors = _own_factors(values[row], seen, cycle, common, season)
        place = np.arange(length) % season
        level = kernel @ (seen * values[row] / factors[place]) / (kernel @ seen)
        made[row, gaps[row]] = (level * factors[place])[gaps[row]]
    return np.asarray(made)


def _whole_cycles(age: Ints, season: int) -> Array:
    """[T, T] weights of the periods within half a season: each part of it counts once."""
    half = season / 2
    return np.where(age < half, 1.0, np.where(age == half, 0.5, 0.0))


def _season_factors(values: Array, usable: Flags, cycle: Array, season: int) -> Array:
    """[season] factors of the whole panel, 1 when there is too little of it."""
    if season < 2 or values.shape[1] < 2 * season:
        return np.ones(season)
    total, count = (values * usable).sum(axis=0), usable.sum(axis=0)
    mean = total / np.maximum(count, 1)
    return _own_factors(mean, (count > 0).astype(np.float64), cycle, np.ones(season), season)


def _own_factors(values: Array, seen: Array, cycle: Array, prior: Array, season: int) -> Array:
    if season < 2:
        return np.ones(1)
    level = cycle @ (seen * values) / np.maximum(cycle @ seen, 1e-12)
    usual = level > 0
    ratio = np.where(usual, values / np.where(usual, level, 1.0), 1.0)
    weight = seen * usual
    place = np.arange(len(values)) % season
    total = np.bincount(place, weight * ratio, season)[:season]
    count = np.bincount(place, weight, season)[:season]
    factors = (total + SEASON_PRIOR * prior) / (count + SEASON_PRIOR)
    return np.asarray(np.maximum(factors / factors.mean(), 0.05))
