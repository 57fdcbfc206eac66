"""The catalogue's tables behave the same on SQLite and on the real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from shared.catalogue.codes import Code, CodeSystem, parse_code
from shared.catalogue.items import Criticality, Item, Site
from shared.catalogue.store import CatalogueStore
from shared.catalogue.tables import catalogue_tables
from shared.catalogue.units import Packing
from shared.errors import NotNow
from shared.storage import Database

PACK = parse_code(CodeSystem.CIP13, "3400935955838")
TABLETS = Packing("tablet", 1.0, 16.0)


class CatalogueSuite:
    """What a service may rely on, whichever store a sub-class gives as `database`."""

    @pytest.fixture
    def store(self, database: Database) -> CatalogueStore:
        metadata = MetaData()
        store = CatalogueStore(catalogue_tables(metadata))
        metadata.create_all(database.engine)
        return store

    def test_an_item_is_found_under_each_of_its_codes(
        self, database: Database, store: CatalogueStore
    ) -> None:
        item = Item("PARA", "Paracetamol", (PACK,), TABLETS, Criticality.ESSENTIAL)
        with database.transaction() as tx:
            store.put_items(tx, [item])
        local = Code(CodeSystem.LOCAL, "PARA")
        unknown = Code(CodeSystem.LOCAL, "ELSE")
        with database.read() as tx:
            found = store.items(tx, [PACK, local, unknown])
            assert store.item_by_id(tx, "PARA") is not None
        assert set(found) == {PACK, local}
        assert found[PACK].packing == TABLETS
        assert found[PACK].criticality is Criticality.ESSENTIAL

    def test_putting_an_item_again_replaces_it_whole(
        self, database: Database, store: CatalogueStore
    ) -> None:
        with database.transaction() as tx:
            store.put_items(tx, [Item("PARA", "old", (PACK,), TABLETS)])
            store.put_items(tx, [Item("PARA", "new", (), TABLETS)])
        with database.read() as tx:
            assert store.item(tx, PACK) is None
            assert [item.label for item in store.all_items(tx)] == ["new"]

    def test_one_code_never_names_two_items(
        self, database: Database, store: CatalogueStore
    ) -> None:
        with database.transaction() as tx:
            store.put_items(tx, [Item("PARA", "", (PACK,), TABLETS)])
        with pytest.raises(NotNow) as refusal, database.transaction() as tx:
            store.put_items(tx, [Item("X", "", (), TABLETS), Item("Y", "", (PACK,), TABLETS)])
        assert refusal.value.reason == "CODE_TAKEN"
        assert refusal.value.field == "items[1].codes"
        with database.read() as tx:
            assert [item.item_id for item in store.all_items(tx)] == ["PARA"]

    def test_a_code_may_move_when_both_items_are_put_together(
        self, database: Database, store: CatalogueStore
    ) -> None:
        with database.transaction() as tx:
            store.put_items(tx, [Item("A", "", (PACK,), TABLETS)])
            store.put_items(tx, [Item("A", "", (), TABLETS), Item("B", "", (PACK,), TABLETS)])
        with database.read() as tx:
            moved = store.item(tx, PACK)
        assert moved is not None
        assert moved.item_id == "B"

    def test_a_thousand_items_are_put_and_found_at_once(
        self, database: Database, store: CatalogueStore
    ) -> None:
        many = [Item(f"I{k:04d}", "", (), TABLETS) for k in range(1000)]
        with database.transaction() as tx:
            store.put_items(tx, many)
        with database.read() as tx:
            found = store.items(tx, [Code(CodeSystem.LOCAL, i.item_id) for i in many])
        assert len(found) == 1000

    def test_sites_are_put_found_and_replaced(
        self, database: Database, store: CatalogueStore
    ) -> None:
        with database.transaction() as tx:
            store.put_sites(tx, [Site("440000271", "old"), Site("440000016", "Saint-Nazaire")])
            store.put_sites(tx, [Site("440000271", "Nantes", "B")])
        with database.read() as tx:
            assert store.site(tx, "440000271") == Site("440000271", "Nantes", "B")
            assert store.site(tx, "440000396") is None
            assert [s.site_id for s in store.all_sites(tx)] == ["440000016", "440000271"]


class TestOnSqlite(CatalogueSuite):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        database = Database.open(f"sqlite:///{tmp_path / 'x.db'}")
        yield database
        database.close()


@pytest.mark.real
class TestOnPostgres(CatalogueSuite):
    @pytest.fixture
    def database(self, real_postgres: Callable[[], str]) -> Iterator[Database]:
        database = Database.open(real_postgres())
        yield database
        database.close()
