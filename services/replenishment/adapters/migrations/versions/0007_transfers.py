"""Lanes between sites, transfers as approved orders, and what a plan moves."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Float, Integer, MetaData, String, Table, Text, false

from shared.storage.schema import create_tables

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    metadata = MetaData()
    Table(
        "transfer_lane",
        metadata,
        Column("from_site_id", String(9), primary_key=True),
        Column("to_site_id", String(9), primary_key=True),
        Column("document", Text, nullable=False),
    )
    create_tables(op, metadata)
    op.add_column(
        "approved_order", Column("from_site_id", String(9), nullable=False, server_default="")
    )
    op.add_column("approved_order", Column("lots", Text, nullable=False, server_default="[]"))
    op.add_column(
        "approved_order", Column("left_elsewhere", Boolean, nullable=False, server_default=false())
    )
    op.add_column("plan_line", Column("lots", Text, nullable=False, server_default="[]"))
    op.add_column("plan", Column("transfer_count", Integer, nullable=False, server_default="0"))
    op.add_column("plan", Column("moving_eur", Float(53), nullable=False, server_default="0"))
    op.add_column("plan", Column("saved_expiry_eur", Float(53)))
    op.add_column("plan", Column("transfers_note", Text, nullable=False, server_default=""))
