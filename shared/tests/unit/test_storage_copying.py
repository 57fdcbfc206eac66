"""The write-ahead file is copied back beside the writers."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.storage import Database
from shared.storage.copying import CopyBack


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(f"sqlite:///{tmp_path / 'one.db'}")
    with opened.transaction() as tx:
        tx.connection.exec_driver_sql("CREATE TABLE kept (word TEXT)")
    yield opened
    opened.close()


def write(database: Database, word: str) -> None:
    with database.transaction() as tx:
        tx.connection.exec_driver_sql("INSERT INTO kept VALUES (?)", (word,))


def in_the_file_alone(folder: Path) -> list[str]:
    """What the database file holds without its write-ahead file."""
    alone = folder / "alone.db"
    shutil.copy(folder / "one.db", alone)
    raw = sqlite3.connect(alone)
    try:
        return [word for (word,) in raw.execute("SELECT word FROM kept")]
    except sqlite3.OperationalError:  # not even the table
        return []
    finally:
        raw.close()


def test_what_was_committed_stands_in_the_file_after_a_step_and_not_before(
    database: Database, tmp_path: Path
) -> None:
    write(database, "one")
    assert in_the_file_alone(tmp_path) == []
    assert CopyBack(database.engine).step() == 0
    assert in_the_file_alone(tmp_path) == ["one"]


def test_what_a_reader_still_looks_past_is_left_for_the_next_step(
    database: Database, tmp_path: Path
) -> None:
    copying = CopyBack(database.engine)
    write(database, "one")
    with database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM kept").scalar() == 1
        write(database, "two")
        assert copying.step() > 0
    assert copying.step() == 0
    assert in_the_file_alone(tmp_path) == ["one", "two"]


def test_nobody_waits_for_it_and_writers_go_on_meanwhile(database: Database) -> None:
    copying = CopyBack(database.engine)
    inside, done = threading.Event(), threading.Event()

    def hold() -> None:
        with database.transaction() as tx:
            tx.connection.exec_driver_sql("INSERT INTO kept VALUES ('held')")
            inside.set()
            done.wait(20)

    writer = threading.Thread(target=hold)
    writer.start()
    assert inside.wait(20)
    copying.step()  # comes back although somebody writes
    done.set()
    writer.join()
    assert copying.step() == 0


class Watched(CopyBack):
    """Says when it copied."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, every_s=0.01)
        self.copied = threading.Event()

    def step(self) -> int:
        left = super().step()
        self.copied.set()
        return left


def test_the_thread_copies_after_a_commit_and_not_without_one(database: Database) -> None:
    copying = Watched(database)
    copying.start()
    assert not copying.copied.wait(0.1)
    write(database, "one")
    copying.wrote()
    assert copying.copied.wait(20)
    copying.stop()


def test_a_database_that_copies_stops_with_its_end(database: Database) -> None:
    assert not copies()
    database.copy_back_beside()
    assert copies()
    write(database, "one")
    database.close()
    assert not copies()


def copies() -> bool:
    return "copy-back" in {thread.name for thread in threading.enumerate()}
