"""Hand out forecasts: one, or page by page. Never trains while the caller waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.demand.domain.drivers.signals import CALLS
from services.demand.domain.forecasts import Forecast
from services.demand.domain.outlook import Rules, Signals, judge
from services.demand.ports import Books, Store
from services.demand.use_cases.signals import signals_now
from shared.catalogue.codes import Code, check_finess
from shared.catalogue.items import Item
from shared.clock import Clock, today
from shared.errors import Missing, NotNow

PAGE_SIZE = 100
READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs besides the books: the day, how old is too old, the outlook's rules."""

    clock: Clock
    zone: str
    longest_useful: timedelta
    rules: Rules

    def today(self) -> date:
        return today(self.clock, self.zone)


@dataclass(frozen=True, slots=True)
class ReadForecast:
    """The newest forecast of an item, found under any of its codes, at a site.

    Missing ITEM_UNKNOWN, SITE_UNKNOWN or FORECAST_MISSING; NotNow FORECAST_STALE.
    """

    store: Store
    reading: Reading

    def __call__(self, code: Code, site: str) -> Forecast:
        with self.store.read() as books:
            item = known_item(books, code)
            site_id = known_site(books, site)
            forecast = books.forecasts.newest(site_id, item.item_id)
            if forecast is None:
                raise Missing(
                    "FORECAST_MISSING",
                    "This item was never forecast at this site. Send its movements with "
                    "RecordConsumption and start a run with StartForecastRun.",
                    item_id=item.item_id,
                    site_id=site_id,
                )
            day = self.reading.today()
            useless = forecast.useless_because(
                self.reading.clock.now(), day, self.reading.longest_useful
            )
            if useless:
                raise NotNow("FORECAST_STALE", useless, item_id=item.item_id, site_id=site_id)
            return with_outlook(forecast, item.item_class, signals_now(books, day), self.reading)


@dataclass(frozen=True, slots=True)
class ListForecasts:
    """Pages through the newest forecasts by site and item.

    One that is too old to act on is listed and says so first among its data quality.
    """

    store: Store
    reading: Reading

    def __call__(
        self, site: str, after: tuple[str, str] | None, size: int
    ) -> tuple[Sequence[Forecast], bool]:
        """(forecasts, whether more follow). Missing SITE_UNKNOWN."""
        limit = size or PAGE_SIZE
        with self.store.read() as books:
            site_id = known_site(books, site) if site else ""
            found = books.forecasts.some([site_id] if site_id else [], [], after, limit + 1)
            classes = {item.item_id: item.item_class for item in books.catalogue.all_items()}
            signals = signals_now(books, self.reading.today())
        shown = [
            with_outlook(self._flagged(f), classes.get(f.item_id, ""), signals, self.reading)
            for f in found[:limit]
        ]
        return shown, len(found) > limit

    def _flagged(self, forecast: Forecast) -> Forecast:
        useless = forecast.useless_because(
            self.reading.clock.now(), self.reading.today(), self.reading.longest_useful
        )
        if not useless:
            return forecast
        warning = f"Too old to act on: {useless}"
        return replace(forecast, data_quality=(warning, *forecast.data_quality))


def every(
    books: Books, sites: Sequence[str] = (), item_ids: Sequence[str] = ()
) -> Iterator[Forecast]:
    """The newest forecasts of these sites and items, of all where none are named, by site and
    item; some at a time, since those of a whole group do not fit into memory."""
    after = None
    while page := books.forecasts.some(sites, item_ids, after, READ_AT_ONCE):
        yield from page
        after = (page[-1].site_id, page[-1].item_id)


def known_item(books: Books, code: Code) -> Item:
    """The item under any of its codes; Missing ITEM_UNKNOWN."""
    item = books.catalogue.items([code]).get(code)
    if item is None:
        raise Missing(
            "ITEM_UNKNOWN",
            f"No item is registered under the {code.system.value} code {code.value}. "
            "Check the code, or register the item with PutItems.",
            field="item.code",
            code=code.value,
        )
    return item


def known_site(books: Books, text: str, field: str = "site_id") -> str:
    """The canonical id of a registered site; Malformed or Missing SITE_UNKNOWN otherwise."""
    known = books.catalogue.site_ids()
    if text in known:
        return text
    site_id = check_finess(text, field=field)
    if site_id not in known:
        raise Missing(
            "SITE_UNKNOWN",
            f"The site {site_id} is not registered here. Check the number, or register the "
            "site with PutSites.",
            field=field,
            site_id=site_id,
        )
    return site_id


def with_outlook(
    forecast: Forecast, item_class: str, signals: Signals, reading: Reading
) -> Forecast:
    """The forecast as it is, with the outlook of its class beside it.

    Where the forecast itself follows calls, its outlook moves nothing: they count once.
    """
    outlook = judge(item_class, forecast.periods[0].mean, signals, reading.rules)
    if any(one.name.startswith(CALLS) for one in forecast.drivers):
        outlook = replace(
            outlook,
            factor=1.0,
            first_mean=forecast.periods[0].mean,
            reason="The forecast itself follows the calls, since back-tests of this item say that "
            "it helps: see its drivers.",
        )
    return replace(forecast, outlook=outlook)
