"""Forecast one item at one site while the caller waits."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from services.demand.domain.classes import DemandClass, profile
from services.demand.domain.forecasts import Forecast
from services.demand.domain.grids import periods_for
from services.demand.domain.history_files import Target
from services.demand.domain.moving import moved, used_in
from services.demand.domain.periods import Period, number_of
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series, first_forecast
from services.demand.ports import Books, FitsOne, ItemHistory, Part, Store
from services.demand.use_cases.dress import recent
from services.demand.use_cases.newcomers import newcomers
from services.demand.use_cases.read import Reading, known_item, known_site, with_outlook
from services.demand.use_cases.signals import signals_now
from shared.catalogue.codes import Code
from shared.catalogue.items import Item
from shared.errors import Malformed, NotNow

# Items of the same class that a newcomer is compared with at most, and sites of the same item.
MOST_ALIKE = 40
RUN_ID = "on-demand"


@dataclass(frozen=True, slots=True)
class ItemQuestion:
    """`period` None: the grid that the data allow; horizon and lead then count days. `fresh`:
    fit even where a stored forecast could be moved on."""

    period: Period | None
    horizon: int
    lead: int = 0
    target: Target = Target.DEMAND
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """`moved`: the stored forecast, moved on by what was used since. CPU of this thread."""

    forecast: Forecast = field(repr=False)
    moved: bool
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class ForecastItem:
    """The stored forecast moved on, where it fits the question; else the item fitted alone.

    Nothing is stored or told to the world: it is an answer, not a run. Missing ITEM_UNKNOWN,
    SITE_UNKNOWN; Malformed LEAD_TIME_OUT_OF_RANGE; NotNow SITE_SILENT, SERIES_UNUSABLE.
    """

    store: Store
    history: ItemHistory
    fit: FitsOne
    reading: Reading

    def __call__(self, code: Code, site: str, question: ItemQuestion) -> ItemAnswer:
        begin = time.thread_time()
        if question.lead > question.horizon:
            raise Malformed(
                "LEAD_TIME_OUT_OF_RANGE",
                f"A lead time of {question.lead} does not fit a horizon of {question.horizon}: "
                "ask for a horizon at least as long.",
                field="lead_time",
            )
        today = self.reading.today()
        with self.store.read() as books:
            item = known_item(books, code)
            site_id = known_site(books, site)
            stored = None if question.fresh else books.forecasts.newest(site_id, item.item_id)
            signals = signals_now(books, today)
        found = None
        if stored is not None and self._fits(stored, question, today):
            found = self._moved(stored, question, today)
        was_moved = found is not None
        if found is None:
            found = self._fitted(item, site_id, question, today)
        shown = with_outlook(found, item.item_class, signals, self.reading)
        return ItemAnswer(shown, was_moved, time.thread_time() - begin)

    def _fits(self, stored: Forecast, question: ItemQuestion, today: date) -> bool:
        """Whether a stored forecast answers the question once it is moved on."""
        if question.period not in (None, stored.period) or stored.target is not question.target:
            return False
        if stored.useless_because(self.reading.clock.now(), today, self.reading.longest_useful):
            return False
        horizon, lead = _counted(question, stored.period, today)
        first = number_of(stored.periods[0].start, stored.period)
        passed = max(0, number_of(today, stored.period) - first)
        known_lead = 0 if stored.lead is None else stored.lead.periods
        return len(stored.periods) - passed >= horizon and lead == known_lead

    def _moved(self, stored: Forecast, question: ItemQuestion, today: date) -> Forecast | None:
        first = number_of(stored.periods[0].start, stored.period)
        used = None
        # only whole periods move a forecast: before one is over there is nothing to read
        if number_of(today, stored.period) > first:
            order = RunOrder(stored.period, len(stored.periods), today)
            since = stored.periods[0].start
            used = self.history.series(order, stored.item_id, stored.site_id, since)
        end = used.end if used is not None else first
        passed = max(0, end - first)
        after = stored
        if passed:
            moved_on = moved(stored, passed, used_in(stored, passed, used), stored.run_id)
            if moved_on is None:
                return None
            after = moved_on
        horizon, lead = _counted(question, stored.period, today)
        if len(after.periods) < horizon or (lead and after.lead is None):
            return None
        return replace(
            after,
            periods=after.periods[:horizon],
            drivers=tuple(replace(d, amounts=d.amounts[:horizon]) for d in after.drivers),
        )

    def _fitted(
        self,
        item: Item,
        site_id: str,
        question: ItemQuestion,
        today: date,
    ) -> Forecast:
        order = RunOrder(
            question.period or Period.DAY, question.horizon, today, auto=question.period is None
        )
        one = self.history.series(order, item.item_id, site_id)
        if one is None:
            period = question.period or Period.MONTH
            now = first_forecast(today, period)
            one = Series(item.item_id, site_id, period, now, np.zeros(0))
        one = one.described(item.item_class, item.packing.base_unit)
        horizon, lead = _counted(question, one.period, today)
        part = Part(RUN_ID, self.reading.clock.now(), horizon, lead, question.target, [one])
        if profile(recent(one), one.period).demand_class is DemandClass.NEW:
            outcome = newcomers(part, [one], self._grown(order, one.period, item, site_id))[0]
        else:
            outcome = self.fit(part)
        if outcome.forecast is None:
            finding = outcome.finding
            raise NotNow(
                "SERIES_UNUSABLE" if finding is None else finding.reason,
                "No forecast can be made of this history." if finding is None else finding.message,
                item_id=item.item_id,
                site_id=site_id,
            )
        return outcome.forecast

    def _grown(self, order: RunOrder, period: Period, item: Item, site_id: str) -> list[Series]:
        """The like of a newcomer that are long enough to judge, on its grid."""
        with self.store.read() as books:
            alike = _alike(books, item, site_id)
        asked = replace(order, period=period, auto=False)
        found = (self.history.series(asked, *place) for place in alike)
        return [
            one.described(item.item_class, item.packing.base_unit)
            for one in found
            if one is not None
            and profile(recent(one), one.period).demand_class is not DemandClass.NEW
        ]


def _counted(question: ItemQuestion, period: Period, today: date) -> tuple[int, int]:
    """(horizon, lead) in periods of this grid."""
    if question.period is not None:
        return question.horizon, question.lead
    return (
        periods_for(today, question.horizon, period),
        periods_for(today, question.lead, period),
    )


def _alike(books: Books, item: Item, site_id: str) -> list[tuple[str, str]]:
    """Places of the same item elsewhere, and of items of its class here, MOST_ALIKE at most."""
    places = [(item.item_id, other) for other in sorted(books.catalogue.site_ids() - {site_id})]
    if item.item_class:
        places += [
            (one.item_id, site_id)
            for one in books.catalogue.all_items()
            if one.item_class == item.item_class and one.item_id != item.item_id
        ]
    return places[:MOST_ALIKE]
