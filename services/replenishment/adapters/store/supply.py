"""Terms, stock, forecasts and approved orders as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, exists, func, select, tuple_, update

from services.replenishment.adapters.store.documents import (
    forecast_from,
    forecast_to,
    lots_from,
    lots_to,
    report_from,
    report_to,
    terms_from,
    terms_to,
)
from services.replenishment.adapters.store.releases import add_release, releases_in_force
from services.replenishment.adapters.store.tables import Tables
from services.replenishment.domain.availability import Availability, SupplyStatus
from services.replenishment.domain.demand import Forecast
from services.replenishment.domain.positions import ApprovedOrder, Known
from services.replenishment.domain.releases import Release
from services.replenishment.domain.stock import StockReport
from services.replenishment.domain.substitutes import Substitute
from services.replenishment.domain.terms import SupplyTerms
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Item
from shared.catalogue.store import CatalogueStore
from shared.events.event import instant, micros
from shared.storage import Transaction, upsert

Key = tuple[str, str]
CHUNK = 400  # parameters of one IN list stay far below SQLite's limit
BOTH = ["item_id", "site_id"]


def chunks(keys: Sequence[Any]) -> Iterable[Sequence[Any]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


class SqlSupply:
    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self._tx, self._connection, self._tables = tx, tx.connection, tables
        self._catalogue = CatalogueStore(tables.catalogue)

    def put_terms(self, terms: Sequence[SupplyTerms]) -> None:
        rows = [
            {"item_id": t.item_id, "site_id": t.site_id, "document": terms_to(t)} for t in terms
        ]
        upsert(self._connection, self._tables.terms, rows, key=BOTH)

    def counted(self, keys: Sequence[Key]) -> Mapping[Key, datetime]:
        return {
            (row.item_id, row.site_id): instant(row.counted_us)
            for row in self._rows(self._tables.stock, keys)
        }

    def put_reports(self, reports: Sequence[StockReport]) -> None:
        rows = [
            {
                "item_id": r.item_id,
                "site_id": r.site_id,
                "counted_us": micros(r.counted_time),
                "document": report_to(r),
            }
            for r in reports
        ]
        upsert(self._connection, self._tables.stock, rows, key=BOTH)

    def forecast_made(self, item_id: str, site_id: str) -> datetime | None:
        table = self._tables.forecast
        made = self._connection.execute(
            select(table.c.made_us).where(table.c.item_id == item_id, table.c.site_id == site_id)
        ).scalar()
        return None if made is None else instant(made)

    def put_forecast(self, forecast: Forecast) -> None:
        row = {
            "item_id": forecast.item_id,
            "site_id": forecast.site_id,
            "made_us": micros(forecast.made_time),
            "document": forecast_to(forecast),
        }
        upsert(self._connection, self._tables.forecast, [row], key=BOTH)

    def known(self, keys: Sequence[Key]) -> Sequence[Known]:
        ids = sorted({item_id for item_id, _ in keys})
        named = self._catalogue.items(self._tx, [Code(CodeSystem.LOCAL, i) for i in ids])
        items = {item.item_id: item for item in named.values()}
        return self._join(sorted(set(keys)), items, lambda table: self._rows(table, keys))

    def all_known(self, site_id: str = "") -> Sequence[Known]:
        items = {item.item_id: item for item in self._catalogue.all_items(self._tx)}

        def rows(table: Table) -> Iterable[Row[Any]]:
            query = select(table)
            if site_id:
                query = query.where(table.c.site_id == site_id)
            return self._connection.execute(query)

        return self._join(None, items, rows)

    def _join(
        self, keys: Sequence[Key] | None, items: Mapping[str, Item], rows: Any
    ) -> list[Known]:
        tables = self._tables
        terms = {
            (r.item_id, r.site_id): terms_from(r.item_id, r.site_id, r.document)
            for r in rows(tables.terms)
        }
        reports = {
            (r.item_id, r.site_id): report_from(
                r.item_id, r.site_id, instant(r.counted_us), r.document
            )
            for r in rows(tables.stock)
        }
        forecasts = {
            (r.item_id, r.site_id): forecast_from(
                r.item_id, r.site_id, instant(r.made_us), r.document
            )
            for r in rows(tables.forecast)
        }
        statuses, substitutes = self._statuses(), self._substitutes()
        releases = releases_in_force(self._connection, tables.release)
        approved: dict[Key, list[ApprovedOrder]] = {}
        for row in rows(tables.approved):
            approved.setdefault((row.item_id, row.site_id), []).append(order_from(row))
        leaving: dict[Key, list[ApprovedOrder]] = {}
        for order in transfers_leaving(self._connection, tables.approved):
            leaving.setdefault((order.item_id, order.from_site_id), []).append(order)
        if keys is None:
            keys = sorted({*terms, *reports, *forecasts})
        return [
            Known(
                item=items[key[0]],
                site_id=key[1],
                terms=terms.get(key),
                report=reports.get(key),
                forecast=forecasts.get(key),
                approved=tuple(sorted(approved.get(key, ()), key=lambda o: o.order_id)),
                status=statuses.get(key[0]),
                substitutes=tuple(substitutes.get(key[0], ())),
                leaving=tuple(leaving.get(key, ())),
                releases=tuple(releases.get(key, ())),
            )
            for key in keys
            if key[0] in items
        ]

    def _statuses(self) -> Mapping[str, SupplyStatus]:
        """The list is short: a few hundred items at the most."""
        return {
            row.item_id: SupplyStatus(
                Availability(row.availability), row.since, row.source_day, row.partly
            )
            for row in self._connection.execute(select(self._tables.status))
        }

    def _substitutes(self) -> Mapping[str, list[Substitute]]:
        """The table is short: people approve each entry."""
        table = self._tables.substitute
        found: dict[str, list[Substitute]] = {}
        query = select(table).order_by(table.c.item_id, table.c.substitute_id)
        for row in self._connection.execute(query):
            one = Substitute(
                row.item_id,
                row.substitute_id,
                row.ratio,
                row.note,
                row.approved_by,
                instant(row.approved_us),
            )
            found.setdefault(one.item_id, []).append(one)
        return found

    def add_release(self, release: Release) -> None:
        add_release(self._connection, self._tables.release, release)

    def replace_substitutes(self, approved: Mapping[str, Sequence[Substitute]]) -> None:
        table = self._tables.substitute
        for part in chunks(sorted(approved)):
            self._connection.execute(delete(table).where(table.c.item_id.in_(part)))
        rows = [
            {
                "item_id": one.item_id,
                "substitute_id": one.substitute_id,
                "ratio": one.ratio,
                "note": one.note,
                "approved_by": one.approved_by,
                "approved_us": micros(one.approved_time),
            }
            for found in approved.values()
            for one in found
        ]
        if rows:
            self._connection.execute(table.insert(), rows)

    def replace_statuses(self, statuses: Mapping[str, SupplyStatus]) -> None:
        table = self._tables.status
        self._connection.execute(delete(table))
        rows = [
            {
                "item_id": item_id,
                "availability": status.availability.value,
                "since": status.since,
                "source_day": status.source_day,
                "partly": status.partly,
            }
            for item_id, status in sorted(statuses.items())
        ]
        if rows:
            self._connection.execute(table.insert(), rows)

    def _rows(self, table: Table, keys: Sequence[Key]) -> Iterable[Row[Any]]:
        for part in chunks(keys):
            yield from self._connection.execute(
                select(table).where(tuple_(table.c.item_id, table.c.site_id).in_(part))
            )

    def plannable(self) -> bool:
        terms, stock, forecast = self._tables.terms, self._tables.stock, self._tables.forecast
        same = [
            exists().where(
                and_(other.c.item_id == terms.c.item_id, other.c.site_id == terms.c.site_id)
            )
            for other in (stock, forecast)
        ]
        query = select(terms.c.item_id).where(*same).limit(1)
        return self._connection.execute(query).first() is not None


class SqlOrders:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection, self._table = connection, tables.approved

    def add(self, orders: Sequence[ApprovedOrder], plan_id: str) -> None:
        rows = [
            {
                "order_id": o.order_id,
                "item_id": o.item_id,
                "site_id": o.site_id,
                "plan_id": plan_id,
                "packs": o.packs,
                "quantity_base": o.quantity_base,
                "price_eur": o.price_eur,
                "order_day": o.order_day,
                "due": o.due,
                "known_elsewhere": o.known_elsewhere,
                "from_site_id": o.from_site_id,
                "lots": lots_to(o.lots),
                "left_elsewhere": o.left_elsewhere,
            }
            for o in orders
        ]
        if rows:
            self._connection.execute(self._table.insert(), rows)

    def open(self, keys: Sequence[Key]) -> Sequence[ApprovedOrder]:
        table = self._table
        found: list[ApprovedOrder] = []
        for part in chunks(keys):
            query = select(table).where(
                tuple_(table.c.item_id, table.c.site_id).in_(part),
                table.c.known_elsewhere.is_(False),
            )
            found.extend(order_from(row) for row in self._connection.execute(query))
        return found

    def leaving(self, keys: Sequence[Key]) -> Sequence[ApprovedOrder]:
        wanted = set(keys)
        found = transfers_leaving(self._connection, self._table)
        return [order for order in found if (order.item_id, order.from_site_id) in wanted]

    def settle(self, order_ids: Sequence[str]) -> None:
        self._mark(order_ids, known_elsewhere=True)

    def settle_left(self, order_ids: Sequence[str]) -> None:
        self._mark(order_ids, left_elsewhere=True)

    def _mark(self, order_ids: Sequence[str], **marks: bool) -> None:
        for part in chunks(order_ids):
            self._connection.execute(
                update(self._table).where(self._table.c.order_id.in_(part)).values(**marks)
            )

    def count(self) -> int:
        return self._connection.execute(select(func.count()).select_from(self._table)).scalar_one()


def transfers_leaving(connection: Connection, table: Table) -> list[ApprovedOrder]:
    """Approved transfers that still stand on the shelf of the site that gives: few."""
    query = select(table).where(table.c.from_site_id != "", table.c.left_elsewhere.is_(False))
    return [order_from(row) for row in connection.execute(query.order_by(table.c.order_id))]


def order_from(row: Row[Any]) -> ApprovedOrder:
    return ApprovedOrder(
        order_id=row.order_id,
        item_id=row.item_id,
        site_id=row.site_id,
        packs=row.packs,
        quantity_base=row.quantity_base,
        price_eur=row.price_eur,
        order_day=row.order_day,
        due=row.due,
        known_elsewhere=row.known_elsewhere,
        from_site_id=row.from_site_id,
        lots=lots_from(row.lots),
        left_elsewhere=row.left_elsewhere,
    )
