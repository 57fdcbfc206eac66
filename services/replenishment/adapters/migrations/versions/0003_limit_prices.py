"""What one unit more of each limit of a plan would save."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, Text, false

from shared.storage.schema import create_tables

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "plan_limit",
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("document", Text, nullable=False),
    )
    create_tables(op, metadata)
    op.add_column("plan", Column("limits_priced", Boolean, nullable=False, server_default=false()))
