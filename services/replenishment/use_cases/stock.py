"""Take in stock reports and forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.replenishment.domain.demand import Forecast, check_forecast
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder
from services.replenishment.domain.releases import as_released
from services.replenishment.domain.reports import Refused, Row
from services.replenishment.domain.stock import StockReport, usable
from services.replenishment.ports import Books, Store, Today, Watch
from services.replenishment.use_cases.warn import Warn
from shared.catalogue.items import Item
from shared.clock import Clock
from shared.errors import Malformed, Missing, Refusal


@dataclass(frozen=True, slots=True)
class Outcome:
    accepted: int
    superseded: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class ReportStock:
    """Stores stock as it stands; each row is refused alone, an older count is ignored.

    An order approved here is dropped from our own list once a report lists its id, or
    was counted on or after the day it was due: by then the hospital's system knows. A
    transfer is taken off the site that gives until that was counted after its day.
    """

    store: Store
    warn: Warn
    clock: Clock
    today: Today
    future_tolerance: timedelta
    policy: Policy
    watch: Watch

    def __call__(self, rows: Sequence[Row], refused: Sequence[Refused]) -> Outcome:
        """All of the rows that can be stored, in one transaction."""
        refusals = list(refused)
        with self.store.write() as books:
            reports, superseded = self._newest(books, rows, refusals)
            keys = [(r.item_id, r.site_id) for r in reports]
            books.supply.put_reports(reports)
            self._settle(books, reports, keys)
            self._tell(books, reports, keys)
            self.warn(books, keys)
        outcome = Outcome(
            accepted=len(rows) + len(refused) - superseded - len(refusals),
            superseded=superseded,
            refused=tuple(sorted(refusals, key=lambda r: r.place)),
        )
        self.watch.reports(outcome.accepted, superseded, len(refusals))
        return outcome

    def _newest(
        self, books: Books, rows: Sequence[Row], refusals: list[Refused]
    ) -> tuple[list[StockReport], int]:
        items = books.catalogue.items([row.code for row in rows])
        sites = books.catalogue.site_ids()
        latest = self.clock.now() + self.future_tolerance
        read: list[StockReport] = []
        for row in rows:
            try:
                read.append(_read(row, items.get(row.code), sites, latest))
            except Refusal as refusal:
                refusals.append(Refused(row.place, row.row_id, refusal))
        counted = dict(books.supply.counted([(r.item_id, r.site_id) for r in read]))
        newest: dict[tuple[str, str], StockReport] = {}
        superseded = 0
        for report in read:
            key = (report.item_id, report.site_id)
            if key in counted and report.counted_time <= counted[key]:
                superseded += 1
                continue
            # the later of two in one request replaces the earlier: both were taken in
            newest[key] = report
            counted[key] = report.counted_time
        return list(newest.values()), superseded

    def _settle(
        self, books: Books, reports: Sequence[StockReport], keys: Sequence[tuple[str, str]]
    ) -> None:
        by_key = {(r.item_id, r.site_id): r for r in reports}
        done = [
            order.order_id
            for order in books.orders.open(keys)
            if _caught_up(order, by_key[order.item_id, order.site_id])
        ]
        books.orders.settle(done)
        left = [
            order.order_id
            for order in books.orders.leaving(keys)
            if by_key[order.item_id, order.from_site_id].counted_time.date() > order.order_day
        ]
        books.orders.settle_left(left)

    def _tell(
        self, books: Books, reports: Sequence[StockReport], keys: Sequence[tuple[str, str]]
    ) -> None:
        day = self.today()
        own: dict[tuple[str, str], float] = {}
        for order in books.orders.open(keys):
            key = (order.item_id, order.site_id)
            own[key] = own.get(key, 0.0) + order.quantity_base
        known = {(k.item.item_id, k.site_id): k for k in books.supply.known(keys)}
        for report in reports:
            releases = known[report.item_id, report.site_id].releases
            usable_now, _ = as_released(report, releases, self.policy.kept_back_days)
            coming = sum(order.quantity_base for order in report.open_orders)
            coming += own.get((report.item_id, report.site_id), 0.0)
            books.facts.stock_reported(report, usable(usable_now, day).total_base, coming)


def _read(row: Row, item: Item | None, sites: frozenset[str], latest: datetime) -> StockReport:
    if item is None:
        raise Missing(
            "ITEM_UNKNOWN",
            f"No item has the {row.code.system.value} code {row.code.value}. Register it with "
            "PutItems first, or correct the code.",
            field=f"reports[{row.place}].item",
        )
    if row.site_id not in sites:
        raise Missing(
            "SITE_UNKNOWN",
            "No site has this number. Register it with PutSites first.",
            field=f"reports[{row.place}].site_id",
        )
    if row.counted_time > latest:
        raise Malformed(
            "REPORT_IN_FUTURE",
            "The stock was counted later than now. Check the clock of the sending system and "
            "its time zone.",
            field=f"reports[{row.place}].counted_time",
        )
    return row.read(item)


def _caught_up(order: ApprovedOrder, report: StockReport) -> bool:
    listed = any(o.order_id == order.order_id for o in report.open_orders)
    return listed or report.counted_time.date() >= order.due


@dataclass(frozen=True, slots=True)
class TakeForecast:
    """Keeps the newest forecast of an item at a site; an older one is ignored.

    Missing ITEM_UNKNOWN or SITE_UNKNOWN waits until the item or site is put; Malformed
    FORECAST_MALFORMED. A forecast in another base unit is kept and said at planning:
    the item may be corrected later.
    """

    warn: Warn

    def __call__(self, books: Books, forecast: Forecast) -> None:
        check_forecast(forecast)
        if books.catalogue.item(forecast.item_id) is None:
            raise Missing(
                "ITEM_UNKNOWN",
                "The forecast is of an item that is not registered yet.",
                waits_for=f"item:{forecast.item_id}",
                item_id=forecast.item_id,
            )
        if forecast.site_id not in books.catalogue.site_ids():
            raise Missing(
                "SITE_UNKNOWN",
                "The forecast is for a site that is not registered yet.",
                waits_for=f"site:{forecast.site_id}",
                site_id=forecast.site_id,
            )
        made = books.supply.forecast_made(forecast.item_id, forecast.site_id)
        if made is not None and made > forecast.made_time:
            return
        books.supply.put_forecast(forecast)
        self.warn(books, [(forecast.item_id, forecast.site_id)])
