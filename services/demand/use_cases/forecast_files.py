"""Forecasts the series of a file: read, prepare, route, write, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.demand.domain.drivers.driver import Driver
from services.demand.domain.findings import Found
from services.demand.domain.history_files import HistoryRead, Order, Used, prepared
from services.demand.domain.routing import Group, Judged, groups
from services.demand.domain.tables import HistoryTable, TableForecast, in_whole_units, tidied
from services.demand.ports import ForecastFiles, Meter
from services.demand.use_cases.drive_table import Driven, DriveTable
from services.demand.use_cases.route_table import RouteTable
from services.demand.use_cases.unknown_rows import with_class_levels


@dataclass(frozen=True, slots=True)
class Made:
    """A forecast, the table that it was learnt from, the choices and what was noted."""

    table: HistoryTable = field(repr=False)
    forecast: TableForecast = field(repr=False)
    chosen: Mapping[Group, Judged]
    found: Sequence[Found] = field(repr=False)
    used: Used
    driven: Driven | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ForecastTable:
    """The forecast of a history that was read, with the machine time that it took."""

    route: RouteTable
    meter: Meter

    def __call__(
        self,
        read: HistoryRead,
        order: Order,
        drivers: Sequence[Driver] = (),
        chosen: Mapping[Group, Judged] | None = None,
    ) -> Made:
        """`chosen`: engines that were chosen before; without it they are back-tested here."""
        before = self.meter()
        table, found = prepared(read, order.target)
        asked = order.asked(read.ahead)
        chosen = chosen or self.route.choose(table, asked)
        forecast = self.route.forecast(table, asked, chosen)
        forecast = with_class_levels(table, forecast, asked.lead)
        driven = None
        if drivers:
            driven = DriveTable(self.route)(table, asked, chosen, forecast, drivers)
            forecast = tidied(driven.forecast)
        if order.whole:
            forecast = in_whole_units(forecast)
        after = self.meter()
        used = Used(after.cpu_seconds - before.cpu_seconds, after.peak_rss_mib)
        return Made(table, forecast, chosen, found, used, driven)


@dataclass(frozen=True, slots=True)
class ForecastFile:
    """`larrey demand forecast`: every series of the file, for the periods that follow it."""

    files: ForecastFiles
    make: ForecastTable

    def __call__(self, order: Order) -> Made:
        read = self.files.history()
        made = self.make(read, order, self.files.drivers(read))
        self.files.write(made.table.ids, read.ahead, made.forecast, order.written_levels)
        self.files.plot(made.table, read.ahead, made.forecast, None)
        self.files.report(told(made, order))
        return made


def told(made: Made, order: Order) -> dict[str, object]:
    """The part of a report that both commands share."""
    kinds = Counter(groups(made.table))
    shared: dict[str, object] = {} if made.driven is None else {"drivers": _drivers(made)}
    return shared | {
        "series_forecast": len(made.table.ids),
        "horizon": order.horizon,
        "target": order.target.value,
        "lead_time": order.lead,
        "cpu_seconds": round(made.used.cpu_seconds, 3),
        "peak_rss_mib": round(made.used.peak_rss_mib, 1),
        "routes": {
            group.value: {
                "series": kinds[group],
                "method": judged.engine,
                "why": judged.reason,
                "relative_loss": dict(judged.figures),
            }
            for group, judged in made.chosen.items()
        },
        "methods": dict(sorted(Counter(made.forecast.methods).items())),
        "findings": [
            {"series": one.series_id, "code": one.code, "finding": one.sentence}
            for one in made.found
        ],
    }


def _drivers(made: Made) -> Mapping[str, object]:
    """Which drivers are on for which series, what they add and why; and those refused."""
    if made.driven is None:
        return {}
    names = made.table.ids
    return {
        "way": made.driven.way,
        "relative_loss": dict(made.driven.losses),
        "series": [
            {
                "series": names[row],
                "factor": [round(float(one), 4) for one in effect.factor],
                "contributions": [
                    {
                        "driver": one.driver,
                        "lag": one.lag,
                        "gain": round(one.gain, 4),
                        "share": [round(float(share), 4) for share in one.share],
                        "words": one.words,
                    }
                    for one in effect.contributions
                ],
            }
            for row, effect in made.driven.effects.items()
        ],
        "not_tried": [
            {"series": name, "why": one.refused}
            for name, one in zip(names, made.driven.judged, strict=True)
            if one.refused
        ],
    }
