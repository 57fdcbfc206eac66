"""The first tables: catalogue, movements, history files, runs, forecasts, signals."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from shared.catalogue.tables import catalogue_tables
from shared.storage.schema import COUNTER, create_plumbing, create_tables

revision = "0001"
down_revision = None


def _movements(metadata: MetaData) -> None:
    Table(
        "movement",
        metadata,
        Column("movement_id", String(128), primary_key=True),
        Column("fingerprint", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    Table(
        "movement_staged",
        metadata,
        Column("seq", COUNTER, primary_key=True, autoincrement=True),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("day", Integer, nullable=False),
        Column("reason", Integer, nullable=False),
        Column("amount", Float(53), nullable=False),
        Column("ward_id", String(64), nullable=False),
        sqlite_autoincrement=True,
    )
    Table(
        "history_file",
        metadata,
        Column("name", String(80), primary_key=True),
        Column("rows", BigInteger, nullable=False),
    )


def _forecasts(metadata: MetaData) -> None:
    Table(
        "forecast_run",
        metadata,
        Column("run_id", String(64), primary_key=True),
        Column("request_key", String(128), unique=True),
        Column("state", String(8), nullable=False),
        Column("period", String(8), nullable=False),
        Column("horizon", Integer, nullable=False),
        Column("as_of", Date, nullable=False),
        Column("site_ids", Text, nullable=False),
        Column("item_ids", Text, nullable=False),
        Column("series", BigInteger, nullable=False),
        Column("series_done", BigInteger, nullable=False),
        Column("start_us", BigInteger, nullable=False),
        Column("end_us", BigInteger),
        Column("failure", Text, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Index("forecast_run_by_state", "state", "seq"),
    )
    Table(
        "run_finding",
        metadata,
        Column("run_id", String(64), primary_key=True),
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("forecast", Boolean, nullable=False),
        Column("reason", String(64), nullable=False),
        Column("message", Text, nullable=False),
    )
    Table(
        "forecast",
        metadata,
        Column("site_id", String(9), primary_key=True),
        Column("item_id", String(64), primary_key=True),
        Column("run_id", String(64), nullable=False, index=True),
        Column("made_us", BigInteger, nullable=False),
        Column("message", LargeBinary, nullable=False),
    )


def _signals(metadata: MetaData) -> None:
    Table(
        "signal_case",
        metadata,
        Column("case_key", String(200), primary_key=True),
        Column("syndrome_group", String(64), nullable=False),
        Column("day", Date, nullable=False),
        Column("oriented_us", BigInteger, nullable=False),
    )
    Table(
        "signal_day",
        metadata,
        Column("day", Date, primary_key=True),
        Column("syndrome_group", String(64), primary_key=True),
        Column("calls", BigInteger, nullable=False),
    )


def upgrade() -> None:
    metadata = MetaData()
    catalogue_tables(metadata)
    _movements(metadata)
    _forecasts(metadata)
    _signals(metadata)
    create_tables(op, metadata)
    create_plumbing(op)
