"""Uses of reusable equipment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table

from shared.storage.schema import create_tables

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "equipment_use",
        metadata,
        Column("use_id", String(128), primary_key=True),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("unit_id", String(64), nullable=False),
        Column("start_s", BigInteger),
        Column("end_s", BigInteger),
        Index("equipment_use_by_item", "item_id", "site_id"),
    )
    create_tables(op, metadata)
