"""The record of released lots as rows: nothing in it is ever changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table, select

from services.replenishment.domain.releases import Release, ReleaseReason
from shared.events.event import instant, micros
from shared.storage import upsert

Key = tuple[str, str]


def add_release(connection: Connection, table: Table, one: Release) -> None:
    row = {
        "item_id": one.item_id,
        "site_id": one.site_id,
        "lot_id": one.lot_id,
        "released_us": micros(one.released_time),
        "last_day": one.last_day,
        "reason": one.reason.value,
        "note": one.note,
        "released_by": one.released_by,
    }
    upsert(connection, table, [row], key=["item_id", "site_id", "lot_id", "released_us"])


def releases_in_force(connection: Connection, table: Table) -> Mapping[Key, Sequence[Release]]:
    """The newest entry of each lot, by item and site. The table is short: people release lots."""
    newest: dict[tuple[str, str, str], Release] = {}
    for row in connection.execute(select(table).order_by(table.c.released_us)):
        newest[row.item_id, row.site_id, row.lot_id] = Release(
            row.item_id,
            row.site_id,
            row.lot_id,
            row.last_day,
            ReleaseReason(row.reason),
            row.note,
            row.released_by,
            instant(row.released_us),
        )
    found: dict[Key, list[Release]] = {}
    for (item_id, site_id, _), one in sorted(newest.items()):
        if one.last_day is not None:
            found.setdefault((item_id, site_id), []).append(one)
    return found
