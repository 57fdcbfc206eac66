"""Sums of the newest forecasts over wards, items and sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from services.demand.domain.forecasts import Forecast
from services.demand.domain.periods import EPOCH, Period
from services.demand.domain.quantiles import LEVELS
from services.demand.domain.totals import (
    DRAWS,
    Total,
    correlation_of,
    draws_of,
    total_periods,
    ward_parts,
)
from services.demand.ports import Array, History, Store
from services.demand.use_cases.read import Reading, known_site
from services.demand.use_cases.runs import checked_items
from shared.errors import Malformed, Missing

WARD_WINDOW = timedelta(days=365)


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
            items = checked_items(books, question.item_ids)
            found = list(books.forecasts.some(sites, items))
            if question.item_class:
                classes = {one.item_id: one.item_class for one in books.catalogue.all_items()}
                found = [
                    one
                    for one in found
                    if classes.get(one.item_id, "").startswith(question.item_class)
                ]
            correlation = correlation_of(books.accuracy.settled("", ""))
        kept = self._alike(found, question.period)
        if not kept:
            raise Missing(
                "FORECAST_MISSING",
                "Nothing of what is to be summed has a forecast that may be acted on. Start a "
                "run with StartForecastRun.",
            )
        return self._sum(replace(question, sites=sites), found, kept, correlation)

    def _alike(self, found: Sequence[Forecast], period: Period | None) -> list[Forecast]:
        """Forecasts that may be acted on, of one grid, unit and first period: those of most."""
        now, day = self.reading.clock.now(), self.reading.today()
        good = [
            one
            for one in found
            if period in (None, one.period)
            and not one.peak
            and not one.useless_because(now, day, self.reading.longest_useful)
        ]
        if not good:
            return []
        kinds = Counter((one.period, one.base_unit, one.periods[0].start) for one in good)
        most = min(kinds, key=lambda kind: (-kinds[kind], kind[0].value, kind[1], kind[2]))
        return [one for one in good if (one.period, one.base_unit, one.periods[0].start) == most]

    def _sum(
        self,
        question: TotalQuestion,
        found: Sequence[Forecast],
        kept: Sequence[Forecast],
        correlation: float,
    ) -> Total:
        horizon = min(len(one.periods) for one in kept)
        amounts, means = np.zeros((horizon, DRAWS)), np.zeros(horizon)
        shares = self._ward_use(question, kept)
        series = 0
        for one in kept:
            used = shares.get(one.item_id, {})
            if question.ward_id and question.ward_id not in used:
                continue
            drawn = draws_of(one, correlation)
            mean = np.array([period.mean for period in one.periods])
            if question.ward_id:
                mean = mean * used[question.ward_id] / sum(used.values())
                drawn = _whole(one, drawn)
                drawn = ward_parts(one, drawn, used)[question.ward_id]
            amounts += drawn[:horizon]
            means += mean[:horizon]
            series += 1
        if not series:
            raise Missing(
                "WARD_UNKNOWN",
                f"No use of the ward {question.ward_id} was recorded here in the last year. "
                "Check its ward_id.",
                field="ward_id",
            )
        first = kept[0]
        return Total(
            first.period,
            total_periods(
                [period.start for period in first.periods[:horizon]], means, amounts, LEVELS
            ),
            series,
            len(found) - len(kept),
            first.base_unit,
            correlation,
        )

    def _ward_use(
        self, question: TotalQuestion, kept: Sequence[Forecast]
    ) -> dict[str, dict[str, float]]:
        if not question.ward_id:
            return {}
        since = (self.reading.today() - WARD_WINDOW - EPOCH).days
        return self.history.ward_use(question.sites[0], [one.item_id for one in kept], since)


def _whole(forecast: Forecast, drawn: Array) -> Array:
    """Whole draws where the forecast's own quantiles are whole."""
    curves = np.array([period.quantiles for period in forecast.periods])
    return np.round(drawn) if (curves == np.round(curves)).all() else drawn
