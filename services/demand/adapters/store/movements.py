"""Movements by id, and the staging table that feeds the history files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from services.demand.adapters.store.bulk import among, insert_all
from services.demand.adapters.store.tables import Tables
from services.demand.domain.movements import Movement

STAGED = ("item_id", "site_id", "day", "reason", "amount", "ward_id")


class SqlMovements:
    """Written for speed: a nightly feed holds millions of rows."""

    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._tables = tables

    def fingerprints(self, movement_ids: Sequence[str]) -> Mapping[str, int]:
        """The fingerprints of those ids that are known."""
        table = self._tables.movement
        known = among(self._connection, table.c.movement_id, movement_ids)
        query = select(table.c.movement_id, table.c.fingerprint).where(known)
        return {row[0]: row[1] for row in self._connection.execute(query).all()}

    def add(self, movements: Sequence[Movement]) -> None:
        """Remembers and stages movements whose ids are not known yet."""
        ids = [(m.movement_id, m.fingerprint) for m in movements]
        insert_all(self._connection, self._tables.movement, ("movement_id", "fingerprint"), ids)
        insert_all(self._connection, self._tables.staged, STAGED, [m[2:] for m in movements])

    def any(self) -> bool:
        query = select(self._tables.movement.c.movement_id).limit(1)
        return self._connection.execute(query).first() is not None
