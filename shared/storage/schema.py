"""The tables that carry events in and out of a service's own transactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

# SQLite counts rows only in an INTEGER key; elsewhere 64 bits are asked for by name.
COUNTER = BigInteger().with_variant(Integer(), "sqlite")


class Operations(Protocol):
    """What these helpers use of alembic's `op`."""

    def get_bind(self) -> Connection: ...


@dataclass(frozen=True, slots=True)
class Plumbing:
    """outbox: facts to publish. inbox: ids already handled. waiting: facts that came early."""

    outbox: Table
    inbox: Table
    waiting: Table


def _event_columns() -> list[Column[object]]:
    return [
        Column("event_id", String(200), nullable=False),
        Column("topic", String(249), nullable=False),
        Column("event_key", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("event_time_us", BigInteger, nullable=False),
        Column("headers", Text, nullable=False),
    ]


def plumbing_tables(metadata: MetaData) -> Plumbing:
    """Declares the three tables in `metadata`.

    Times are microseconds since 1970 (UTC). The outbox never gives a row number twice
    (AUTOINCREMENT): a relay that woke up late must not delete a newer fact.
    """
    outbox = Table(
        "outbox",
        metadata,
        Column("id", COUNTER, primary_key=True, autoincrement=True),
        *_event_columns(),
        sqlite_autoincrement=True,
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", String(200), primary_key=True),
        Column("event_id", String(200), primary_key=True),
        Column("handled_us", BigInteger, nullable=False),
        Index("inbox_by_age", "handled_us"),
        sqlite_with_rowid=False,
    )
    waiting = Table(
        "waiting",
        metadata,
        Column("id", COUNTER, primary_key=True, autoincrement=True),
        Column("consumer", String(200), nullable=False),
        Column("waits_for", Text, nullable=False),
        *_event_columns(),
        Column("reason", String(100), nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("next_try_us", BigInteger, nullable=False),
        Index("waiting_for", "waits_for"),
        Index("waiting_by_key", "consumer", "topic", "event_key"),
        Index("waiting_by_turn", "consumer", "next_try_us"),
        sqlite_autoincrement=True,
    )
    return Plumbing(outbox, inbox, waiting)


def create_plumbing(op: Operations) -> None:
    """Creates outbox, inbox and waiting; called once by a service's first revision.

    What it makes is fixed: a later change of these tables comes as a function of its
    own, called by a new revision of each service.
    """
    metadata = MetaData()
    plumbing_tables(metadata)
    metadata.create_all(op.get_bind(), checkfirst=False)


def create_tables(op: Operations, metadata: MetaData) -> None:
    """Creates every table of `metadata`; for a service's first revision."""
    metadata.create_all(op.get_bind(), checkfirst=False)
