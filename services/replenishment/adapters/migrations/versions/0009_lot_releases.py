"""The record of lots that were released beyond their day."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Date, MetaData, String, Table, Text

from shared.storage.schema import create_tables

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "lot_release",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("lot_id", String(64), primary_key=True),
        Column("released_us", BigInteger, primary_key=True, autoincrement=False),
        Column("last_day", Date),
        Column("reason", String(32), nullable=False),
        Column("note", Text, nullable=False),
        Column("released_by", String(128), nullable=False),
    )
    create_tables(op, metadata)
