"""Make the forecasts of one part of a run: one outcome per series, whatever the series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from services.demand.domain.classes import DemandClass, profile
from services.demand.domain.findings import wrong_units
from services.demand.domain.forecasts import Outcome
from services.demand.domain.history_files import prepared
from services.demand.domain.panels import days_of, table_of
from services.demand.domain.quality import SILENT_TOO_LONG, ran_away
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.routing import Group, Judged, groups
from services.demand.domain.series import Series
from services.demand.domain.tables import Asked, HistoryTable, Ints, TableForecast, tidied
from services.demand.ports import Part, PartMade, TableEngine
from services.demand.use_cases.dress import Told, outcome_of, recent, refused, silent
from services.demand.use_cases.drive_part import DrivePart, PartDriven
from services.demand.use_cases.newcomers import newcomers
from services.demand.use_cases.route_table import RouteTable


@dataclass(frozen=True, slots=True)
class _Learnt:
    """A part's table as learnt, what was forecast, and the choices behind it.

    `wrong` and `censored` [n]: periods not learnt for their unit, and for want of stock.
    """

    table: HistoryTable
    made: TableForecast
    chosen: Mapping[Group, Judged]
    wrong: Ints
    censored: Ints
    driven: PartDriven


@dataclass(frozen=True, slots=True)
class MakePart:
    """Routes the series of a part together; what cannot be forecast becomes a finding.

    When an engine fails on the whole part it is tried on its halves, so that one bad series
    is found and served by `plain`, and the others keep the engine that their back-tests chose.
    """

    route: RouteTable
    plain: TableEngine
    drive: DrivePart | None = None

    def __call__(self, part: Part) -> PartMade:
        outcomes: list[Outcome] = []
        heard: list[Series] = []
        for one in part.series:
            if one.unseen > max(SILENT_TOO_LONG, len(one.values)):
                outcomes.append(silent(one))
            else:
                heard.append(one)
        seen = {id(one): profile(recent(one), one.period) for one in heard}
        fresh = [one for one in heard if seen[id(one)].demand_class is DemandClass.NEW]
        grown = [one for one in heard if seen[id(one)].demand_class is not DemandClass.NEW]
        outcomes += newcomers(part, fresh, grown)
        if not grown:
            return PartMade(outcomes, part.chosen or {})
        made = self._routed(part, grown)
        return replace(made, outcomes=[*outcomes, *made.outcomes])

    def _routed(self, part: Part, series: Sequence[Series]) -> PartMade:
        try:
            learnt = self._learn(part, series)
            outcomes = self._outcomes(part, series, learnt)
            return PartMade(outcomes, learnt.chosen, int(learnt.driven.failed))
        except Exception as error:  # noqa: BLE001  # one bad series must never stop a run
            failure = type(error).__name__
        if len(series) == 1:
            return PartMade([self._alone(part, series[0], failure)], part.chosen or {})
        middle = len(series) // 2
        left = self._routed(part, series[:middle])
        right = self._routed(part, series[middle:])
        return PartMade(
            [*left.outcomes, *right.outcomes],
            left.chosen,
            left.drivers_failed + right.drivers_failed,
        )

    def _learn(self, part: Part, series: Sequence[Series]) -> _Learnt:
        read = table_of(series, part.horizon, uniform=part.uniform)
        table, _ = prepared(read, part.target)
        asked = Asked(read.ahead, LEVELS, part.lead or None)
        chosen = part.chosen or self.route.choose(table, asked)
        made = self.route.forecast(table, asked, chosen)
        driven = PartDriven(made)
        if self.drive is not None and part.driven:
            driven = self._driven(part, series, table, asked, chosen=chosen, made=made)
        wrong = wrong_units(read.table)
        censored = read.table.known & ~table.known & ~wrong
        return _Learnt(
            table, driven.forecast, chosen, wrong.sum(axis=1), censored.sum(axis=1), driven
        )

    def _driven(
        self,
        part: Part,
        series: Sequence[Series],
        table: HistoryTable,
        asked: Asked,
        *,
        chosen: Mapping[Group, Judged],
        made: TableForecast,
    ) -> PartDriven:
        """A forecast is never lost to its drivers."""
        if self.drive is None:
            return PartDriven(made)
        try:
            found = self.drive(part, series, table, asked, chosen=chosen, made=made)
            return replace(found, forecast=tidied(found.forecast))
        except Exception as error:  # noqa: BLE001  # the same
            noted = (
                f"Calendars and signals could not be tried ({type(error).__name__}): this is "
                "the forecast without them."
            )
            return PartDriven(made, noted=noted, failed=True)

    def _outcomes(self, part: Part, series: Sequence[Series], learnt: _Learnt) -> list[Outcome]:
        table, made = learnt.table, learnt.made
        runaway = [
            row
            for row in range(len(series))
            if ran_away(made.mean[row], np.append(table.history(row), 0.0))
        ]
        failure = ""
        instead: dict[int, TableForecast] = {}
        if runaway:
            failure = "the forecast ran away from its history"
            rows = np.array(runaway, dtype=np.int64)
            asked = Asked(
                days_of(series[0].end + series[0].unseen, part.horizon, series[0].period),
                LEVELS,
                part.lead or None,
            )
            simple = tidied(self.plain(table.rows(rows), asked))
            instead = {row: simple.rows(np.array([k])) for k, row in enumerate(runaway)}
        kinds = groups(table)
        outcomes = []
        for row, one in enumerate(series):
            mine = instead.get(row) or made.rows(np.array([row]))
            figures = dict(learnt.chosen[kinds[row]].figures) if kinds[row] in learnt.chosen else {}
            told = Told(
                profile(recent(one), one.period),
                figures,
                int(learnt.wrong[row]),
                int(learnt.censored[row]),
                failure if row in instead else "",
                noted=learnt.driven.noted,
            )
            if row in learnt.driven.contributions and row not in instead:
                told = replace(
                    told,
                    figures=figures | dict(learnt.driven.losses),
                    contributions=learnt.driven.contributions[row],
                    parts=learnt.driven.parts[row],
                )
            outcomes.append(outcome_of(part, one, mine, told))
        return outcomes

    def _alone(self, part: Part, one: Series, failure: str) -> Outcome:
        """One series on which the engines failed."""
        try:
            read = table_of([one], part.horizon)
            table, _ = prepared(read, part.target)
            made = tidied(self.plain(table, Asked(read.ahead, LEVELS, part.lead or None)))
            wrong = int(wrong_units(read.table).sum())
            told = Told(profile(recent(one), one.period), {}, wrong, 0, failure)
            return outcome_of(part, one, made, told)
        except Exception as error:  # noqa: BLE001  # the same
            return refused(
                one,
                "SERIES_UNUSABLE",
                f"Every method failed on this history ({failure}, then {type(error).__name__}). "
                "Check its movements for amounts that cannot be right.",
            )


def to_learn_from(sample: Part) -> tuple[HistoryTable, Asked]:
    """The table that the models of a large pool are taught with, and what is asked of them.

    Only series that are neither new nor silent.
    """
    grown = [
        one
        for one in sample.series
        if one.unseen <= max(SILENT_TOO_LONG, len(one.values))
        and profile(recent(one), one.period).demand_class is not DemandClass.NEW
    ]
    read = table_of(grown or sample.series, sample.horizon, uniform=True)
    table, _ = prepared(read, sample.target)
    return table, Asked(read.ahead, LEVELS, sample.lead or None)
