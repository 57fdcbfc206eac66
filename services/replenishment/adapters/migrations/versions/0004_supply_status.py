"""What the medicines agency says of the supply of items."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Date, MetaData, String, Table

from shared.storage.schema import create_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "supply_status",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("availability", String(16), nullable=False),
        Column("since", Date),
        Column("source_day", Date, nullable=False),
        Column("partly", Boolean, nullable=False),
    )
    create_tables(op, metadata)
