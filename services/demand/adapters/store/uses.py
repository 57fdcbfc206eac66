"""Uses of equipment as rows, the newest report of each use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select

from services.demand.adapters.store.bulk import among
from services.demand.adapters.store.tables import Tables
from services.demand.domain.uses import Use
from shared.storage import upsert


class SqlUses:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._table = tables.uses

    def put(self, uses: Sequence[Use]) -> None:
        rows = [
            {
                "use_id": one.use_id,
                "item_id": one.item_id,
                "site_id": one.site_id,
                "unit_id": one.unit_id,
                "start_s": one.start,
                "end_s": one.end,
            }
            for one in uses
        ]
        upsert(self._connection, self._table, rows, key=["use_id"])

    def any(self) -> bool:
        return self._connection.execute(select(self._table.c.use_id).limit(1)).first() is not None

    def of(self, item_ids: Sequence[str], site_ids: Sequence[str]) -> Sequence[Use]:
        """By item, site and use; of all items or sites where none are named."""
        table = self._table
        query = select(table).order_by(table.c.item_id, table.c.site_id, table.c.use_id)
        if item_ids:
            query = query.where(among(self._connection, table.c.item_id, item_ids))
        if site_ids:
            query = query.where(among(self._connection, table.c.site_id, site_ids))
        return [
            Use(row.use_id, row.item_id, row.site_id, row.unit_id, row.start_s, row.end_s)
            for row in self._connection.execute(query)
        ]

    def newest(self) -> Mapping[str, int]:
        """Site -> the newest instant that any of its reports names."""
        table = self._table
        rows = self._connection.execute(
            select(table.c.site_id, func.max(table.c.start_s), func.max(table.c.end_s)).group_by(
                table.c.site_id
            )
        )
        return {site: max(t for t in (start, end) if t is not None) for site, start, end in rows}
