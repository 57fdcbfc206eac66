"""Reports of shelves as rows, the newest of an item, site and day."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from services.demand.adapters.store.tables import Tables
from services.demand.domain.shelf import ShelfDay
from shared.storage import upsert


class SqlShelf:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._table = tables.shelf

    def put(self, reports: Sequence[ShelfDay]) -> None:
        rows = {
            (one.item_id, one.site_id, one.day): {
                "item_id": one.item_id,
                "site_id": one.site_id,
                "day": one.day,
                "level": one.level,
                "out_share": one.out,
            }
            for one in reports
        }
        upsert(
            self._connection, self._table, list(rows.values()), key=["item_id", "site_id", "day"]
        )
