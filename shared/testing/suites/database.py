"""What a service may rely on from its database, SQLite and PostgreSQL alike."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from shared.clock import FixedClock
from shared.errors import NotNow, TooMuch, Unavailable
from shared.events.event import MAX_EVENT_BYTES, decode
from shared.events.rows import event_from_row
from shared.storage import Batch, Database, Query, upsert
from shared.testing.facts import a_fact, tell

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)

ENV = "from shared.storage import migrations\n\nmigrations.run()\n"
FIRST = """
revision = "0001"
down_revision = None

from alembic import op
from shared.storage.schema import create_plumbing
from shared.testing.suites.database import counters, MetaData, create_counters

def upgrade():
    create_plumbing(op)
    create_counters(op)
"""


def counters(metadata: MetaData) -> Table:
    """A table for the suite's own rows."""
    return Table(
        "counters",
        metadata,
        Column("name", String(50), primary_key=True),
        Column("number", Integer, nullable=False),
        Column("note", String(50)),
    )


def create_counters(op: Any) -> None:
    metadata = MetaData()
    counters(metadata)
    metadata.create_all(op.get_bind())


def scripts(folder: Path) -> str:
    """A migrations folder as a service has one."""
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENV)
    (versions / "0001_first.py").write_text(FIRST)
    return str(folder)


class DatabaseSuite:
    """Mix in and give it `url`, a fixture with the address of an empty database."""

    @pytest.fixture
    def database(self, url: str, tmp_path: Path) -> Iterator[Database]:
        database = Database.open(url, clock=FixedClock(NOON), producer="suite")
        database.migrate(scripts(tmp_path / "migrations"))
        yield database
        database.close()

    @pytest.fixture
    def table(self) -> Table:
        return counters(MetaData())

    def rows(self, database: Database, table: Table) -> dict[str, int]:
        with database.read() as tx:
            found = tx.connection.execute(select(table.c.name, table.c.number)).all()
        return {row.name: row.number for row in found}

    def outbox(self, database: Database) -> list[Any]:
        outbox = database.plumbing.outbox
        with database.read() as tx:
            return list(tx.connection.execute(select(outbox).order_by(outbox.c.id)).all())

    def test_what_was_written_is_there_after_the_block(
        self, database: Database, table: Table
    ) -> None:
        with database.transaction() as tx:
            tx.connection.execute(table.insert(), [{"name": "a", "number": 1}])
        assert self.rows(database, table) == {"a": 1}

    def test_an_exception_undoes_rows_and_facts_together(
        self, database: Database, table: Table
    ) -> None:
        def half_way() -> None:
            with database.transaction() as tx:
                tx.connection.execute(table.insert(), [{"name": "a", "number": 1}])
                tx.publish(tell(a_fact(), "a", 1))
                tx.flush()
                raise KeyError("half-way")

        with pytest.raises(KeyError):
            half_way()
        assert self.rows(database, table) == {}
        assert self.outbox(database) == []

    def test_a_read_writes_nothing(self, database: Database, table: Table) -> None:
        with database.read() as tx:
            tx.connection.execute(table.insert(), [{"name": "a", "number": 1}])
        assert self.rows(database, table) == {}

    def test_a_published_fact_lies_whole_in_the_outbox(self, database: Database) -> None:
        kind = a_fact()
        with database.transaction() as tx:
            tx.publish(tell(kind, "a", 7), event_id="told-7")
        (row,) = self.outbox(database)
        event = event_from_row(row)
        assert (event.id, event.key, event.time) == ("told-7", "a", NOON)
        assert event.headers["schema"] == kind.DESCRIPTOR.full_name
        assert event.headers["producer"] == "suite"
        assert decode(event, kind) == tell(kind, "a", 7)

    def test_facts_keep_the_order_in_which_they_were_published(self, database: Database) -> None:
        kind = a_fact()
        for start in (0, 10):
            with database.transaction() as tx:
                for number in range(start, start + 10):
                    tx.publish(tell(kind, "a", number), event_id=str(number))
        assert [row.event_id for row in self.outbox(database)] == [str(n) for n in range(20)]

    def test_a_fact_over_the_limit_is_refused_before_anything_is_written(
        self, database: Database
    ) -> None:
        fact = tell(a_fact(), "a", 1, "x" * (MAX_EVENT_BYTES + 1))
        with pytest.raises(TooMuch, match="EVENT_TOO_LARGE"), database.transaction() as tx:
            tx.publish(fact)
        assert self.outbox(database) == []

    def test_publishing_wakes_whoever_waits_for_the_outbox(self, database: Database) -> None:
        database.outbox_grew.clear()
        with database.transaction():
            pass
        assert not database.outbox_grew.is_set()
        with database.transaction() as tx:
            tx.publish(tell(a_fact(), "a", 1))
        assert database.outbox_grew.is_set()

    def test_upsert_inserts_updates_and_keeps(self, database: Database, table: Table) -> None:
        def write(number: int, update: list[str] | None = None) -> None:
            row = {"name": "a", "number": number, "note": f"n{number}"}
            with database.transaction() as tx:
                upsert(tx.connection, table, [row], key=["name"], update=update)

        write(1)
        assert self.rows(database, table) == {"a": 1}
        write(2)
        assert self.rows(database, table) == {"a": 2}
        write(3, update=["note"])
        assert self.rows(database, table) == {"a": 2}
        write(4, update=[])
        assert self.rows(database, table) == {"a": 2}
        with database.read() as tx:
            assert tx.connection.execute(select(table.c.note)).scalar_one() == "n3"

    def test_upsert_of_many_rows_counts_only_those_it_wrote(
        self, database: Database, table: Table
    ) -> None:
        rows = [{"name": str(n), "number": n} for n in range(1500)]
        with database.transaction() as tx:
            assert upsert(tx.connection, table, rows[:1000], key=["name"], update=[]) == 1000
            assert upsert(tx.connection, table, rows, key=["name"], update=[]) == 500
            assert upsert(tx.connection, table, [], key=["name"]) == 0
        assert len(self.rows(database, table)) == 1500

    def test_a_batch_writes_every_row_by_the_names_of_its_columns(
        self, database: Database, table: Table
    ) -> None:
        adding = Batch(insert(table), ("note", "name", "number"))
        moving = Batch(
            update(table)
            .where(table.c.name == bindparam("who"), table.c.number < 4)
            .values(number=table.c.number + bindparam("more"), note=bindparam("why")),
            ("who", "why", "more"),
        )
        with database.transaction() as tx:
            adding.write(tx.connection, [("50 % é", "a", 1), (None, "b", 2)])
            adding.write(tx.connection, [("one", "c", 3)])
            adding.write(tx.connection, [])
            moving.write(tx.connection, [("a", "moved", 10), ("c", None, 20)])
            moving.write(tx.connection, [("c", "too great by now", 30)])
        with database.read() as tx:
            rows = tx.connection.execute(select(table).order_by(table.c.name)).all()
        assert [tuple(row) for row in rows] == [("a", 11, "moved"), ("b", 2, None), ("c", 23, None)]

    def test_a_query_is_asked_again_with_other_values(
        self, database: Database, table: Table
    ) -> None:
        above = Query(
            select(table.c.name, table.c.number)
            .where(table.c.number > bindparam("least"), table.c.name != bindparam("but"))
            .where(table.c.number < 9)
            .order_by(table.c.name),
            ("but", "least"),
        )
        with database.transaction() as tx:
            rows = [("a", 1), ("b", 2), ("c", 3), ("d", 9)]
            Batch(insert(table), ("name", "number")).write(tx.connection, rows)
        with database.read() as tx:
            assert [tuple(row) for row in above.rows(tx.connection, "b", 1)] == [("c", 3)]
            found = above.rows(tx.connection, "", 0)
        assert [(row.name, row.number) for row in found] == rows[:3]

    def test_a_batch_that_breaks_a_rule_undoes_the_transaction(
        self, database: Database, table: Table
    ) -> None:
        adding = Batch(insert(table), ("name", "number"))
        with pytest.raises(IntegrityError), database.transaction() as tx:
            adding.write(tx.connection, [("a", 1), ("a", 2)])
        assert self.rows(database, table) == {}

    def test_writers_at_the_same_time_lose_no_update(
        self, url: str, database: Database, table: Table
    ) -> None:
        replica = Database.open(url)
        with database.transaction() as tx:
            tx.connection.execute(table.insert(), [{"name": "a", "number": 0}])

        def add_one(turn: int) -> None:
            with (database, replica)[turn % 2].transaction() as tx:
                query = select(table.c.number).where(table.c.name == "a").with_for_update()
                number = tx.connection.execute(query).scalar_one()
                tx.connection.execute(
                    table.update().where(table.c.name == "a").values(number=number + 1)
                )

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add_one, range(100)))
        assert self.rows(database, table) == {"a": 100}
        replica.close()

    def test_a_reader_is_not_held_up_by_a_writer(self, database: Database, table: Table) -> None:
        with database.transaction() as tx:
            tx.connection.execute(table.insert(), [{"name": "a", "number": 1}])
            with ThreadPoolExecutor(1) as pool:
                began = time.monotonic()
                assert pool.submit(self.rows, database, table).result() == {}
                assert time.monotonic() - began < 2

    def test_an_announcement_makes_only_its_own_facts_due(self, database: Database) -> None:
        waiting = database.plumbing.waiting
        row = {
            "consumer": "c", "topic": "t", "event_key": "k", "payload": b"", "reason": "R",
            "event_time_us": 0, "headers": "{}", "since_us": 0, "attempts": 1,
            "next_try_us": 2**60,
        }  # fmt: skip
        with database.transaction() as tx:
            for name in ("item:a", "item:b"):
                tx.connection.execute(
                    waiting.insert(), [{**row, "event_id": name, "waits_for": name}]
                )
        database.facts_ready.clear()
        with database.transaction() as tx:
            tx.announce("item:a")
        assert database.facts_ready.is_set()
        with database.read() as tx:
            query = select(waiting.c.event_id).where(waiting.c.next_try_us == 0)
            assert tx.connection.execute(query).scalars().all() == ["item:a"]

    def test_migrating_again_and_from_several_places_at_once_is_harmless(
        self, url: str, tmp_path: Path
    ) -> None:
        folder = scripts(tmp_path / "migrations")
        databases = [Database.open(url) for _ in range(3)]
        ready = threading.Barrier(len(databases))

        def migrate(database: Database) -> None:
            ready.wait()
            database.migrate(folder)
            database.migrate(folder)

        with ThreadPoolExecutor(len(databases)) as pool:
            list(pool.map(migrate, databases))
        with databases[0].read() as tx:
            names = set(inspect(tx.connection).get_table_names())
        assert {"outbox", "inbox", "waiting", "counters", "alembic_version"} <= names
        for database in databases:
            database.close()

    def test_tables_of_a_newer_version_are_left_alone(
        self, database: Database, tmp_path: Path
    ) -> None:
        folder = tmp_path / "migrations"
        newer = FIRST.replace('"0001"', '"0002"').replace("None", '"0001"')
        second = folder / "versions" / "0002_second.py"
        second.write_text(newer.split("def upgrade")[0] + "def upgrade():\n    pass\n")
        database.migrate(str(folder))
        second.unlink()
        with pytest.raises(NotNow, match="STORE_NEWER"):
            database.migrate(str(folder))
        with pytest.raises(NotNow, match="STORE_NEWER"):
            database.check_migrated(str(folder))

    def test_who_may_not_migrate_waits_until_another_did(self, url: str, tmp_path: Path) -> None:
        folder = scripts(tmp_path / "migrations")
        waiting, job = Database.open(url), Database.open(url)
        with pytest.raises(Unavailable, match="STORE_OLDER"):
            waiting.check_migrated(folder)
        job.migrate(folder)
        waiting.check_migrated(folder)
        for database in (waiting, job):
            database.close()

    def test_a_turn_has_one_holder_and_passes_on_when_released(
        self, url: str, database: Database, table: Table
    ) -> None:
        other = Database.open(url)
        turn = database.try_turn("work")
        assert turn is not None
        assert other.try_turn("work") is None
        assert database.try_turn("work") is None
        another = other.try_turn("other work")
        assert another is not None
        another.release()
        with turn.connection() as connection:
            connection.execute(table.insert(), [{"name": "a", "number": 1}])
        assert self.rows(other, table) == {"a": 1}
        turn.release()
        mine = other.try_turn("work")
        assert mine is not None
        mine.release()
        other.close()

    def test_a_short_write_is_quick(
        self, database: Database, table: Table, report: Callable[[str], None]
    ) -> None:
        times = []
        for number in range(200):
            began = time.perf_counter()
            with database.transaction() as tx:
                tx.connection.execute(table.insert(), [{"name": str(number), "number": 1}])
                tx.publish(tell(a_fact_once(), "a", number))
            times.append(time.perf_counter() - began)
        times.sort()
        report(f"write and publish: p50 {times[100] * 1e3:.2f} ms, p99 {times[197] * 1e3:.2f} ms")
        assert times[100] < 0.2  # fifty times what an idle machine needs
        with database.read() as tx:
            assert tx.connection.execute(select(func.count()).select_from(table)).scalar() == 200


_ONCE: list[Any] = []


def a_fact_once() -> Any:
    """The same message type each time, made at first use."""
    if not _ONCE:
        _ONCE.append(a_fact())
    return _ONCE[0]
