"""The first tables: plumbing, cases, decisions, facilities, shortages."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from shared.storage.schema import create_plumbing, create_tables

revision = "0001"
down_revision = None


def _cases(metadata: MetaData) -> None:
    Table(
        "cases",
        metadata,
        Column("case_key", String(64), primary_key=True),
        Column("exercise", Boolean, primary_key=True),
        Column("state", Text, nullable=False),
        Column("revision", Integer, nullable=False),
        Column("suggested_decision", String(16), nullable=False),
        Column("suggested_resource", String(32), nullable=False),
        Column("suggested_finess", String(9), nullable=False),
        Column("counted_group", String(32), nullable=False),
        Column("band", Integer, nullable=False),
        Column("department", String(3), nullable=False),
        Column("owner", String(64), nullable=False),
        Column("changed_us", BigInteger, nullable=False),
        Index("cases_by_age", "changed_us"),
    )
    Table(
        "decisions",
        metadata,
        Column("decision_id", String(128), primary_key=True),
        Column("case_key", String(64), nullable=False),
        Column("exercise", Boolean, nullable=False),
        Column("decided_by", String(128), nullable=False),
        Column("operator_role", String(16), nullable=False),
        Column("decision_type", String(16), nullable=False),
        Column("resource_type", String(32), nullable=False),
        Column("orientation_type", String(16), nullable=False),
        Column("finess_geo", String(9), nullable=False),
        Column("medical_transport", Boolean),
        Column("override_reason", Integer, nullable=False),
        Column("decided_us", BigInteger, nullable=False),
        Column("followed", Boolean, nullable=False),
        Column("suggested_decision", String(16), nullable=False),
        Column("suggested_resource", String(32), nullable=False),
        Column("suggested_finess", String(9), nullable=False),
        Column("patient_id", String(128), nullable=False),
        Index("decisions_by_case", "case_key", "exercise"),
    )


def _facilities(metadata: MetaData) -> None:
    Table(
        "facilities",
        metadata,
        Column("finess_geo", String(9), primary_key=True),
        Column("name", String(200), nullable=False),
        Column("latitude", Float, nullable=False),
        Column("longitude", Float, nullable=False),
        Column("capabilities", Text, nullable=False),
        Column("beds", Text, nullable=False),
        Column("closed", Boolean, nullable=False),
        Column("synthetic", Boolean, nullable=False),
        Column("counted_us", BigInteger, nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )
    Table(
        "shortages",
        metadata,
        Column("site_id", String(9), primary_key=True),
        Column("item_id", String(64), primary_key=True),
        Column("resource", String(64), nullable=False),
        Column("label", String(200), nullable=False),
        Column("probability", Float, nullable=False),
        Column("stockout_day", Date),
        Column("foreseen_us", BigInteger, nullable=False),
        Column("lifted", Boolean, nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )


def upgrade() -> None:
    create_plumbing(op)
    metadata = MetaData()
    _cases(metadata)
    _facilities(metadata)
    create_tables(op, metadata)
