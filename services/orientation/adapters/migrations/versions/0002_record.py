"""The decision log, the switch of each SAMU, vehicles, and the limits of facilities."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    insert,
)

from shared.storage.schema import create_tables

revision = "0002"
down_revision = "0001"
GENESIS = "0" * 64


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "ledger",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("case_key", String(64), nullable=False),
        Column("body", Text, nullable=False),
        Index("ledger_by_case", "case_key"),
        Index("ledger_by_age", "at_us"),
    )
    head = Table(
        "ledger_head",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("seq", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
    )
    Table(
        "ledger_checkpoints",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("signature", String(64), nullable=False),
    )
    Table(
        "suggestion_modes",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("mode", String(8), nullable=False),
        Column("set_by", String(128), nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )
    Table(
        "vehicles",
        metadata,
        Column("resource_id", String(128), primary_key=True),
        Column("exercise", Boolean, primary_key=True),
        Column("owner", String(64), nullable=False),
        Column("vehicle_type", String(32), nullable=False),
        Column("state", String(16), nullable=False),
        Column("state_us", BigInteger, nullable=False),
        Column("latitude", Float),
        Column("longitude", Float),
        Column("position_us", BigInteger, nullable=False),
        Column("case_key", String(64), nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )
    create_tables(op, metadata)
    op.get_bind().execute(insert(head).values(id=1, seq=0, hash=GENESIS))
    for column in (
        Column("age_from", Float),
        Column("age_until", Float),
        Column("orsan_rank", Integer, nullable=False, server_default="0"),
        Column("opening", Text, nullable=False, server_default=""),
    ):
        op.add_column("facilities", column)
    op.add_column("cases", Column("ended", Boolean, nullable=False, server_default=false()))
