"""A service's own copy of the catalogue, in its own database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.items import Criticality, Item, Site, Storage
from shared.catalogue.tables import CatalogueTables
from shared.catalogue.units import Packing
from shared.errors import NotNow
from shared.storage import Transaction, upsert

CHUNK = 400  # parameters of one IN list stay far below SQLite's limit


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


class CatalogueStore:
    """Puts and finds items and sites inside the caller's transaction."""

    def __init__(self, tables: CatalogueTables) -> None:
        self._tables = tables

    def put_items(self, tx: Transaction, items: Sequence[Item]) -> None:
        """Stores items whole: codes that an item no longer lists are dropped.

        NotNow CODE_TAKEN when a code already names another item, here or in `items`.
        """
        owners: dict[Code, str] = {}
        for place, item in enumerate(items):
            for code in item.all_codes():
                if owners.setdefault(code, item.item_id) != item.item_id:
                    raise self._taken(code, owners[code], item.item_id, place)
        places = {item.item_id: place for place, item in enumerate(items)}
        for code, stored in self._owners(tx, list(owners)).items():
            if stored != owners[code] and stored not in places:
                raise self._taken(code, stored, owners[code], places[owners[code]])
        newest = {item.item_id: item for item in items}
        codes, items_table = self._tables.codes, self._tables.items
        for ids in _chunks(list(newest)):
            tx.connection.execute(delete(codes).where(codes.c.item_id.in_(ids)))
        upsert(
            tx.connection,
            items_table,
            [self._row(item) for item in newest.values()],
            key=["item_id"],
            update=[c.name for c in items_table.c if c.name != "item_id"],
        )
        upsert(
            tx.connection,
            codes,
            [
                {"system": code.system.value, "value": code.value, "item_id": item.item_id}
                for item in newest.values()
                for code in item.all_codes()
            ],
            key=["system", "value"],
            update=["item_id"],
        )

    @staticmethod
    def _taken(code: Code, owner: str, wanted: str, place: int) -> NotNow:
        return NotNow(
            "CODE_TAKEN",
            f"The {code.system.value} code {code.value} already names item {owner}. One code "
            "names one item: correct the code, or take it off the other item first.",
            field=f"items[{place}].codes",
            item_id=wanted,
            owner=owner,
        )

    @staticmethod
    def _row(item: Item) -> dict[str, Any]:
        return {
            "item_id": item.item_id,
            "label": item.label,
            "base_unit": item.packing.base_unit,
            "base_per_dispensing_unit": item.packing.base_per_dispensing_unit,
            "dispensing_units_per_pack": item.packing.dispensing_units_per_pack,
            "criticality": item.criticality.value,
            "storage": item.storage.value,
            "pack_volume_m3": item.pack_volume_m3,
            "item_class": item.item_class,
            "critical_resource": item.critical_resource,
        }

    def _owners(self, tx: Transaction, codes: Sequence[Code]) -> dict[Code, str]:
        table = self._tables.codes
        found: dict[Code, str] = {}
        for system in CodeSystem:
            values = [code.value for code in codes if code.system is system]
            for part in _chunks(values):
                query = select(table.c.value, table.c.item_id).where(
                    table.c.system == system.value, table.c.value.in_(part)
                )
                found.update(
                    {
                        Code(system, value): item_id
                        for value, item_id in tx.connection.execute(query)
                    }
                )
        return found

    def items(self, tx: Transaction, codes: Iterable[Code]) -> Mapping[Code, Item]:
        """The items that these codes name; codes that name none are left out."""
        owners = self._owners(tx, list(dict.fromkeys(codes)))
        items = {item.item_id: item for item in self._load(tx, sorted(set(owners.values())))}
        return {code: items[item_id] for code, item_id in owners.items()}

    def item(self, tx: Transaction, code: Code) -> Item | None:
        return self.items(tx, [code]).get(code)

    def item_by_id(self, tx: Transaction, item_id: str) -> Item | None:
        return next(iter(self._load(tx, [item_id])), None)

    def all_items(self, tx: Transaction) -> list[Item]:
        """Every item, by id."""
        table = self._tables.items
        ids = tx.connection.execute(select(table.c.item_id).order_by(table.c.item_id))
        return self._load(tx, list(ids.scalars()))

    def _load(self, tx: Transaction, item_ids: Sequence[str]) -> list[Item]:
        items, codes = self._tables.items, self._tables.codes
        loaded: list[Item] = []
        for part in _chunks(item_ids):
            named: dict[str, list[Code]] = {}
            query = (
                select(codes.c.item_id, codes.c.system, codes.c.value)
                .where(codes.c.item_id.in_(part))
                .order_by(codes.c.system, codes.c.value)
            )
            for item_id, system, value in tx.connection.execute(query):
                named.setdefault(item_id, []).append(Code(CodeSystem(system), value))
            rows = tx.connection.execute(
                select(items).where(items.c.item_id.in_(part)).order_by(items.c.item_id)
            )
            loaded.extend(self._item(row, tuple(named.get(row.item_id, ()))) for row in rows)
        return loaded

    @staticmethod
    def _item(row: Any, codes: tuple[Code, ...]) -> Item:
        return Item(
            item_id=row.item_id,
            label=row.label,
            codes=codes,
            packing=Packing(
                row.base_unit, row.base_per_dispensing_unit, row.dispensing_units_per_pack
            ),
            criticality=Criticality(row.criticality),
            storage=Storage(row.storage),
            pack_volume_m3=row.pack_volume_m3,
            item_class=row.item_class,
            critical_resource=row.critical_resource,
        )

    def put_sites(self, tx: Transaction, sites: Sequence[Site]) -> None:
        newest = {site.site_id: site for site in sites}
        upsert(
            tx.connection,
            self._tables.sites,
            [
                {"site_id": s.site_id, "name": s.name, "school_zone": s.school_zone}
                for s in newest.values()
            ],
            key=["site_id"],
            update=["name", "school_zone"],
        )

    def site(self, tx: Transaction, site_id: str) -> Site | None:
        table = self._tables.sites
        row = tx.connection.execute(select(table).where(table.c.site_id == site_id)).first()
        return None if row is None else Site(row.site_id, row.name, row.school_zone)

    def all_sites(self, tx: Transaction) -> list[Site]:
        """Every site, by id."""
        table = self._tables.sites
        rows = tx.connection.execute(select(table).order_by(table.c.site_id))
        return [Site(row.site_id, row.name, row.school_zone) for row in rows]
