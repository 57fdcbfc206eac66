"""What a reader should know of the series of a history file, and the learning made safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from services.demand.domain.repair import filled
from services.demand.domain.tables import Flags, HistoryTable, Ints

# One amount this many times the usual one is taken for a wrong unit and not learnt.
WRONG_UNIT_FACTOR = 10_000.0
LEAST_TO_JUDGE = 8
SHORT = 8


@dataclass(frozen=True, slots=True)
class Found:
    """One thing noted: of the series `series_id`, or of the whole file when that is empty."""

    series_id: str
    code: str
    sentence: str


def wrong_units(table: HistoryTable) -> Flags:
    """[n, T] amounts so far above the series' usual one that no need explains them."""
    used = np.where(table.values > 0, table.values, np.nan)
    enough = (table.values > 0).sum(axis=1) >= LEAST_TO_JUDGE
    usual = np.ones(len(table.ids))
    usual[enough] = np.nanmedian(used[enough], axis=1) if enough.any() else 1.0
    far = table.values > WRONG_UNIT_FACTOR * np.maximum(usual, 1.0)[:, None]
    return np.asarray(far & enough[:, None])


def learnable(table: HistoryTable, rows_in_file: Ints) -> tuple[HistoryTable, tuple[Found, ...]]:
    """The table with what cannot be learnt filled in, and a sentence on each such series.

    `rows_in_file` [n, T]: rows of the file by series and period.
    """
    unknown = table.alive & ~table.known
    far = wrong_units(table)
    known = table.known & ~far
    values = filled(table.values, known, table.alive, table.season)
    found = tuple(_sentences(table, rows_in_file, unknown, far))
    return replace(table, values=values, known=known), found


def _sentences(table: HistoryTable, rows: Ints, unknown: Flags, far: Flags) -> Iterator[Found]:
    twice = (rows > 1).sum(axis=1)
    blank = unknown.sum(axis=1)
    below = (table.recorded < 0).sum(axis=1)
    wrong = far.sum(axis=1)
    never = np.asarray(~(table.recorded > 0).any(axis=1))
    first = table.recorded[np.arange(len(table.ids)), table.start]
    level = np.where(table.alive, table.recorded, first[:, None])
    constant = np.ptp(level, axis=1) <= 0.0
    for i, name in enumerate(table.ids):
        periods = int(table.length - table.start[i])
        if twice[i]:
            yield Found(
                name,
                "DUPLICATES_SUMMED",
                f"{twice[i]} period(s) have more than one row: their amounts were added up.",
            )
        if blank[i]:
            yield Found(
                name,
                "AMOUNT_MISSING",
                f"{blank[i]} period(s) have a row without an amount: filled with what was usual "
                "around them, not learnt as 0.",
            )
        if below[i]:
            yield Found(
                name,
                "MORE_RETURNED_THAN_USED",
                f"{below[i]} period(s) are below 0: learnt as 0. Check the returns.",
            )
        if wrong[i]:
            yield Found(
                name,
                "WRONG_UNIT_SUSPECTED",
                f"{wrong[i]} amount(s) are more than {WRONG_UNIT_FACTOR:.0f} times the usual "
                "one: not learnt. Check the unit.",
            )
        if never[i]:
            yield Found(name, "NEVER_USED", "Never used: the forecast is near 0 and not scored.")
        elif periods < max(2 * table.season, SHORT):
            yield Found(
                name,
                "TOO_SHORT",
                f"Only {periods} period(s) known: the forecast leans on the other series and is "
                "not scored.",
            )
        elif constant[i]:
            yield Found(
                name,
                "CONSTANT",
                "The same amount in every period: check that these are counts and not a "
                "standing order.",
            )
