"""Sums of what came true, and a way to the claims of one period."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, Integer, MetaData, String, Table

from shared.storage.schema import create_tables

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "accuracy_sum",
        metadata,
        Column("period", String(8), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("demand_class", String(16), primary_key=True),
        Column("actuals", Float(53), nullable=False),
        Column("excess", Float(53), nullable=False),
        Column("used", Float(53), nullable=False),
        Column("error", Float(53), nullable=False),
        Column("inside_95", Float(53), nullable=False),
        Column("inside_80", Float(53), nullable=False),
        Column("below_p90", Float(53), nullable=False),
        Column("scaled", Float(53), nullable=False),
        Column("moved", Float(53), nullable=False),
        Column("loss", Float(53), nullable=False),
        Column("score", Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    create_tables(op, metadata)
    op.create_index("claim_by_period", "claim", ["period", "number", "actual"])
