"""Movements by id, and the staging table that feeds the history files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, insert, select

from services.demand.adapters.store.tables import Tables
from services.demand.domain.movements import Movement

# Parameters of one IN list stay far below SQLite's limit.
CHUNK = 1000


class SqlMovements:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._tables = tables

    def fingerprints(self, movement_ids: Sequence[str]) -> Mapping[str, int]:
        """The fingerprints of those ids that are known."""
        table = self._tables.movement
        found: dict[str, int] = {}
        for start in range(0, len(movement_ids), CHUNK):
            ids = movement_ids[start : start + CHUNK]
            rows = self._connection.execute(
                select(table.c.movement_id, table.c.fingerprint).where(table.c.movement_id.in_(ids))
            )
            found.update((row[0], row[1]) for row in rows)
        return found

    def add(self, movements: Sequence[Movement]) -> None:
        """Remembers and stages movements whose ids are not known yet."""
        if not movements:
            return
        self._connection.execute(
            insert(self._tables.movement),
            [{"movement_id": m.movement_id, "fingerprint": m.fingerprint} for m in movements],
        )
        self._connection.execute(
            insert(self._tables.staged),
            [
                {
                    "item_id": m.item_id,
                    "site_id": m.site_id,
                    "day": m.day,
                    "reason": m.reason,
                    "amount": m.amount,
                    "ward_id": m.ward_id,
                }
                for m in movements
            ],
        )

    def any(self) -> bool:
        query = select(self._tables.movement.c.movement_id).limit(1)
        return self._connection.execute(query).first() is not None
