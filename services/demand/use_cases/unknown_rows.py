"""Series of which no amount is known: the level of their class, never a 0 that nobody saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from services.demand.domain.newcomers import Like, Usual, learn, predict
from services.demand.domain.tables import Array, HistoryTable, Ints, TableForecast

METHOD = "class level"
# A class of fewer items says less than all items together.
LEAST_MEMBERS = 5


class Group(NamedTuple):
    """What is usual of so many series of one word of one column."""

    usual: Usual
    members: int


def unknown_rows(table: HistoryTable) -> Ints:
    """Series without one amount that was both recorded and fit to learn from."""
    return np.flatnonzero(~(table.known & table.observed).any(axis=1))


def with_class_levels(table: HistoryTable, made: TableForecast, lead: int | None) -> TableForecast:
    """The forecast with those series served by the class that knows their level best."""
    rows = unknown_rows(table)
    if not len(rows):
        return made
    others = np.setdiff1d(np.arange(len(table.ids)), rows)
    levels = {
        name: _groups((words[i], table.history(i)) for i in others)
        for name, words in {**table.categories, "": ("",) * len(table.ids)}.items()
    }
    everyone = levels[""].get("") or _group([])
    mean, quantiles = made.mean.copy(), made.quantiles.copy()
    lead_mean = None if made.lead_mean is None else made.lead_mean.copy()
    lead_quantiles = None if made.lead_quantiles is None else made.lead_quantiles.copy()
    methods, reasons = list(made.methods), list(made.reasons)
    for row in rows.tolist():
        mine = {
            f"{name} {table.categories[name][row]}": known[table.categories[name][row]]
            for name, known in levels.items()
            if name and table.categories[name][row] in known
        }
        words, known = _best(mine, everyone)
        middle, curve = predict(np.empty(0), known, made.levels)
        mean[row], quantiles[row] = middle, curve
        if lead and lead_mean is not None and lead_quantiles is not None:
            # the level is shared by the periods: its doubt does not average out
            lead_mean[row], lead_quantiles[row] = lead * middle, lead * curve
        methods[row] = METHOD
        reasons[row] = (
            f"No amount of it is known: the level of {words} is used, as wide as that is. Do not "
            "order by it without a look."
        )
    return replace(
        made,
        mean=mean,
        quantiles=quantiles,
        lead_mean=lead_mean,
        lead_quantiles=lead_quantiles,
        methods=tuple(methods),
        reasons=tuple(reasons),
        drivers={name: _without(part, rows) for name, part in made.drivers.items()},
    )


def _groups(series: Iterable[tuple[str, Array]]) -> dict[str, Group]:
    """Those that were used at all, by word."""
    grouped: dict[str, list[Array]] = {}
    for word, values in series:
        if np.any(values > 0):
            grouped.setdefault(word, []).append(values)
    return {word: _group(members) for word, members in grouped.items()}


def _group(members: list[Array]) -> Group:
    crowd = learn(Like("", "", "", values) for values in members)
    return Group(crowd.usual("", "", ""), len(members))


def _best(classes: dict[str, Group], everyone: Group) -> tuple[str, Usual]:
    """The class of least spread among those with members enough; everyone's where none is."""
    enough = {name: one for name, one in classes.items() if one.members >= LEAST_MEMBERS}
    if not enough:
        return f"all {everyone.members} other item(s)", everyone.usual
    name = min(enough, key=lambda one: (enough[one].usual.spread, one))
    return f"the {enough[name].members} items of {name}", enough[name].usual


def _without(part: Array, rows: Ints) -> Array:
    part = part.copy()
    part[rows] = 0.0
    return part
