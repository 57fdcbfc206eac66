"""The books of one transaction, joined from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from services.demand.adapters.store.forecasts import SqlForecasts
from services.demand.adapters.store.movements import SqlMovements
from services.demand.adapters.store.runs import SqlRuns
from services.demand.adapters.store.signals import SqlSignals
from services.demand.adapters.store.tables import Tables
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.catalogue.store import CatalogueStore
from shared.storage import Database, Transaction


class SqlCatalogue:
    """The shared catalogue tables, inside one transaction."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self._tx = tx
        self._store = CatalogueStore(tables.catalogue)
        self._sites = tables.catalogue.sites

    def put_items(self, items: Sequence[Item]) -> None:
        self._store.put_items(self._tx, items)

    def put_sites(self, sites: Sequence[Site]) -> None:
        self._store.put_sites(self._tx, sites)

    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]:
        return self._store.items(self._tx, codes)

    def all_items(self) -> Sequence[Item]:
        return self._store.all_items(self._tx)

    def site_ids(self) -> frozenset[str]:
        return frozenset(self._tx.connection.execute(select(self._sites.c.site_id)).scalars())


class SqlBooks:
    """Everything that one transaction of this service may read and write."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self.catalogue = SqlCatalogue(tx, tables)
        self.movements = SqlMovements(tx.connection, tables)
        self.runs = SqlRuns(tx.connection, tables)
        self.forecasts = SqlForecasts(tx, tables)
        self.signals = SqlSignals(tx.connection, tables)


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
