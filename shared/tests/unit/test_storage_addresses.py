"""Database addresses, and which of a database's errors mean "try again"."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from shared.errors import Malformed, Unavailable
from shared.storage import Database
from shared.testing.guarded import free_ports


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://h/x", "sqlite://", "sqlite:///:memory:"])
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    with pytest.raises(Malformed, match="STORE_URL_MALFORMED"):
        Database.open(url)


def test_an_unknown_way_to_flush_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="synchronous is normal or full"):
        Database.open(f"sqlite:///{tmp_path}/s.db?synchronous=sometimes")


@pytest.mark.parametrize(("mode", "number"), [("normal", 1), ("full", 2)])
def test_an_operator_chooses_when_to_flush(tmp_path: Path, mode: str, number: int) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/s.db?synchronous={mode}")
    with database.read() as tx:
        assert tx.connection.execute(text("PRAGMA synchronous")).scalar() == number
        assert tx.connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_server_that_is_not_there_is_said_to_be_away() -> None:
    database = Database.open(f"postgresql://nobody@127.0.0.1:{free_ports(1)[0]}/none")
    with pytest.raises(Unavailable, match="STORE_AWAY"), database.transaction():
        pytest.fail("no transaction can begin")
    with pytest.raises(Unavailable, match="STORE_AWAY"):
        database.try_turn("work")


def test_a_missing_table_is_our_fault_and_not_an_absence(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/s.db")
    with pytest.raises(OperationalError, match="no such table"), database.transaction() as tx:
        tx.connection.execute(text("SELECT * FROM nowhere"))


def test_an_error_does_not_quote_the_values_that_were_written(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/s.db")
    with pytest.raises(OperationalError) as caught, database.transaction() as tx:
        tx.connection.execute(text("INSERT INTO nowhere VALUES (:name)"), {"name": "Dupont"})
    assert "Dupont" not in str(caught.value)


def test_another_process_that_writes_for_too_long_is_said_to_be_busy(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    database = Database.open(f"sqlite:///{file}")
    with database.transaction() as tx:
        tx.connection.execute(text("CREATE TABLE t (x)"))
        tx.connection.execute(text("PRAGMA busy_timeout = 100"))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="STORE_BUSY"), database.transaction() as tx:
        tx.connection.execute(text("INSERT INTO t VALUES (1)"))
    other.execute("ROLLBACK")
    other.close()
    with database.transaction() as tx:
        tx.connection.execute(text("INSERT INTO t VALUES (1)"))


def test_a_transaction_inside_a_transaction_is_our_fault(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/s.db")
    with database.transaction():
        with pytest.raises(RuntimeError, match="open transaction"), database.transaction():
            pytest.fail("it would wait for itself")
        with database.read() as tx:  # reading beside it is fine
            assert tx.connection.execute(text("SELECT 1")).scalar() == 1
