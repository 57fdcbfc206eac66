"""Counts of emergency calls as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, select, update

from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.signals import Case
from shared.storage import upsert


class SqlSignals:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._case = tables.case
        self._signal = tables.signal

    def case(self, case_key: str) -> Case | None:
        row = self._connection.execute(
            select(self._case).where(self._case.c.case_key == case_key)
        ).first()
        if row is None:
            return None
        return Case(row.case_key, row.syndrome_group, row.day, from_micros(row.oriented_us))

    def put_case(self, case: Case) -> None:
        row = {
            "case_key": case.case_key,
            "syndrome_group": case.group,
            "day": case.day,
            "oriented_us": micros(case.oriented_time),
        }
        upsert(self._connection, self._case, [row], key=["case_key"])

    def count(self, day: date, group: str, change: int) -> None:
        """Adds `change` to the calls of a group in a day."""
        table = self._signal
        row = {"day": day, "syndrome_group": group, "calls": 0}
        upsert(self._connection, table, [row], key=["day", "syndrome_group"], update=[])
        self._connection.execute(
            update(table)
            .where((table.c.day == day) & (table.c.syndrome_group == group))
            .values(calls=table.c.calls + change)
        )

    def calls(self, first: date, last: date) -> Mapping[tuple[date, str], int]:
        """Calls by (day, group) from `first` to `last`, both included."""
        table = self._signal
        rows = self._connection.execute(
            select(table).where((table.c.day >= first) & (table.c.day <= last))
        )
        return {(row.day, row.syndrome_group): row.calls for row in rows}
