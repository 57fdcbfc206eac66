"""The three tables in which a service keeps its own copy of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Float, MetaData, String, Table


@dataclass(frozen=True, slots=True)
class CatalogueTables:
    items: Table
    codes: Table
    sites: Table


def catalogue_tables(metadata: MetaData) -> CatalogueTables:
    """Declares the tables on `metadata`, for queries and for a service's migrations."""
    items = Table(
        "catalogue_item",
        metadata,
        Column("item_id", String(64), primary_key=True),
        Column("label", String(200), nullable=False),
        Column("base_unit", String(32), nullable=False),
        Column("base_per_dispensing_unit", Float(53), nullable=False),
        Column("dispensing_units_per_pack", Float(53), nullable=False),
        Column("criticality", String(16), nullable=False),
        Column("storage", String(16), nullable=False),
        Column("pack_volume_m3", Float(53), nullable=False),
        Column("item_class", String(64), nullable=False),
        Column("critical_resource", String(64), nullable=False),
    )
    codes = Table(
        "catalogue_code",
        metadata,
        Column("system", String(8), primary_key=True),
        Column("value", String(64), primary_key=True),
        Column("item_id", String(64), nullable=False, index=True),
    )
    sites = Table(
        "catalogue_site",
        metadata,
        Column("site_id", String(9), primary_key=True),
        Column("name", String(200), nullable=False),
        Column("school_zone", String(1), nullable=False),
    )
    return CatalogueTables(items, codes, sites)
