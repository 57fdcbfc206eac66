"""SQLAlchemy engines, set up for the two databases that Larrey runs on."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from shared.errors import Malformed

BUSY_SECONDS = 5.0
READ_ONLY = "larrey_read_only"
# Pages of 4 KiB in the write-ahead file before a commit copies it back itself. Rows with keyed
# hashes fall all over a table, so the more commits are copied back together, the fewer pages are
# written. A service copies back beside its commits (shared.storage.copying), well before.
WAL_PAGES = 16_000
CACHE_KIB = 16 * 1024  # a connection, as far as it is needed


def _bad_url(remedy: str) -> Malformed:
    return Malformed("STORE_URL_MALFORMED", remedy, field="database_url")


def parse(url: str) -> URL:
    """The address of a database; refuses Malformed what neither engine can open."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _bad_url(
            "Write sqlite:///folder/file.db or postgresql://user@host:port/name."
        ) from None
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise _bad_url("Only sqlite and postgresql are supported.")
    if not parsed.database or parsed.database == ":memory:":
        raise _bad_url("Name a file: sqlite:///folder/file.db. Memory is not shared by threads.")
    return parsed


def open_engine(url: URL, pool_size: int) -> Engine:
    """An engine for `url`; connects at first use, and again after a restart."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, pool_size)
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=BUSY_SECONDS,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 3,
            "keepalives_idle": 10,
            "options": f"-c lock_timeout={int(BUSY_SECONDS * 1000)}",
        },
    )


def _sqlite(url: URL, pool_size: int) -> Engine:
    synchronous = str(url.query.get("synchronous", "normal")).upper()
    if synchronous not in ("NORMAL", "FULL"):
        raise _bad_url("synchronous is normal or full.")
    file = Path(str(url.database))
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.difference_update_query(["synchronous"]),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=BUSY_SECONDS,
        # The connection that wrote last still has the pages at hand; any other reads them again.
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    def prepare(raw: Any, _: object) -> None:
        raw.isolation_level = None  # BEGIN is ours, see below
        use_wal(raw)
        raw.execute(f"PRAGMA synchronous = {synchronous}")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        raw.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

    def begin(connection: Connection) -> None:
        # A write that starts as a read may fail half-way when another writer was
        # quicker; asking for the write lock first makes it wait instead.
        reading = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def use_wal(raw: sqlite3.Connection) -> None:
    """Puts the file in write-ahead mode; several processes may do so at once."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:  # the switch itself does not wait for its turn
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
