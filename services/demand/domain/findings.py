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
# So many periods without a row, and two seasons, are told of: a wrong date looks like this.
LONG_GAP = 24


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
    counted = (
        (
            (rows > 1).sum(axis=1),
            "DUPLICATES_SUMMED",
            "period(s) have more than one row: their amounts were added up.",
        ),
        (
            unknown.sum(axis=1),
            "AMOUNT_MISSING",
            "period(s) have a row without an amount: filled with what was usual around them, not "
            "learnt as 0.",
        ),
        (
            (table.recorded < 0).sum(axis=1),
            "MORE_RETURNED_THAN_USED",
            "period(s) are below 0: learnt as 0. Check the returns.",
        ),
        (
            far.sum(axis=1),
            "WRONG_UNIT_SUSPECTED",
            f"amount(s) are more than {WRONG_UNIT_FACTOR:.0f} times the usual one: not learnt. "
            "Check the unit.",
        ),
        (
            _long_gaps(table),
            "LONG_GAP",
            "periods in a row have no row: they count as 0. Check the dates on both sides.",
        ),
    )
    kinds = _kinds(table, far)
    for i, name in enumerate(table.ids):
        for count, code, words in counted:
            if count[i]:
                yield Found(name, code, f"{count[i]} {words}")
        if kinds[i]:
            yield Found(name, *kinds[i])


def _kinds(table: HistoryTable, far: Flags) -> list[tuple[str, str] | tuple[()]]:
    """Code and sentence on what a series is as a whole; none for most."""
    nothing = np.asarray(~(table.known & table.observed & ~far).any(axis=1))
    never = np.asarray(~(table.recorded > 0).any(axis=1))
    first = table.recorded[np.arange(len(table.ids)), table.start]
    level = np.where(table.alive, table.recorded, first[:, None])
    constant = np.ptp(level, axis=1) <= 0.0
    found: list[tuple[str, str] | tuple[()]] = []
    for i, periods in enumerate(table.lengths):
        if nothing[i]:
            words = "the level of its class is used and must not be ordered by without a look."
            found.append(("NOTHING_KNOWN", f"No amount is known: {words}"))
        elif never[i]:
            found.append(("NEVER_USED", "Never used: the forecast is near 0 and not scored."))
        elif periods < max(2 * table.season, SHORT):
            words = "the forecast leans on the other series and is not scored."
            found.append(("TOO_SHORT", f"Only {periods} period(s) known: {words}"))
        elif constant[i]:
            words = "check that these are counts and not a standing order."
            found.append(("CONSTANT", f"The same amount in every period: {words}"))
        else:
            found.append(())
    return found


def _long_gaps(table: HistoryTable) -> Ints:
    """[n] most periods in a row without a row of the file, between two that have one; 0 where
    that is not long."""
    place = np.arange(table.length)
    newest = np.maximum.accumulate(np.where(table.observed, place, -1), axis=1)
    before = np.concatenate([np.full((len(table.ids), 1), -1), newest[:, :-1]], axis=1)
    gap = np.where(table.observed & (before >= 0), place - before - 1, 0)
    most = gap.max(axis=1)
    return np.where(most >= max(LONG_GAP, 2 * table.season), most, 0)
