"""Reports of shelves, what forecasts claimed and what came true, lead time and target of runs."""

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
)

from shared.storage.schema import create_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "shelf_day",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("day", Integer, primary_key=True),
        Column("level", Float(53)),
        Column("out_share", Float(53)),
        sqlite_with_rowid=False,
    )
    Table(
        "claim",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("period", String(8), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("made_us", BigInteger, nullable=False),
        Column("demand_class", String(16), nullable=False),
        Column("mean", Float(53), nullable=False),
        Column("curve", Text, nullable=False),
        Column("step", Float(53), nullable=False),
        Column("actual", Float(53)),
        Index("claim_by_age", "made_us"),
        sqlite_with_rowid=False,
    )
    create_tables(op, metadata)
    op.add_column("forecast_run", Column("lead", Integer, nullable=False, server_default="0"))
    op.add_column(
        "forecast_run", Column("target", String(8), nullable=False, server_default="demand")
    )
    op.add_column(
        "forecast_run", Column("update_only", Boolean, nullable=False, server_default=false())
    )
