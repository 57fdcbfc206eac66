"""Tries calendars and signals on series of a part; moves those that back-tests vouch for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.drivers.effect import Contribution
from services.demand.domain.drivers.parts import parts_with
from services.demand.domain.drivers.switch import LEAST_PERIODS, LEAST_USED
from services.demand.domain.routing import Group, Judged
from services.demand.domain.series import Series
from services.demand.domain.tables import Array, Asked, HistoryTable, Ints, TableForecast, joined
from services.demand.ports import KnownDrivers, Part
from services.demand.use_cases.drive_table import BOTH, MOVED, OWN, PLAIN, DriveTable

TESTED: Mapping[str, str] = {
    MOVED: "moved by drivers",
    OWN: "regression on drivers",
    BOTH: "half moved by drivers, half regression on drivers",
}
METHODS: Mapping[str, str] = {
    MOVED: "{0}, moved by drivers",
    OWN: "regression on drivers",
    BOTH: "half {0}, moved by drivers, half regression on drivers",
}


@dataclass(frozen=True, slots=True)
class PartDriven:
    """A forecast after its drivers. By row of the driven series: `contributions`, and `parts`
    that their means are made of. `losses`: back-tests by way of using the drivers, relative
    to none. `noted`: what could not be tried, for every reader; `failed`: for a fault of ours."""

    forecast: TableForecast = field(repr=False)
    contributions: Mapping[int, tuple[Contribution, ...]] = field(default_factory=dict, repr=False)
    parts: Mapping[int, Mapping[str, Array]] = field(default_factory=dict, repr=False)
    losses: Mapping[str, float] = field(default_factory=dict)
    noted: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class DrivePart:
    """The forecast of a part, moved where a driver is on.

    Tried on at most `part.driven` series, the most regularly used ones: trying costs some
    milliseconds a series and driver, and where little is used nothing can be seen.
    """

    drive: DriveTable
    known: KnownDrivers

    def __call__(
        self,
        part: Part,
        series: Sequence[Series],
        table: HistoryTable,
        asked: Asked,
        *,
        chosen: Mapping[Group, Judged],
        made: TableForecast,
    ) -> PartDriven:
        rows = _worth_trying(table, part.driven)
        if not len(rows):
            return PartDriven(made)
        tried = table.rows(rows)
        some = [series[row] for row in rows.tolist()]
        engine = chosen[Group.REGULAR].engine if Group.REGULAR in chosen else ""
        drivers, noted = self.known(part, some, tried, asked.ahead, engine)
        if not drivers:
            return PartDriven(made, noted=noted)
        before = made.rows(rows)
        driven = self.drive(tried, asked, chosen, before, drivers)
        if driven.way == PLAIN:
            return PartDriven(made, noted=noted)
        moved = sorted(driven.effects)
        after = _named(driven.forecast, moved, driven.way)
        contributions = {int(rows[k]): driven.effects[k].contributions for k in moved}
        parts = {
            int(rows[k]): parts_with(
                {} if driven.way == OWN else {n: p[k] for n, p in before.drivers.items()},
                before.mean[k],
                after.mean[k],
                driven.effects[k].contributions,
            )
            for k in moved
        }
        places = np.array(moved, dtype=np.int64)
        every = np.arange(len(table.ids), dtype=np.int64)
        whole = joined(len(table.ids), [(every, made), (rows[places], after.rows(places))])
        losses = {TESTED.get(way, way): loss for way, loss in driven.losses.items()}
        return PartDriven(whole, contributions, parts, losses, noted)


def _worth_trying(table: HistoryTable, most: int) -> Ints:
    """At most `most` rows on which a driver could be seen, the most regularly used first."""
    used = ((table.values > 0) & table.alive).sum(axis=1) / np.maximum(table.lengths, 1)
    able = np.flatnonzero((table.lengths >= LEAST_PERIODS) & (used >= LEAST_USED))
    best = able[np.argsort(-used[able], kind="stable")][:most]
    return np.sort(best).astype(np.int64)


def _named(forecast: TableForecast, rows: Sequence[int], way: str) -> TableForecast:
    methods = list(forecast.methods)
    for row in rows:
        methods[row] = METHODS[way].format(methods[row])
    return replace(forecast, methods=tuple(methods))
