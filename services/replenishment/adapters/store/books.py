"""The books of one transaction, joined from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, tuple_

from services.replenishment.adapters.store.agreed import SqlAgreed
from services.replenishment.adapters.store.plans import SqlPlans
from services.replenishment.adapters.store.supply import SqlOrders, SqlSupply, chunks
from services.replenishment.adapters.store.tables import Tables
from services.replenishment.domain.plans import Line, Plan
from services.replenishment.domain.stock import StockReport
from services.replenishment.domain.warnings import Foreseen
from services.replenishment.wire import facts
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.catalogue.store import CatalogueStore
from shared.storage import Database, Transaction, upsert


class SqlCatalogue:
    """The shared catalogue tables; what is put is told and wakes what waited for it."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self._tx = tx
        self._store = CatalogueStore(tables.catalogue)
        self._sites = tables.catalogue.sites

    def put_items(self, items: Sequence[Item]) -> None:
        self._store.put_items(self._tx, items)
        for item in {item.item_id: item for item in items}.values():
            self._tx.publish(facts.item_put(item))
            self._tx.announce(f"item:{item.item_id}")

    def put_sites(self, sites: Sequence[Site]) -> None:
        self._store.put_sites(self._tx, sites)
        for site in {site.site_id: site for site in sites}.values():
            self._tx.publish(facts.site_put(site))
            self._tx.announce(f"site:{site.site_id}")

    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]:
        return self._store.items(self._tx, codes)

    def item(self, item_id: str) -> Item | None:
        return self._store.item_by_id(self._tx, item_id)

    def site_ids(self) -> frozenset[str]:
        return frozenset(self._tx.connection.execute(select(self._sites.c.site_id)).scalars())


class SqlWarnings:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection, self._table = connection, tables.warning

    def active(self, keys: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        table = self._table
        found: set[tuple[str, str]] = set()
        for part in chunks(keys):
            query = select(table.c.item_id, table.c.site_id).where(
                tuple_(table.c.item_id, table.c.site_id).in_(part), table.c.active.is_(True)
            )
            found.update((item, site) for item, site in self._connection.execute(query))
        return frozenset(found)

    def put(self, foreseen: Foreseen) -> None:
        row = {
            "item_id": foreseen.item_id,
            "site_id": foreseen.site_id,
            "active": foreseen.active,
            "probability": foreseen.probability,
            "stockout_day": foreseen.stockout_day,
            "days_of_cover": foreseen.days_of_cover,
        }
        upsert(self._connection, self._table, [row], key=["item_id", "site_id"])


class OutboxFacts:
    """Publishes through the transaction's outbox."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def stock_reported(self, report: StockReport, usable_base: float, on_order_base: float) -> None:
        self._tx.publish(facts.stock_reported(report, usable_base, on_order_base))

    def plan_proposed(self, plan: Plan) -> None:
        self._tx.publish(facts.plan_proposed(plan), event_id=f"proposed-{plan.plan_id}")

    def order_approved(
        self, order_id: str, plan_id: str, line: Line, decided_by: str, decided_time: datetime
    ) -> None:
        message = facts.order_approved(order_id, plan_id, line, decided_by, decided_time)
        self._tx.publish(message, event_id=order_id)

    def shortage_foreseen(self, item: Item, foreseen: Foreseen, at: datetime) -> None:
        self._tx.publish(facts.shortage_foreseen(item, foreseen, at))


class SqlBooks:
    """Everything that one transaction of this service may read and write."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self.catalogue = SqlCatalogue(tx, tables)
        self.supply = SqlSupply(tx, tables)
        self.agreed = SqlAgreed(tx.connection, tables)
        self.orders = SqlOrders(tx.connection, tables)
        self.plans = SqlPlans(tx.connection, tables)
        self.warnings = SqlWarnings(tx.connection, tables)
        self.facts = OutboxFacts(tx)


@dataclass(frozen=True, slots=True)
class SqlStore:
    """Opens the books, for writing or for reading only."""

    database: Database
    tables: Tables

    @contextmanager
    def write(self) -> Iterator[SqlBooks]:
        with self.database.transaction() as tx:
            yield SqlBooks(tx, self.tables)

    @contextmanager
    def read(self) -> Iterator[SqlBooks]:
        with self.database.read() as tx:
            yield SqlBooks(tx, self.tables)
