"""The books of one transaction, joined from their parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select

from services.demand.adapters.store.accuracy import SqlAccuracy
from services.demand.adapters.store.bulk import among
from services.demand.adapters.store.forecasts import SqlForecasts
from services.demand.adapters.store.movements import SqlMovements
from services.demand.adapters.store.runs import SqlRuns
from services.demand.adapters.store.shelf import SqlShelf
from services.demand.adapters.store.signals import SqlSignals
from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.uses import SqlUses
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Item, Site
from shared.catalogue.store import CatalogueStore
from shared.catalogue.units import Packing
from shared.storage import Database, Transaction


class SqlCatalogue:
    """The shared catalogue tables, inside one transaction."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self._tx = tx
        self._store = CatalogueStore(tables.catalogue)
        self._tables = tables.catalogue

    def put_items(self, items: Sequence[Item]) -> None:
        self._store.put_items(self._tx, items)

    def put_sites(self, sites: Sequence[Site]) -> None:
        self._store.put_sites(self._tx, sites)

    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]:
        return self._store.items(self._tx, codes)

    def packings(self, codes: Iterable[Code]) -> Mapping[Code, tuple[str, Packing]]:
        """One query per code system; the same packing is made and checked once."""
        wanted: dict[CodeSystem, dict[str, Code]] = {}
        for code in codes:
            wanted.setdefault(code.system, {})[code.value] = code
        code_table, item_table = self._tables.codes, self._tables.items
        made: dict[tuple[str, float, float], Packing] = {}
        found: dict[Code, tuple[str, Packing]] = {}
        for system, by_value in wanted.items():
            query = (
                select(
                    code_table.c.value,
                    item_table.c.item_id,
                    item_table.c.base_unit,
                    item_table.c.base_per_dispensing_unit,
                    item_table.c.dispensing_units_per_pack,
                )
                .join_from(code_table, item_table, code_table.c.item_id == item_table.c.item_id)
                .where(code_table.c.system == system.value)
                .where(among(self._tx.connection, code_table.c.value, list(by_value)))
            )
            for value, item_id, *units in self._tx.connection.execute(query).all():
                key = (units[0], units[1], units[2])
                packing = made.get(key) or made.setdefault(key, Packing(*key))
                found[by_value[value]] = (item_id, packing)
        return found

    def all_items(self) -> Sequence[Item]:
        return self._store.all_items(self._tx)

    def site_ids(self) -> frozenset[str]:
        return frozenset(
            self._tx.connection.execute(select(self._tables.sites.c.site_id)).scalars()
        )

    def school_zones(self) -> Mapping[str, str]:
        table = self._tables.sites
        rows = self._tx.connection.execute(
            select(table.c.site_id, table.c.school_zone).where(table.c.school_zone != "")
        )
        return {row.site_id: row.school_zone for row in rows}


class SqlBooks:
    """Everything that one transaction of this service may read and write."""

    def __init__(self, tx: Transaction, tables: Tables) -> None:
        self.catalogue = SqlCatalogue(tx, tables)
        self.movements = SqlMovements(tx.connection, tables)
        self.runs = SqlRuns(tx.connection, tables)
        self.forecasts = SqlForecasts(tx, tables)
        self.signals = SqlSignals(tx.connection, tables)
        self.shelf = SqlShelf(tx.connection, tables)
        self.uses = SqlUses(tx.connection, tables)
        self.accuracy = SqlAccuracy(tx.connection, tables)


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
