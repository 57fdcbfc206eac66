"""Values of signals from outside: influenza and whatever else may lead demand."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Date, Float, MetaData, String, Table

from shared.storage.schema import create_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "reported_signal",
        metadata,
        Column("name", String(64), primary_key=True),
        Column("published", Date, primary_key=True),
        Column("value", Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    create_tables(op, metadata)
