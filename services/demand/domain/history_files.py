"""A history as read from a file, what is asked of it, and what a command used of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from services.demand.domain.findings import Found, learnable
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.repair import NOT_DEMAND, repair
from services.demand.domain.scoring import SHORTEST_SCORED, Actuals
from services.demand.domain.tables import Asked, Days, HistoryTable, Ints
from shared.errors import Malformed

LONGEST_HORIZON = 1000


class Target(Enum):
    """Two targets, never confused."""

    RECORDED = "recorded"
    DEMAND = "demand"


@dataclass(frozen=True, slots=True)
class HistoryRead:
    """A history and what was noted while reading it.

    `ahead`: the periods that follow; `rows` [n, T]: rows of the file by series and period.
    """

    table: HistoryTable
    ahead: Days = field(repr=False)
    rows: Ints = field(repr=False)
    found: Sequence[Found] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What a command was asked for; `levels`: those to write, all when empty;
    `whole`: quantiles in whole units."""

    horizon: int
    season: int
    frequency: str
    target: Target = Target.RECORDED
    lead: int | None = None
    levels: tuple[float, ...] = ()
    whole: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.horizon <= LONGEST_HORIZON:
            raise Malformed(
                "HORIZON_OUT_OF_RANGE",
                f"{self.horizon} periods were asked for; 1 to {LONGEST_HORIZON} can be forecast.",
                field="--horizon",
            )
        if self.season < 1:
            raise Malformed(
                "SEASON_OUT_OF_RANGE",
                "A season has 1 period or more: 12 for months, 7 for days, 1 for none.",
                field="--season",
            )
        if self.lead is not None and not 1 <= self.lead <= self.horizon:
            raise Malformed(
                "LEAD_TIME_OUT_OF_RANGE",
                f"A lead time of {self.lead} periods does not fit a horizon of {self.horizon}: "
                "give 1 period or more, and at most the horizon.",
                field="--lead-time",
            )
        if not all(0 < level < 1 for level in self.levels):
            raise Malformed(
                "LEVEL_OUT_OF_RANGE",
                "Levels lie between 0 and 1, such as 0.1,0.5,0.95.",
                field="--levels",
            )

    def asked(self, ahead: Days) -> Asked:
        """The same for the engines: all usual levels and those to write."""
        return Asked(ahead, tuple(sorted({*LEVELS, *self.levels})), self.lead)

    @property
    def written_levels(self) -> tuple[float, ...]:
        return tuple(sorted(set(self.levels))) or LEVELS


def prepared(read: HistoryRead, target: Target) -> tuple[HistoryTable, tuple[Found, ...]]:
    """The table to learn from, and what was noted on the way."""
    table, found = learnable(read.table, read.rows)
    if target is Target.DEMAND:
        found = (*found, *_reasons(table))
        repaired = repair(table)
        found = (*found, *_repairs(table, repaired.censored.sum(axis=1)))
        table = repaired.table
    return table, (*read.found, *found)


def _reasons(table: HistoryTable) -> tuple[Found, ...]:
    other = table.columns.get(NOT_DEMAND)
    if other is None:
        return ()
    total = np.nan_to_num(other).sum(axis=1)
    return tuple(
        Found(
            table.ids[i],
            "NOT_DEMAND_LEFT_OUT",
            f"{total[i]:g} recorded as waste, expiry, transfer, recall, donation, return or from a "
            "crisis stock: not learnt as need.",
        )
        for i in np.flatnonzero(total > 0)
    )


def _repairs(table: HistoryTable, censored: Ints) -> tuple[Found, ...]:
    return tuple(
        Found(
            table.ids[i],
            "CENSORED_FILLED",
            f"{censored[i]} period(s) without stock most of the time: filled with what was "
            "usual, not learnt as no need.",
        )
        for i in np.flatnonzero(censored)
    )


def held_back(
    read: HistoryRead, horizon: int, back: int | None = None
) -> tuple[HistoryRead, Actuals]:
    """The history without its last `back` periods, and those periods as what came true.

    `back`: the horizon when not given. `horizon` periods are to be forecast from there; where
    fewer came true, only those are compared.
    """
    whole = read.table
    back = horizon if back is None else back
    known = whole.length - back
    if known < 1:
        raise Malformed(
            "HISTORY_TOO_SHORT",
            f"The history has {whole.length} period(s); holding back {back} leaves none to "
            "learn from. Give a longer history or a shorter horizon.",
            field="--horizon",
        )
    begun = np.flatnonzero(whole.start < known)
    ahead = np.concatenate([whole.periods[known:], read.ahead])[:horizon]
    cut = replace(read, table=whole.until(known), ahead=ahead, rows=read.rows[begun, :known])
    seen = min(back, horizon)
    given = np.asarray(whole.observed[begun, known : known + seen].any(axis=1))
    values = np.zeros((len(begun), horizon))
    values[:, :seen] = whole.recorded[begun, known : known + seen]
    return cut, Actuals(values, given, slice(0, seen))


def rolling_backs(length: int, season: int, lead: int, origins: int) -> tuple[int, ...]:
    """Periods held back at each of so many origins, the newest first.

    The newest leaves the lead time to come true, the others lie a lead time apart, or closer
    where the history is short: the oldest must still know enough to be scored. Malformed when
    even neighbouring origins do not fit.
    """
    spare = length - lead - max(2 * season, SHORTEST_SCORED)
    step = min(lead, spare // (origins - 1)) if origins > 1 else lead
    if spare < 0 or step < 1:
        raise Malformed(
            "ORIGINS_DO_NOT_FIT",
            f"{origins} origins do not fit a history of {length} periods: each must know two "
            "seasons and be followed by the lead time. Ask for fewer.",
            field="--origins",
        )
    return tuple(lead + k * step for k in range(origins))


@dataclass(frozen=True, slots=True)
class Used:
    """What a piece of work took: CPU seconds of this process and of those it waited for,
    and the peak memory of this process in MiB."""

    cpu_seconds: float
    peak_rss_mib: float
