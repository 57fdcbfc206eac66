"""Histories made fit for the panel: gaps filled, faults marked, lengths shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.demand.adapters.engines.gp_panel.grid import DAILY_SEASON
from services.demand.adapters.engines.gp_panel.panel import (
    ALL_ZERO,
    CONSTANT,
    EMPTY,
    MISSING_FILLED,
    NEGATIVE_CUT,
    SHORT,
    SPIKE,
    Array,
    Integers,
    Options,
    Panel,
)

LONGEST_MONTHLY = 120
LONGEST_DAILY = 364
SPIKE_RATIO = 1000.0


@dataclass(frozen=True, slots=True)
class History:
    """Amounts without gaps.

    amounts: [n, T], the newest period last; NaN before a series begins.
    lengths: [n], the periods used of each series (at most T).
    level: [n], mean amount, one spike not counted.
    """

    amounts: Array
    lengths: Integers
    level: Array
    flags: list[tuple[str, ...]]

    def by_length(self) -> list[tuple[int, Integers]]:
        """(length, rows of that length): those that share matrices."""
        return [
            (int(length), np.flatnonzero(self.lengths == length).astype(np.int64))
            for length in np.unique(self.lengths)
        ]


def check(panel: Panel, horizon: int) -> None:
    """ValueError, in words, for a panel that cannot be meant."""
    if horizon < 1:
        raise ValueError("the horizon must be at least one period")
    if panel.season < 1:
        raise ValueError("the season must be at least one period")
    if not panel.values:
        raise ValueError("the panel has no series")
    for name, rows in (("calendar", panel.calendar), ("years", panel.years)):
        if rows is not None and len(rows) < panel.origin() + horizon:
            raise ValueError(
                f"the {name} has {len(rows)} periods; the histories and the horizon need "
                f"{panel.origin() + horizon}"
            )
    if panel.groups is not None and len(panel.groups) != len(panel.values):
        raise ValueError("there must be one group a series")
    if panel.first_period is not None:
        ends = {
            first + len(values)
            for first, values in zip(panel.first_period, panel.values, strict=True)
        }
        if len(ends) > 1:
            raise ValueError("all series must end at the same period: fill or cut them first")


def read(panel: Panel, options: Options) -> History:
    """Cleans every series and cuts lengths to multiples of `length_step`, oldest periods first."""
    longest = options.longest or (
        LONGEST_DAILY if panel.season == DAILY_SEASON else LONGEST_MONTHLY
    )
    cleaned = [clean(np.asarray(values, dtype=np.float64), panel.season) for values in panel.values]
    kept = [_kept(len(values), longest, options.length_step) for values, _ in cleaned]
    width = max(kept)
    amounts = np.full((len(cleaned), width), np.nan)
    for row, ((values, _), length) in enumerate(zip(cleaned, kept, strict=True)):
        amounts[row, width - length :] = values[len(values) - length :]
    level = np.nanmean(np.minimum(amounts, SPIKE_RATIO * _usual(amounts)[:, None]), axis=1)
    return History(amounts, np.array(kept, dtype=np.int64), level, [flags for _, flags in cleaned])


def _kept(length: int, longest: int, step: int) -> int:
    length = min(length, longest)
    return length if length <= step else length - length % step


def _usual(amounts: Array) -> Array:
    """[n]: median amount, at least 1."""
    return np.maximum(np.nanmedian(amounts, axis=1), 1.0)


def clean(values: Array, season: int) -> tuple[Array, tuple[str, ...]]:
    """A series without gap or negative amount, and what was found in it.

    Unknown periods before the first known one are dropped; later ones are filled.
    """
    flags: list[str] = []
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(1), (EMPTY,)
    values = np.where(known, values, np.nan)[int(np.argmax(known)) :]
    if np.nanmin(values) < 0:
        flags.append(NEGATIVE_CUT)
        values = np.where(values < 0, 0.0, values)
    if np.isnan(values).any():
        flags.append(MISSING_FILLED)
        values = fill(values, season)
    if len(values) < 2 * season:
        flags.append(SHORT)
    if not values.any():
        flags.append(ALL_ZERO)
    elif values.min() == values.max():
        flags.append(CONSTANT)
    elif values.max() > SPIKE_RATIO * max(float(np.median(values)), 1.0):
        flags.append(SPIKE)
    return values, tuple(flags)


def fill(values: Array, season: int) -> Array:
    """Unknown periods: a line between known neighbours, plus what its season usually adds."""
    known = np.flatnonzero(~np.isnan(values))
    unknown = np.flatnonzero(np.isnan(values))
    line = np.interp(np.arange(len(values)), known, values[known])
    usual = float(np.mean(values[known]))
    filled = values.copy()
    for period in unknown:
        same = known[(known - period) % season == 0] if season > 1 else known[:0]
        extra = float(np.mean(values[same])) - usual if len(same) > 1 else 0.0
        filled[period] = max(0.0, line[period] + extra)
    return filled
