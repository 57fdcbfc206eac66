"""The limits that leave an item's need uncovered, by plan."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from shared.storage.schema import create_tables

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "plan_collision",
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("document", Text, nullable=False),
    )
    create_tables(op, metadata)
