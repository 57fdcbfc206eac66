"""What was said one period ahead, and what came true, as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.accuracy import Claim, widened
from services.demand.domain.classes import DemandClass
from services.demand.domain.periods import Period
from shared.storage import upsert

KEY = ("item_id", "site_id", "period", "number")


class SqlAccuracy:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._table = tables.claim

    def claim(self, claims: Sequence[Claim]) -> None:
        rows = [
            {
                "item_id": one.item_id,
                "site_id": one.site_id,
                "period": one.period.value,
                "number": one.number,
                "made_us": micros(one.made_time),
                "demand_class": one.demand_class.value,
                "mean": one.mean,
                "curve": json.dumps(one.quantiles),
                "step": one.step,
            }
            for one in claims
        ]
        upsert(self._connection, self._table, rows, key=list(KEY))

    def open_claims(self, item_site: Sequence[tuple[str, str]]) -> Sequence[Claim]:
        wanted = set(item_site)
        return [claim for claim, _ in self._read(None) if (claim.item_id, claim.site_id) in wanted]

    def settle(self, settled: Sequence[tuple[Claim, float]]) -> None:
        if not settled:
            return
        table = self._table
        statement = (
            update(table)
            .where(
                (table.c.item_id == bindparam("of_item"))
                & (table.c.site_id == bindparam("of_site"))
                & (table.c.period == bindparam("of_period"))
                & (table.c.number == bindparam("of_number"))
            )
            .values(actual=bindparam("came"))
        )
        self._connection.execute(
            statement,
            [
                {
                    "of_item": claim.item_id,
                    "of_site": claim.site_id,
                    "of_period": claim.period.value,
                    "of_number": claim.number,
                    "came": actual,
                }
                for claim, actual in settled
            ],
        )

    def forget(self, made_before: datetime) -> None:
        table = self._table
        self._connection.execute(delete(table).where(table.c.made_us < micros(made_before)))

    def settled(self, site_id: str, item_id: str) -> Sequence[tuple[Claim, float]]:
        table = self._table
        condition: Any = table.c.actual.is_not(None)
        if site_id:
            condition &= table.c.site_id == site_id
        if item_id:
            condition &= table.c.item_id == item_id
        return [(claim, actual) for claim, actual in self._read(condition) if actual is not None]

    def _read(self, condition: Any) -> Sequence[tuple[Claim, float | None]]:
        table = self._table
        query = select(table).order_by(*(table.c[name] for name in KEY))
        if condition is not None:
            query = query.where(condition)
        return [
            (
                Claim(
                    row.item_id,
                    row.site_id,
                    Period(row.period),
                    row.number,
                    from_micros(row.made_us),
                    DemandClass(row.demand_class),
                    row.mean,
                    widened(json.loads(row.curve)),
                    row.step,
                ),
                row.actual,
            )
            for row in self._connection.execute(query)
        ]
