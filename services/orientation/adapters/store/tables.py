"""The tables, the same on SQLite and PostgreSQL. Instants are microseconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_us(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


@dataclass(frozen=True, slots=True)
class Tables:
    """No name, phone, address or free text has a column here, nor has a case id."""

    cases: Table
    decisions: Table
    facilities: Table
    shortages: Table


def tables(metadata: MetaData) -> Tables:
    cases = Table(
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
    decisions = Table(
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
    facilities = Table(
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
    shortages = Table(
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
    return Tables(cases, decisions, facilities, shortages)
