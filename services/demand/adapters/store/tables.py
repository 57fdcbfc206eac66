"""Every table of the demand service."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from services.demand.domain.accuracy import Sums
from shared.catalogue.tables import CatalogueTables, catalogue_tables
from shared.storage.schema import COUNTER


@dataclass(frozen=True, slots=True)
class Tables:
    metadata: MetaData
    catalogue: CatalogueTables
    movement: Table
    staged: Table
    history_file: Table
    run: Table
    finding: Table
    forecast: Table
    case: Table
    signal: Table
    reported: Table
    uses: Table
    shelf: Table
    claim: Table
    accuracy_sum: Table


def _movement(metadata: MetaData) -> Table:
    """Every movement that was ever taken in: its id and 64 bits of its content."""
    return Table(
        "movement",
        metadata,
        Column("movement_id", String(128), primary_key=True),
        Column("fingerprint", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


def _staged(metadata: MetaData) -> Table:
    """Movements that are not in the history files yet. `day` counts from 1970."""
    return Table(
        "movement_staged",
        metadata,
        Column("seq", COUNTER, primary_key=True, autoincrement=True),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("day", Integer, nullable=False),
        Column("reason", Integer, nullable=False),
        Column("amount", Float(53), nullable=False),
        Column("ward_id", String(64), nullable=False),
        sqlite_autoincrement=True,
    )


def _history_file(metadata: MetaData) -> Table:
    """The files that are the history; a file that is not listed here does not count."""
    return Table(
        "history_file",
        metadata,
        Column("name", String(80), primary_key=True),
        Column("rows", BigInteger, nullable=False),
    )


def _run(metadata: MetaData) -> Table:
    """Times are microseconds since 1970, lists are JSON."""
    return Table(
        "forecast_run",
        metadata,
        Column("run_id", String(64), primary_key=True),
        Column("request_key", String(128), unique=True),
        Column("state", String(8), nullable=False),
        Column("period", String(8), nullable=False),
        Column("horizon", Integer, nullable=False),
        Column("as_of", Date, nullable=False),
        Column("site_ids", Text, nullable=False),
        Column("item_ids", Text, nullable=False),
        Column("series", BigInteger, nullable=False),
        Column("series_done", BigInteger, nullable=False),
        Column("start_us", BigInteger, nullable=False),
        Column("end_us", BigInteger),
        Column("failure", Text, nullable=False),
        Column("seq", BigInteger, nullable=False),
        Column("lead", Integer, nullable=False, server_default="0"),
        Column("target", String(8), nullable=False, server_default="demand"),
        Column("update_only", Boolean, nullable=False, server_default=false()),
        Index("forecast_run_by_state", "state", "seq"),
    )


def _finding(metadata: MetaData) -> Table:
    """`forecast` tells whether the series was forecast all the same."""
    return Table(
        "run_finding",
        metadata,
        Column("run_id", String(64), primary_key=True),
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("forecast", Boolean, nullable=False),
        Column("reason", String(64), nullable=False),
        Column("message", Text, nullable=False),
    )


def _forecast(metadata: MetaData) -> Table:
    """The newest forecast of each item and site, as the bytes of its message."""
    return Table(
        "forecast",
        metadata,
        Column("site_id", String(9), primary_key=True),
        Column("item_id", String(64), primary_key=True),
        Column("run_id", String(64), nullable=False, index=True),
        Column("made_us", BigInteger, nullable=False),
        Column("message", LargeBinary, nullable=False),
    )


def _shelf(metadata: MetaData) -> Table:
    """The newest report of a shelf by item, site and day (counted from 1970)."""
    return Table(
        "shelf_day",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("day", Integer, primary_key=True),
        Column("level", Float(53)),
        Column("out_share", Float(53)),
        sqlite_with_rowid=False,
    )


def _claim(metadata: MetaData) -> Table:
    """What was said of the first period of a forecast, and what came true of it.

    `number` counts periods from 1970; `curve` is a JSON list of quantiles.
    """
    return Table(
        "claim",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("period", String(8), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("made_us", BigInteger, nullable=False),
        Column("demand_class", String(16), nullable=False),
        Column("mean", Float(53), nullable=False),
        Column("curve", Text, nullable=False),
        Column("step", Float(53), nullable=False),
        Column("actual", Float(53)),
        Index("claim_by_age", "made_us"),
        Index("claim_by_period", "period", "number", "actual"),
        sqlite_with_rowid=False,
    )


def _accuracy_sum(metadata: MetaData) -> Table:
    """Claims that came true, added up (see domain.accuracy.Sums): figures of all sites never
    read the claims of single series."""
    return Table(
        "accuracy_sum",
        metadata,
        Column("period", String(8), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("site_id", String(9), primary_key=True),
        Column("demand_class", String(16), primary_key=True),
        *(Column(name, Float(53), nullable=False) for name in Sums._fields),
        sqlite_with_rowid=False,
    )


def _reported(metadata: MetaData) -> Table:
    """Values of signals from outside, by name and day of publication."""
    return Table(
        "reported_signal",
        metadata,
        Column("name", String(64), primary_key=True),
        Column("published", Date, primary_key=True),
        Column("value", Float(53), nullable=False),
        sqlite_with_rowid=False,
    )


def _uses(metadata: MetaData) -> Table:
    """Uses of equipment, the newest report of each; seconds since 1970, UTC."""
    return Table(
        "equipment_use",
        metadata,
        Column("use_id", String(128), primary_key=True),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("unit_id", String(64), nullable=False),
        Column("start_s", BigInteger),
        Column("end_s", BigInteger),
        Index("equipment_use_by_item", "item_id", "site_id"),
    )


def tables() -> Tables:
    """Declares all of them afresh."""
    metadata = MetaData()
    case = Table(
        "signal_case",
        metadata,
        Column("case_key", String(200), primary_key=True),
        Column("syndrome_group", String(64), nullable=False),
        Column("day", Date, nullable=False),
        Column("oriented_us", BigInteger, nullable=False),
    )
    signal = Table(
        "signal_day",
        metadata,
        Column("day", Date, primary_key=True),
        Column("syndrome_group", String(64), primary_key=True),
        Column("calls", BigInteger, nullable=False),
    )
    return Tables(
        metadata=metadata,
        catalogue=catalogue_tables(metadata),
        movement=_movement(metadata),
        staged=_staged(metadata),
        history_file=_history_file(metadata),
        run=_run(metadata),
        finding=_finding(metadata),
        forecast=_forecast(metadata),
        case=case,
        signal=signal,
        reported=_reported(metadata),
        uses=_uses(metadata),
        shelf=_shelf(metadata),
        claim=_claim(metadata),
        accuracy_sum=_accuracy_sum(metadata),
    )
