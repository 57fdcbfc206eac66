"""Substitutes that a named pharmacist approved."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Float, MetaData, String, Table, Text

from shared.storage.schema import create_tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "substitute",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("substitute_id", String(64), primary_key=True),
        Column("ratio", Float(53), nullable=False),
        Column("note", Text, nullable=False),
        Column("approved_by", String(128), nullable=False),
        Column("approved_us", BigInteger, nullable=False),
    )
    create_tables(op, metadata)
