"""What was said one period ahead, what came true, and the sums of it, as rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from services.demand.adapters.store.tables import Tables
from services.demand.adapters.store.times import from_micros, micros
from services.demand.domain.accuracy import Cell, Claim, Sums, sums_of, widened
from services.demand.domain.classes import DemandClass
from services.demand.domain.periods import Period
from shared.storage import upsert

KEY = ("item_id", "site_id", "period", "number")


class SqlAccuracy:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection = connection
        self._table = tables.claim
        self._sums = tables.accuracy_sum

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

    def to_judge(self, spans: Mapping[Period, range]) -> Sequence[tuple[Period, int]]:
        claim, summed = self._table, self._sums
        made = select(claim.c.period, claim.c.number).distinct()
        inside = [
            (claim.c.period == period.value) & claim.c.number.between(span.start, span.stop - 1)
            for period, span in spans.items()
        ]
        found = self._periods(made.where(or_(*inside))) if inside else set()
        came = self._periods(made.where(claim.c.actual.is_not(None)))
        found |= came - self._periods(select(summed.c.period, summed.c.number).distinct())
        return [(Period(period), number) for period, number in sorted(found)]

    def _periods(self, query: Select[tuple[str, int]]) -> set[tuple[str, int]]:
        return {(row.period, row.number) for row in self._connection.execute(query)}

    def claims_of(self, period: Period, number: int) -> Sequence[tuple[Claim, float | None]]:
        table = self._table
        return self._read((table.c.period == period.value) & (table.c.number == number))

    def settle(self, period: Period, number: int, came: Sequence[tuple[Claim, float]]) -> None:
        table, summed = self._table, self._sums
        of_period = (table.c.period == period.value) & (table.c.number == number)
        if came:
            statement = (
                update(table)
                .where(
                    (table.c.item_id == bindparam("of_item"))
                    & (table.c.site_id == bindparam("of_site"))
                    & of_period
                )
                .values(actual=bindparam("came"))
            )
            self._connection.execute(
                statement,
                [
                    {"of_item": claim.item_id, "of_site": claim.site_id, "came": actual}
                    for claim, actual in came
                ],
            )
        settled = _settled(self._read(of_period & table.c.actual.is_not(None)))
        self._connection.execute(
            delete(summed).where((summed.c.period == period.value) & (summed.c.number == number))
        )
        rows = [
            {
                "site_id": cell.site_id,
                "demand_class": cell.demand_class.value,
                "period": cell.period.value,
                "number": cell.number,
                **told._asdict(),
            }
            for cell, told in sums_of(settled).items()
        ]
        if rows:
            self._connection.execute(insert(summed), rows)

    def forget(self, period: Period, made_before: datetime) -> None:
        table = self._table
        old = (table.c.period == period.value) & (table.c.made_us < micros(made_before))
        self._connection.execute(delete(table).where(old))

    def forget_sums(self, period: Period, before: int) -> None:
        table = self._sums
        old = (table.c.period == period.value) & (table.c.number < before)
        self._connection.execute(delete(table).where(old))

    def settled(self, item_id: str, site_id: str) -> Sequence[tuple[Claim, float]]:
        table = self._table
        condition = table.c.actual.is_not(None) & (table.c.item_id == item_id)
        if site_id:
            condition &= table.c.site_id == site_id
        return _settled(self._read(condition))

    def sums(self, site_id: str) -> Mapping[Cell, Sums]:
        table = self._sums
        query = select(table)
        if site_id:
            query = query.where(table.c.site_id == site_id)
        return {
            Cell(row.site_id, DemandClass(row.demand_class), Period(row.period), row.number): Sums(
                *(getattr(row, name) for name in Sums._fields)
            )
            for row in self._connection.execute(query)
        }

    def _read(self, condition: ColumnElement[bool]) -> Sequence[tuple[Claim, float | None]]:
        table = self._table
        query = select(table).where(condition).order_by(*(table.c[name] for name in KEY))
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


def _settled(rows: Iterable[tuple[Claim, float | None]]) -> list[tuple[Claim, float]]:
    return [(claim, actual) for claim, actual in rows if actual is not None]
