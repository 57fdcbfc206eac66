"""Sums of the newest forecasts over wards, items and sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from services.demand.domain.forecasts import Forecast
from services.demand.domain.periods import EPOCH, Period
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.totals import (
    DRAWS,
    Total,
    amounts_of,
    correlation_of,
    lead_amounts_of,
    total_lead,
    total_periods,
    turns_of,
    ward_parts,
)
from services.demand.ports import Array, History, Store
from services.demand.use_cases.read import Reading, every, known_site
from services.demand.use_cases.runs import checked_items
from shared.errors import Malformed, Missing

WARD_WINDOW = timedelta(days=365)
# Grid, unit and first period: only like can be summed.
Kind = tuple[Period, str, date]


@dataclass(frozen=True, slots=True)
class TotalQuestion:
    """What is summed: all sites or items when none are named; the grid of most when None."""

    sites: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    item_class: str = ""
    period: Period | None = None
    ward_id: str = ""


@dataclass(frozen=True, slots=True)
class ReadTotal:
    """The sum of the newest forecasts that are good enough to act on, on one grid and unit.

    Missing SITE_UNKNOWN, ITEM_UNKNOWN, FORECAST_MISSING, WARD_UNKNOWN; Malformed
    WARD_WITHOUT_SITE.
    """

    store: Store
    history: History
    reading: Reading

    def __call__(self, question: TotalQuestion) -> Total:
        if question.ward_id and len(question.sites) != 1:
            raise Malformed(
                "WARD_WITHOUT_SITE",
                "A ward belongs to one site: name that site, and no other, in site_ids.",
                field="site_ids",
            )
        with self.store.read() as books:
            sites = tuple(
                known_site(books, text, f"site_ids[{i}]") for i, text in enumerate(question.sites)
            )
            question = replace(
                question, sites=sites, item_ids=checked_items(books, question.item_ids)
            )
            classes = {}
            if question.item_class:
                classes = {one.item_id: one.item_class for one in books.catalogue.all_items()}

            def asked() -> Iterator[Forecast]:
                for one in every(books, question.sites, question.item_ids):
                    if classes.get(one.item_id, "").startswith(question.item_class):
                        yield one

            # twice through, some at a time: those of a whole group do not fit into memory
            most, item_ids = self._most(question, asked())
            correlation = correlation_of(books.accuracy.sums(""))
            shares = self._ward_use(question, item_ids)
            total = Summed(question.ward_id, correlation)
            left_out = 0
            for one in asked():
                if not self._good(question, one) or _kind(one) != most:
                    left_out += 1
                    continue
                total.add(one, shares.get(one.item_id, {}))
        return total.told(left_out)

    def _good(self, question: TotalQuestion, one: Forecast) -> bool:
        """May be acted on, and is on the grid asked for."""
        return (
            question.period in (None, one.period)
            and not one.peak
            and not one.useless_because(
                self.reading.clock.now(), self.reading.today(), self.reading.longest_useful
            )
        )

    def _most(
        self, question: TotalQuestion, found: Iterable[Forecast]
    ) -> tuple[Kind, Sequence[str]]:
        """The grid, unit and first period of most, and the items of all that may be acted on."""
        kinds, item_ids = Counter[Kind](), set[str]()
        for one in found:
            if self._good(question, one):
                kinds[_kind(one)] += 1
                item_ids.add(one.item_id)
        if not kinds:
            raise Missing(
                "FORECAST_MISSING",
                "Nothing of what is to be summed has a forecast that may be acted on. Start a "
                "run with StartForecastRun.",
            )
        most = min(kinds, key=lambda kind: (-kinds[kind], kind[0].value, kind[1], kind[2]))
        return most, sorted(item_ids)

    def _ward_use(
        self, question: TotalQuestion, item_ids: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        if not question.ward_id:
            return {}
        since = (self.reading.today() - WARD_WINDOW - EPOCH).days
        return self.history.ward_use(question.sites[0], item_ids, since)


def _kind(one: Forecast) -> Kind:
    return one.period, one.base_unit, one.periods[0].start


class Summed:
    """Forecasts of one kind added up, or one ward's parts of them."""

    def __init__(self, ward_id: str, correlation: float) -> None:
        self._ward_id, self._correlation = ward_id, correlation
        self._first: Forecast | None = None
        self._amounts, self._means = np.zeros((0, DRAWS)), np.zeros(0)
        self._lead_amounts, self._lead_mean = np.zeros((1, DRAWS)), 0.0
        self._leads: set[int] = set()
        self._series = 0

    def add(self, one: Forecast, used: Mapping[str, float]) -> None:
        """`used`: by each ward lately, when a ward is asked for; one that used none has no part."""
        if self._ward_id and self._ward_id not in used:
            return
        share = used[self._ward_id] / sum(used.values()) if self._ward_id else 1.0
        turns = turns_of(one, self._correlation)
        drawn = self._part(one, amounts_of(one, turns), used)
        means = share * np.array([period.mean for period in one.periods])
        if self._first is None:
            self._first, self._amounts, self._means = one, drawn, means
        else:
            # the periods that every forecast has
            horizon = min(len(self._means), len(means))
            self._amounts, self._means = self._amounts[:horizon], self._means[:horizon]
            self._amounts += drawn[:horizon]
            self._means += means[:horizon]
        self._series += 1
        self._leads.add(0 if one.lead is None else one.lead.periods)
        if one.lead is not None:
            self._lead_amounts += self._part(one, lead_amounts_of(one, one.lead, turns), used)
            self._lead_mean += share * one.lead.mean

    def _part(self, one: Forecast, drawn: Array, used: Mapping[str, float]) -> Array:
        if not self._ward_id:
            return drawn
        return ward_parts(one, _whole(one, drawn), used)[self._ward_id]

    def told(self, left_out: int) -> Total:
        if self._first is None:
            raise Missing(
                "WARD_UNKNOWN",
                f"No use of the ward {self._ward_id} was recorded here in the last year. "
                "Check its ward_id.",
                field="ward_id",
            )
        lead, missing = None, ""
        if self._leads == {0}:
            missing = "The forecasts were made without a lead time: name one in StartForecastRun."
        elif len(self._leads) > 1:
            missing = (
                "The forecasts have different lead times, or some have none: start one run over "
                "all of them with a lead_time."
            )
        else:
            lead = total_lead(min(self._leads), self._lead_mean, self._lead_amounts[0], LEVELS)
        days = [period.start for period in self._first.periods[: len(self._means)]]
        return Total(
            self._first.period,
            total_periods(days, self._means, self._amounts, LEVELS),
            self._series,
            left_out,
            self._first.base_unit,
            self._correlation,
            lead,
            missing,
        )


def _whole(forecast: Forecast, drawn: Array) -> Array:
    """Whole draws where the forecast's own quantiles are whole."""
    curves = np.array([period.quantiles for period in forecast.periods])
    return np.round(drawn) if (curves == np.round(curves)).all() else drawn
