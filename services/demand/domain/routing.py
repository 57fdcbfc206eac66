"""Which engine serves which kind of series: groups of demand, and the judgement of a back-test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from services.demand.domain.classes import INTERVAL_LIMIT, VARIATION_LIMIT
from services.demand.domain.scoring import losses_by_row, scales, scored_rows
from services.demand.domain.tables import Array, Flags, HistoryTable, Ints, TableForecast

MOST_ORIGINS = 3
# A group of fewer series than this cannot tell two engines apart: the others decide for it.
LEAST_TO_CHOOSE = 12
# An engine made for a group is tried when this share of the series belongs to it.
LEAST_HOME_SHARE = 0.1
# A challenger that is only tried on a sample must win by this share.
MARGIN = 0.01
# An engine that lost more than the best by this share at the origins so far is not asked again.
HOPELESS = 0.04


class Group(Enum):
    """Kinds of demand that are routed together."""

    REGULAR = "smooth or erratic"
    RARE = "intermittent or lumpy"


def groups(table: HistoryTable) -> tuple[Group, ...]:
    """The group of each series, by the mean interval between periods with use."""
    used = ((table.values > 0) & table.alive).sum(axis=1)
    regular = used * INTERVAL_LIMIT >= table.lengths
    return tuple(Group.REGULAR if one else Group.RARE for one in regular)


def class_words(table: HistoryTable) -> tuple[str, ...]:
    """smooth, erratic, intermittent, lumpy or new, of each series."""
    words = []
    for i, group in enumerate(groups(table)):
        history = table.history(i)
        used = history[history > 0]
        variation = float((used.std() / used.mean()) ** 2) if len(used) else 0.0
        if len(history) < 8 or not len(used):
            words.append("new" if len(used) else "never used")
        elif group is Group.REGULAR:
            words.append("smooth" if variation <= VARIATION_LIMIT else "erratic")
        else:
            words.append("intermittent" if variation <= VARIATION_LIMIT else "lumpy")
    return tuple(words)


def origins(length: int, horizon: int, season: int) -> Sequence[tuple[int, int]]:
    """(periods known, periods ahead) of the rolling origins, newest first.

    At most half of the history is ever held back; each origin lies half a horizon before
    the next. None when the history is too short to hold anything back.
    """
    ahead = min(horizon, max(1, length // 4))
    step = max(1, ahead // 2)
    least = max(2 * season, 8, length // 2)
    return [
        (known, ahead) for k in range(MOST_ORIGINS) if (known := length - ahead - k * step) >= least
    ]


def worth_trying(home: Group | None, serves: frozenset[Group], counts: Mapping[Group, int]) -> bool:
    """Whether a table has enough of what an engine was made for.

    `counts`: series by group. An engine made for one group learns little from a table that
    has hardly any of it, and may cost much; nor can a handful tell whether it was worth it,
    unless the table is a handful of that group.
    """
    if home is None:
        return any(counts.get(group, 0) > 0 for group in serves)
    mine, all_series = counts.get(home, 0), sum(counts.values())
    if 2 * mine >= all_series:
        return mine > 0
    return mine >= max(LEAST_TO_CHOOSE, LEAST_HOME_SHARE * all_series)


@dataclass(frozen=True, slots=True)
class Losses:
    """Pinball losses of one engine by series of the full table; NaN where it was not tried."""

    plain: Array = field(repr=False)
    scaled: Array = field(repr=False)


def losses(
    table: HistoryTable, cut: HistoryTable, forecast: TableForecast, tried: Flags, ahead: int
) -> Losses:
    """What an engine lost over the `ahead` periods that follow the cut table.

    `tried` [n of cut]: the series that the engine was asked for, in the order of the
    forecast's rows. Series that could not be scored count as not tried.
    """
    place = {name: i for i, name in enumerate(table.ids)}
    plain, scaled = np.full(len(table.ids), np.nan), np.full(len(table.ids), np.nan)
    asked = np.flatnonzero(tried)
    order = {int(row): k for k, row in enumerate(asked)}
    rows = np.array([r for r in scored_rows(cut, tried) if int(r) in order], dtype=np.int64)
    if not len(rows):
        return Losses(plain, scaled)
    full = np.array([place[cut.ids[r]] for r in rows], dtype=np.int64)
    true = table.values[full, cut.length : cut.length + ahead]
    made = forecast.rows(np.array([order[int(r)] for r in rows], dtype=np.int64))
    plain[full], scaled[full] = losses_by_row(true, made, scales(cut, rows))
    return Losses(plain, scaled)


@dataclass(frozen=True, slots=True)
class Judged:
    """The engine chosen for a group and the sentence that says why."""

    engine: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


def judge(
    found: Mapping[str, Sequence[Losses]], rows: Ints, default: str, sampled: frozenset[str]
) -> Judged:
    """The engine with the least loss on these series over all origins.

    Loss: the geometric mean of the loss in units and of the loss over each series' scale,
    so that neither the large nor the many decide alone, each relative to the default's.
    Engines of `sampled` were tried on some series only and must win there by MARGIN.
    """
    if len(rows) < LEAST_TO_CHOOSE or default not in found or not found[default]:
        return Judged(default, "Too few series or periods for a back-test to choose by.")
    base, asked = _base(found, default)
    usable = _figures(found, rows, base)
    if not usable:
        return Judged(default, "No back-test could be scored.")
    handicapped = {
        name: value + (MARGIN if name in sampled else 0.0)
        for name, value in usable.items()
        if _never_lost(found, name, rows, asked)
    }
    best = min(handicapped, key=lambda name: (handicapped[name], name != default, name))
    told = ", ".join(f"{name} {value:.3f}" for name, value in sorted(usable.items()))
    return Judged(
        best,
        f"Least pinball loss over {asked} rolling origin(s) inside the history "
        f"(relative to {base}: {told}).",
        usable,
    )


def _never_lost(found: Mapping[str, Sequence[Losses]], name: str, rows: Ints, asked: int) -> bool:
    """Whether an engine was asked to the end, or was within reach in this group as long as it
    was asked: it is asked no longer once it has won its groups while others are still open."""
    known = len(found[name])
    if known == asked:
        return True
    so_far = {one: tried[:known] for one, tried in found.items() if len(tried) >= known}
    return name in within_reach(so_far, rows, name)


def within_reach(found: Mapping[str, Sequence[Losses]], rows: Ints, default: str) -> frozenset[str]:
    """Engines whose loss so far is not HOPELESS; the default alone where nothing can be told."""
    if len(rows) < LEAST_TO_CHOOSE or not found.get(default):
        return frozenset({default})
    base, asked = _base(found, default)
    figures = {
        name: value
        for name, value in _figures(found, rows, base).items()
        if len(found[name]) == asked
    }
    if not figures:
        return frozenset({default})
    limit = (1.0 + HOPELESS) * min(figures.values())
    return frozenset(name for name, value in figures.items() if value <= limit)


def _base(found: Mapping[str, Sequence[Losses]], default: str) -> tuple[str, int]:
    """The engine that others are compared with, and the origins it was asked at: the default,
    or, where that had lost before the end, the first by name that was asked to the end."""
    asked = max(len(tried) for tried in found.values())
    to_the_end = sorted(name for name, tried in found.items() if len(tried) == asked)
    return (default if default in to_the_end else to_the_end[0]), asked


def _figures(found: Mapping[str, Sequence[Losses]], rows: Ints, base: str) -> dict[str, float]:
    """Loss of each engine relative to the base's at the origins that it was asked at."""
    figures = {
        name: _relative(tried, found[base][: len(tried)], rows)
        for name, tried in found.items()
        if tried
    }
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _relative(tried: Sequence[Losses], base: Sequence[Losses], rows: Ints) -> float:
    """Loss of one engine over the default's, on the series that both were tried on."""
    plain, scaled, base_plain, base_scaled = 0.0, 0.0, 0.0, 0.0
    for mine, other in zip(tried, base, strict=True):
        both = np.isfinite(mine.plain[rows]) & np.isfinite(other.plain[rows])
        with_scale = both & np.isfinite(mine.scaled[rows]) & np.isfinite(other.scaled[rows])
        plain += float(mine.plain[rows][both].sum())
        base_plain += float(other.plain[rows][both].sum())
        scaled += float(mine.scaled[rows][with_scale].sum())
        base_scaled += float(other.scaled[rows][with_scale].sum())
    if base_plain <= 0 or base_scaled <= 0:
        return float("nan")
    return float(np.sqrt(plain / base_plain * scaled / base_scaled))
