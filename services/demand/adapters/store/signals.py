"""Counts of emergency calls as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select, update

from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.drivers.signals import Reported
from services.demand.domain.signals import Case
from shared.storage import upsert


class SqlSignals:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._case = tables.case
        self._signal = tables.signal
        self._reported = tables.reported

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

    def put_reported(self, values: Sequence[Reported]) -> None:
        rows = {
            (one.name, one.published): {
                "name": one.name,
                "published": one.published,
                "value": one.value,
            }
            for one in values
        }
        upsert(self._connection, self._reported, list(rows.values()), key=["name", "published"])

    def reported(self, first: date, last: date) -> Sequence[Reported]:
        """By name and day of publication, both days included."""
        table = self._reported
        rows = self._connection.execute(
            select(table)
            .where((table.c.published >= first) & (table.c.published <= last))
            .order_by(table.c.name, table.c.published)
        )
        return [Reported(row.name, row.published, row.value) for row in rows]
