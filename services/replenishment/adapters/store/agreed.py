"""Limits of sites and of the whole group as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, tuple_

from services.replenishment.adapters.store.documents import lane_from, lane_to
from services.replenishment.adapters.store.tables import Tables
from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.shelves import StorageLimit
from shared.catalogue.items import Storage
from shared.storage import upsert

Row = dict[str, Any]


class SqlAgreed:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._lane = tables.lane
        self._storage, self._allotment = tables.storage_limit, tables.group_allotment

    def put_storage_limits(self, limits: Sequence[StorageLimit]) -> None:
        rows = [
            {"site_id": one.site_id, "kind": one.kind.value, "capacity_m3": one.capacity_m3}
            for one in limits
        ]
        self._put(self._storage, ["site_id", "kind"], rows)

    def put_allotments(self, allotments: Sequence[GroupAllotment]) -> None:
        rows = [
            {"item_id": one.item_id, "supplier_id": one.supplier_id, "packs": one.packs}
            for one in allotments
        ]
        self._put(self._allotment, ["item_id", "supplier_id"], rows)

    def put_lanes(self, lanes: Sequence[Lane]) -> None:
        rows = [
            {
                "from_site_id": lane.from_site_id,
                "to_site_id": lane.to_site_id,
                "document": lane_to(lane),
            }
            for lane in lanes
        ]
        if rows:
            upsert(self._connection, self._lane, rows, key=["from_site_id", "to_site_id"])

    def withdraw_lanes(self, keys: Sequence[tuple[str, str]]) -> None:
        lane = self._lane
        if keys:
            self._connection.execute(
                delete(lane).where(tuple_(lane.c.from_site_id, lane.c.to_site_id).in_(keys))
            )

    def limits(self) -> GroupLimits:
        """The tables are short: people agree on each entry."""
        storage, allotment, lane = self._storage, self._allotment, self._lane
        return GroupLimits(
            storage=tuple(
                StorageLimit(row.site_id, Storage(row.kind), row.capacity_m3)
                for row in self._connection.execute(
                    select(storage).order_by(storage.c.site_id, storage.c.kind)
                )
            ),
            allotments=tuple(
                GroupAllotment(row.item_id, row.supplier_id, row.packs)
                for row in self._connection.execute(
                    select(allotment).order_by(allotment.c.item_id, allotment.c.supplier_id)
                )
            ),
            lanes=tuple(
                lane_from(row.from_site_id, row.to_site_id, row.document)
                for row in self._connection.execute(
                    select(lane).order_by(lane.c.from_site_id, lane.c.to_site_id)
                )
            ),
        )

    def _put(self, table: Table, key: list[str], rows: Sequence[Row]) -> None:
        """Rows with a value are written, rows without one are taken away."""
        kept = [row for row in rows if None not in row.values()]
        gone = [tuple(row[name] for name in key) for row in rows if None in row.values()]
        if kept:
            upsert(self._connection, table, kept, key=key)
        if gone:
            columns = [table.c[name] for name in key]
            self._connection.execute(delete(table).where(tuple_(*columns).in_(gone)))
