"""The first tables: plumbing, cases, decisions, facilities, shortages."""

from __future__ import annotations

from alembic import op
from sqlalchemy import MetaData

from services.orientation.adapters.store.tables import tables
from shared.storage.schema import create_plumbing, create_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_plumbing(op)
    metadata = MetaData()
    tables(metadata)
    create_tables(op, metadata)
