"""The tables of the replenishment service."""

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
)

from shared.catalogue.tables import CatalogueTables, catalogue_tables


@dataclass(frozen=True, slots=True)
class Tables:
    catalogue: CatalogueTables
    terms: Table
    stock: Table
    forecast: Table
    approved: Table
    plan: Table
    line: Table
    left_out: Table
    use_first: Table
    limit: Table
    collision: Table
    warning: Table
    status: Table
    substitute: Table
    storage_limit: Table
    group_allotment: Table
    lane: Table
    release: Table
    kept_prices: Table


def tables(metadata: MetaData | None = None) -> Tables:
    """Declares the tables. Instants are microseconds since 1970; documents are JSON."""
    metadata = MetaData() if metadata is None else metadata
    return Tables(
        catalogue=catalogue_tables(metadata),
        terms=_by_item_site("supply_terms", metadata, Column("document", Text, nullable=False)),
        stock=_by_item_site(
            "stock_report",
            metadata,
            Column("counted_us", BigInteger, nullable=False),
            Column("document", Text, nullable=False),
        ),
        forecast=_by_item_site(
            "forecast",
            metadata,
            Column("made_us", BigInteger, nullable=False),
            Column("document", Text, nullable=False),
        ),
        approved=_approved(metadata),
        plan=_plan(metadata),
        line=_line(metadata),
        left_out=Table(
            "plan_left_out",
            metadata,
            Column("plan_id", String(64), primary_key=True),
            Column("place", Integer, primary_key=True, autoincrement=False),
            Column("item_id", String(64), nullable=False),
            Column("site_id", String(9), nullable=False),
            Column("reason", String(32), nullable=False),
            Column("message", Text, nullable=False),
        ),
        use_first=_by_place("plan_use_first", metadata),
        limit=_by_place("plan_limit", metadata),
        collision=_by_place("plan_collision", metadata),
        substitute=Table(
            "substitute",
            metadata,
            Column("item_id", String(64), primary_key=True),
            Column("substitute_id", String(64), primary_key=True),
            Column("ratio", Float(53), nullable=False),
            Column("note", Text, nullable=False),
            Column("approved_by", String(128), nullable=False),
            Column("approved_us", BigInteger, nullable=False),
        ),
        status=Table(
            "supply_status",
            metadata,
            Column("item_id", String(64), primary_key=True),
            Column("availability", String(16), nullable=False),
            Column("since", Date),
            Column("source_day", Date, nullable=False),
            Column("partly", Boolean, nullable=False),
        ),
        storage_limit=Table(
            "storage_limit",
            metadata,
            Column("site_id", String(9), primary_key=True),
            Column("kind", String(16), primary_key=True),
            Column("capacity_m3", Float(53), nullable=False),
        ),
        release=Table(
            "lot_release",
            metadata,
            Column("item_id", String(64), primary_key=True),
            Column("site_id", String(9), primary_key=True),
            Column("lot_id", String(64), primary_key=True),
            Column("released_us", BigInteger, primary_key=True, autoincrement=False),
            Column("last_day", Date),
            Column("reason", String(32), nullable=False),
            Column("note", Text, nullable=False),
            Column("released_by", String(128), nullable=False),
        ),
        kept_prices=Table(
            "kept_prices",
            metadata,
            Column("place", Integer, primary_key=True, autoincrement=False),  # one row: 0
            Column("version", Integer, nullable=False),
            Column("first_day", Date, nullable=False),
            Column("prices", LargeBinary, nullable=False),
        ),
        lane=Table(
            "transfer_lane",
            metadata,
            Column("from_site_id", String(9), primary_key=True),
            Column("to_site_id", String(9), primary_key=True),
            Column("document", Text, nullable=False),
        ),
        group_allotment=Table(
            "group_allotment",
            metadata,
            Column("item_id", String(64), primary_key=True),
            Column("supplier_id", String(64), primary_key=True),
            Column("packs", BigInteger, nullable=False),
        ),
        warning=_by_item_site(
            "warning",
            metadata,
            Column("active", Boolean, nullable=False),
            Column("probability", Float(53), nullable=False),
            Column("stockout_day", Date),
            Column("days_of_cover", Float(53), nullable=False),
        ),
    )


def _by_place(name: str, metadata: MetaData) -> Table:
    return Table(
        name,
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("place", Integer, primary_key=True, autoincrement=False),
        Column("document", Text, nullable=False),
    )


def _by_item_site(name: str, metadata: MetaData, *columns: Column[object]) -> Table:
    return Table(
        name,
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("site_id", String(9), primary_key=True),
        *columns,
    )


def _approved(metadata: MetaData) -> Table:
    return Table(
        "approved_order",
        metadata,
        Column("order_id", String(128), primary_key=True),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("plan_id", String(64), nullable=False),
        Column("packs", BigInteger, nullable=False),
        Column("quantity_base", Float(53), nullable=False),
        Column("price_eur", Float(53), nullable=False),
        Column("order_day", Date, nullable=False),
        Column("due", Date, nullable=False),
        Column("known_elsewhere", Boolean, nullable=False),
        Column("from_site_id", String(9), nullable=False),
        Column("lots", Text, nullable=False),
        Column("left_elsewhere", Boolean, nullable=False),
        Index("approved_by_item_site", "item_id", "site_id"),
    )


def _plan(metadata: MetaData) -> Table:
    return Table(
        "plan",
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("place", BigInteger, nullable=False, unique=True),
        Column("request_key", String(128), unique=True),
        Column("state", String(16), nullable=False, index=True),
        Column("horizon_days", Integer, nullable=False),
        Column("weekly_budget_eur", Float(53)),
        Column("seconds_asked", Float(53), nullable=False),
        Column("seed", Integer, nullable=False),
        Column("first_day", Date, nullable=False),
        Column("made_us", BigInteger, nullable=False),
        Column("item_sites", Integer, nullable=False),
        Column("cost_eur", Float(53), nullable=False),
        Column("bound_eur", Float(53), nullable=False),
        Column("gap", Float(53), nullable=False),
        Column("seconds", Float(53), nullable=False),
        Column("line_count", Integer, nullable=False),
        Column("no_suggestion_count", Integer, nullable=False),
        Column("failure", Text, nullable=False),
        Column("expected_expiry_eur", Float(53)),
        Column("use_first_count", Integer, nullable=False),
        Column("limits_priced", Boolean, nullable=False),
        Column("transfer_count", Integer, nullable=False),
        Column("moving_eur", Float(53), nullable=False),
        Column("saved_expiry_eur", Float(53)),
        Column("transfers_note", Text, nullable=False),
        Column("start_note", Text, nullable=False),
    )


def _line(metadata: MetaData) -> Table:
    return Table(
        "plan_line",
        metadata,
        Column("plan_id", String(64), primary_key=True),
        Column("line_id", String(64), primary_key=True),
        Column("place", Integer, nullable=False),
        Column("item_id", String(64), nullable=False),
        Column("site_id", String(9), nullable=False),
        Column("packs", BigInteger, nullable=False),
        Column("quantity_base", Float(53), nullable=False),
        Column("price_eur", Float(53), nullable=False),
        Column("decision", String(16), nullable=False),
        Column("reason", String(32), nullable=False),
        Column("decided_by", String(128), nullable=False),
        Column("decided_us", BigInteger),
        Column("lots", Text, nullable=False),
        Column("document", Text, nullable=False),
        Index("plan_line_by_place", "plan_id", "place"),
    )
