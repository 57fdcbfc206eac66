"""The prices that a plan leaves to the next one, and what a plan says of its start."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Date, Integer, LargeBinary, MetaData, Table, Text

from shared.storage.schema import create_tables

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "kept_prices",
        metadata,
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer, nullable=False),
        Column("first_day", Date, nullable=False),
        Column("prices", LargeBinary, nullable=False),
    )
    create_tables(op, metadata)
    op.add_column("plan", Column("start_note", Text, nullable=False, server_default=""))
