"""Moves the forecasts of a table by calendars and signals, where back-tests say that it helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.drivers.driver import Driver
from services.demand.domain.drivers.effect import Effect, applied, effect_of, own_forecast
from services.demand.domain.drivers.switch import LEAST_PERIODS, Grid, Judgement, judge
from services.demand.domain.routing import MOST_ORIGINS, Group, Judged, origins
from services.demand.domain.scoring import losses_by_row
from services.demand.domain.tables import Array, Asked, HistoryTable, Ints, TableForecast
from services.demand.use_cases.route_table import RouteTable

PLAIN, MOVED, OWN, BOTH = "without drivers", "moved", "regression", "both"


@dataclass(frozen=True, slots=True)
class Driven:
    """A forecast after its drivers; `judged`: one a series; `losses`: what the whole forecast
    lost in back-tests by way of using the drivers, relative to none; `way`: the one used."""

    forecast: TableForecast = field(repr=False)
    judged: tuple[Judgement, ...] = field(repr=False)
    effects: Mapping[int, Effect] = field(repr=False)
    losses: Mapping[str, float]
    way: str


@dataclass(frozen=True, slots=True)
class DriveTable:
    """Switches drivers on series by series, then has the whole forecast confirm it.

    A driver that helps a regression may not help the engine that serves a series. So the
    forecast is made again at a few origins of the past: as it is, moved by the drivers, by
    the regression alone, and half and half. What lost least over the driven series is used.
    """

    route: RouteTable
    tests: int = MOST_ORIGINS

    def __call__(
        self,
        table: HistoryTable,
        asked: Asked,
        chosen: Mapping[Group, Judged],
        forecast: TableForecast,
        drivers: Sequence[Driver],
    ) -> Driven:
        grid = Grid(table.season, asked.horizon, table.frequency)
        histories = [table.history(i) for i in range(len(table.ids))]
        judged = judge(histories, drivers, grid, table.start.tolist())
        rows = np.flatnonzero([bool(one.chosen) for one in judged])
        if not len(rows):
            return Driven(forecast, judged, {}, {}, PLAIN)
        losses = self._confirmed(table, asked, chosen, drivers, judged=judged, rows=rows)
        way = min(losses, key=lambda name: (losses[name], name != PLAIN)) if losses else MOVED
        effects = {
            i: effect_of(histories[i], i, _since(drivers, table, i), judged[i], grid)
            for i in rows.tolist()
        }
        for i, effect in effects.items():
            forecast = _by(way, forecast, i, effect, asked)
        return Driven(forecast, judged, effects, losses, way)

    def _confirmed(
        self,
        table: HistoryTable,
        asked: Asked,
        chosen: Mapping[Group, Judged],
        drivers: Sequence[Driver],
        *,
        judged: Sequence[Judgement],
        rows: Ints,
    ) -> Mapping[str, float]:
        total = dict.fromkeys((PLAIN, MOVED, OWN, BOTH), 0.0)
        for known, periods in origins(table.length, asked.horizon, table.season)[: self.tests]:
            begun = rows[known - table.start[rows] >= LEAST_PERIODS]
            cut = table.until(known)
            place = {name: k for k, name in enumerate(cut.ids)}
            test = Asked(table.periods[known : known + periods], asked.levels, trial=True)
            made = self.route.forecast(cut, test, chosen)
            earlier = [one.until(known) for one in drivers]
            grid = Grid(table.season, periods, table.frequency)
            for i in begun.tolist():
                k = place[table.ids[i]]
                history = table.values[i, table.start[i] : known]
                effect = effect_of(history, i, _since(earlier, table, i), judged[i], grid)
                true = table.values[i : i + 1, known : known + periods]
                scale = np.array([history.mean() + 1.0])
                for way in total:
                    one = _by(way, made.rows(np.array([k])), 0, effect, test)
                    total[way] += float(losses_by_row(true, one, scale)[1][0])
        base = total[PLAIN]
        return {way: loss / base for way, loss in total.items()} if base > 0 else {}


def _since(drivers: Sequence[Driver], table: HistoryTable, row: int) -> list[Driver]:
    return [one.since(int(table.start[row])) for one in drivers]


def _by(way: str, made: TableForecast, row: int, effect: Effect, asked: Asked) -> TableForecast:
    """The forecast with one series served in this way."""
    if way == PLAIN:
        return made
    if way == MOVED:
        return applied(made, row, effect, asked.lead)
    alone = own_forecast(made, row, effect, asked.lead)
    if way == OWN:
        return alone
    moved = applied(made, row, effect, asked.lead)
    return replace(
        moved,
        mean=(moved.mean + alone.mean) / 2,
        quantiles=(moved.quantiles + alone.quantiles) / 2,
        lead_mean=_half(moved.lead_mean, alone.lead_mean),
        lead_quantiles=_half(moved.lead_quantiles, alone.lead_quantiles),
    )


def _half(a: Array | None, b: Array | None) -> Array | None:
    return None if a is None or b is None else (a + b) / 2
