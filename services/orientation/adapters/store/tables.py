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
    false,
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
    ledger: Table
    ledger_head: Table
    ledger_checkpoints: Table
    modes: Table
    vehicles: Table


def _later(metadata: MetaData) -> tuple[Table, Table, Table, Table, Table]:
    """The tables of the second revision."""
    ledger = Table(
        "ledger",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("case_key", String(64), nullable=False),
        Column("body", Text, nullable=False),
        Index("ledger_by_age", "at_us"),
    )
    head = Table(
        "ledger_head",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("seq", BigInteger, nullable=False),
        Column("hash", String(64), nullable=False),
    )
    checkpoints = Table(
        "ledger_checkpoints",
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(64), nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("signature", String(64), nullable=False),
    )
    modes = Table(
        "suggestion_modes",
        metadata,
        Column("owner", String(64), primary_key=True),
        Column("mode", String(8), nullable=False),
        Column("set_by", String(128), nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )
    vehicles = Table(
        "vehicles",
        metadata,
        Column("resource_id", String(128), primary_key=True),
        Column("exercise", Boolean, primary_key=True),
        Column("owner", String(64), nullable=False),
        Column("vehicle_type", String(32), nullable=False),
        Column("state", String(16), nullable=False),
        Column("state_us", BigInteger, nullable=False),
        Column("latitude", Float),
        Column("longitude", Float),
        Column("position_us", BigInteger, nullable=False),
        Column("case_key", String(64), nullable=False),
        Column("changed_us", BigInteger, nullable=False),
    )
    return ledger, head, checkpoints, modes, vehicles


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
        Column("ended", Boolean, nullable=False, server_default=false()),
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
        Column("age_from", Float),
        Column("age_until", Float),
        Column("orsan_rank", Integer, nullable=False, server_default="0"),
        Column("opening", Text, nullable=False, server_default=""),
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
    return Tables(cases, decisions, facilities, shortages, *_later(metadata))
