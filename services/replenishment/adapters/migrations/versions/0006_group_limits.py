"""Room of a site's stores, and what a supplier allots to the whole group."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Float, MetaData, String, Table

from shared.storage.schema import create_tables

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "storage_limit",
        metadata,
        Column("site_id", String(9), primary_key=True),
        Column("kind", String(16), primary_key=True),
        Column("capacity_m3", Float(53), nullable=False),
    )
    Table(
        "group_allotment",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("supplier_id", String(64), primary_key=True),
        Column("packs", BigInteger, nullable=False),
    )
    create_tables(op, metadata)
