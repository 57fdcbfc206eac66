"""The lots that each plan says to use first, and what they are expected to lose."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text

from shared.storage.schema import create_tables

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "plan_use_first",
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("document", Text, nullable=False),
    )
    create_tables(op, metadata)
    op.add_column("plan", Column("expected_expiry_eur", Float(53)))
    op.add_column("plan", Column("use_first_count", Integer, nullable=False, server_default="0"))
