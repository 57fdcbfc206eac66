"""Plans, their lines and what they leave out, as rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, select, update

from services.replenishment.adapters.store.documents import (
    collision_from,
    collision_to,
    explanation_from,
    limit_from,
    limit_to,
    line_to,
    lots_from,
    lots_to,
    offer_from,
    use_first_from,
    use_first_to,
)
from services.replenishment.adapters.store.kept import keep_prices, kept_prices
from services.replenishment.adapters.store.supply import chunks
from services.replenishment.adapters.store.tables import Tables
from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.kept_prices import KeptPrices
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import (
    Asked,
    Decision,
    Line,
    LineKind,
    Plan,
    PlanState,
    Verdict,
)
from services.replenishment.domain.positions import NoSuggestion
from shared.events.event import instant, micros
from shared.storage import upsert


class SqlPlans:
    def __init__(self, connection: Connection, tables: Tables) -> None:
        self._connection, self._tables = connection, tables
        self._plan, self._line, self._left_out = tables.plan, tables.line, tables.left_out
        self._use_first, self._limit = tables.use_first, tables.limit
        self._collision = tables.collision

    def add(self, plan: Plan) -> bool:
        last = self._connection.execute(select(func.max(self._plan.c.place))).scalar()
        row = {
            "plan_id": plan.plan_id,
            "place": (last or 0) + 1,
            "request_key": plan.asked.request_key or None,
            "horizon_days": plan.asked.horizon_days,
            "weekly_budget_eur": plan.asked.weekly_budget_eur,
            "seconds_asked": plan.asked.seconds,
            "seed": plan.asked.seed,
            "made_us": micros(plan.made_time),
            **_figures(plan),
        }
        return upsert(self._connection, self._plan, [row], key=["request_key"], update=[]) == 1

    def by_key(self, request_key: str) -> Plan | None:
        return self._one(select(self._plan).where(self._plan.c.request_key == request_key))

    def get(self, plan_id: str) -> Plan | None:
        return self._one(select(self._plan).where(self._plan.c.plan_id == plan_id))

    def hold(self, plan_id: str) -> Plan | None:
        query = select(self._plan).where(self._plan.c.plan_id == plan_id)
        return self._one(query.with_for_update())

    def _one(self, query: Any) -> Plan | None:
        row = self._connection.execute(query).first()
        return None if row is None else _plan_from(row)

    def page(self, after: int | None, limit: int) -> Sequence[tuple[int, Plan]]:
        query = select(self._plan).order_by(self._plan.c.place.desc()).limit(limit)
        if after is not None:
            query = query.where(self._plan.c.place < after)
        return [(row.place, _plan_from(row)) for row in self._connection.execute(query)]

    def unfinished(self) -> Sequence[str]:
        states = [state.value for state in PlanState if not state.ended]
        query = (
            select(self._plan.c.plan_id)
            .where(self._plan.c.state.in_(states))
            .order_by(self._plan.c.place)
        )
        return list(self._connection.execute(query).scalars())

    def put(self, plan: Plan) -> None:
        self._connection.execute(
            update(self._plan).where(self._plan.c.plan_id == plan.plan_id).values(**_figures(plan))
        )

    def outdate_proposed(self) -> None:
        self._connection.execute(
            update(self._plan)
            .where(self._plan.c.state == PlanState.PROPOSED.value)
            .values(state=PlanState.OUTDATED.value)
        )

    def put_lines(self, plan_id: str, lines: Sequence[Line]) -> None:
        self._connection.execute(delete(self._line).where(self._line.c.plan_id == plan_id))
        rows = [
            {
                "plan_id": plan_id,
                "line_id": line.line_id,
                "place": place,
                "item_id": line.item_id,
                "site_id": line.site_id,
                "packs": line.packs,
                "quantity_base": line.quantity_base,
                "price_eur": line.price_eur,
                "decision": line.decision.value,
                "reason": "",
                "decided_by": "",
                "lots": lots_to(line.lots),
                "document": line_to(line),
            }
            for place, line in enumerate(lines)
        ]
        if rows:
            self._connection.execute(self._line.insert(), rows)

    def put_left_out(self, plan_id: str, left_out: Sequence[NoSuggestion]) -> None:
        table = self._left_out
        self._connection.execute(delete(table).where(table.c.plan_id == plan_id))
        rows = [
            {
                "plan_id": plan_id,
                "place": place,
                "item_id": one.item_id,
                "site_id": one.site_id,
                "reason": one.reason,
                "message": one.message,
            }
            for place, one in enumerate(left_out)
        ]
        if rows:
            self._connection.execute(table.insert(), rows)

    def lines(self, plan_id: str, first: int, limit: int) -> Sequence[Line]:
        query = (
            select(self._line)
            .where(self._line.c.plan_id == plan_id, self._line.c.place >= first)
            .order_by(self._line.c.place)
            .limit(limit)
        )
        return [_line_from(row) for row in self._connection.execute(query)]

    def left_out(self, plan_id: str, first: int, limit: int) -> Sequence[NoSuggestion]:
        table = self._left_out
        query = (
            select(table)
            .where(table.c.plan_id == plan_id, table.c.place >= first)
            .order_by(table.c.place)
            .limit(limit)
        )
        return [
            NoSuggestion(row.item_id, row.site_id, row.reason, row.message)
            for row in self._connection.execute(query)
        ]

    def put_use_first(self, plan_id: str, lots: Sequence[UseFirst]) -> None:
        self._put_documents(self._use_first, plan_id, [use_first_to(lot) for lot in lots])

    def use_first(self, plan_id: str, first: int, limit: int) -> Sequence[UseFirst]:
        found = self._documents(self._use_first, plan_id, first, limit)
        return [use_first_from(text) for text in found]

    def put_limit_prices(self, plan_id: str, prices: Sequence[LimitPrice]) -> None:
        self._put_documents(self._limit, plan_id, [limit_to(one) for one in prices])

    def limit_prices(self, plan_id: str) -> Sequence[LimitPrice]:
        return [limit_from(text) for text in self._documents(self._limit, plan_id)]

    def put_collisions(self, plan_id: str, found: Sequence[Collision]) -> None:
        self._put_documents(self._collision, plan_id, [collision_to(one) for one in found])

    def collisions(self, plan_id: str) -> Sequence[Collision]:
        return [collision_from(text) for text in self._documents(self._collision, plan_id)]

    def _put_documents(self, table: Table, plan_id: str, documents: Sequence[str]) -> None:
        self._connection.execute(delete(table).where(table.c.plan_id == plan_id))
        rows = [
            {"plan_id": plan_id, "place": place, "document": document}
            for place, document in enumerate(documents)
        ]
        if rows:
            self._connection.execute(table.insert(), rows)

    def _documents(
        self, table: Table, plan_id: str, first: int = 0, limit: int | None = None
    ) -> Sequence[str]:
        query = (
            select(table.c.document)
            .where(table.c.plan_id == plan_id, table.c.place >= first)
            .order_by(table.c.place)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def keep_prices(self, prices: KeptPrices) -> None:
        keep_prices(self._connection, self._tables, prices)

    def kept_prices(self) -> KeptPrices | None:
        return kept_prices(self._connection, self._tables)

    def line(self, plan_id: str, line_id: str) -> Line | None:
        return self.lines_by_id(plan_id, [line_id]).get(line_id)

    def lines_by_id(self, plan_id: str, line_ids: Sequence[str]) -> Mapping[str, Line]:
        table = self._line
        found: dict[str, Line] = {}
        for part in chunks(line_ids):
            query = select(table).where(table.c.plan_id == plan_id, table.c.line_id.in_(part))
            for row in self._connection.execute(query):
                found[row.line_id] = _line_from(row)
        return found

    def lines_of(self, plan_id: str, item_id: str, site_id: str) -> Sequence[Line]:
        table = self._line
        query = select(table).where(
            table.c.plan_id == plan_id, table.c.item_id == item_id, table.c.site_id == site_id
        )
        return [_line_from(row) for row in self._connection.execute(query.order_by(table.c.place))]

    def approved_lines(self, plan_id: str) -> Sequence[Line]:
        table = self._line
        approved = (Decision.ACCEPTED.value, Decision.CHANGED.value)
        query = select(table).where(table.c.plan_id == plan_id, table.c.decision.in_(approved))
        return [_line_from(row) for row in self._connection.execute(query)]

    def put_decisions(
        self,
        plan_id: str,
        decided: Sequence[tuple[Line, Verdict]],
        decided_by: str,
        decided_time: datetime,
    ) -> None:
        table = self._line
        statement = (
            update(table)
            .where(table.c.plan_id == plan_id, table.c.line_id == bindparam("the_line"))
            .values(
                packs=bindparam("new_packs"),
                quantity_base=bindparam("new_base"),
                price_eur=bindparam("new_price"),
                decision=bindparam("new_decision"),
                lots=bindparam("new_lots"),
                reason=bindparam("new_reason"),
                decided_by=decided_by,
                decided_us=micros(decided_time),
            )
        )
        rows = [
            {
                "the_line": line.line_id,
                "new_packs": line.packs,
                "new_base": line.quantity_base,
                "new_price": line.price_eur,
                "new_decision": line.decision.value,
                "new_lots": lots_to(line.lots),
                "new_reason": verdict.reason.value,
            }
            for line, verdict in decided
        ]
        self._connection.execute(statement, rows)


def _figures(plan: Plan) -> dict[str, Any]:
    return {
        "state": plan.state.value,
        "first_day": plan.first_day,
        "item_sites": plan.item_sites,
        "cost_eur": plan.cost_eur,
        "bound_eur": plan.bound_eur,
        "gap": plan.gap,
        "seconds": plan.seconds,
        "line_count": plan.line_count,
        "no_suggestion_count": plan.no_suggestion_count,
        "failure": plan.failure,
        "expected_expiry_eur": plan.expected_expiry_eur,
        "use_first_count": plan.use_first_count,
        "limits_priced": plan.limits_priced,
        "transfer_count": plan.transfer_count,
        "moving_eur": plan.moving_eur,
        "saved_expiry_eur": plan.saved_expiry_eur,
        "transfers_note": plan.transfers_note,
        "start_note": plan.start_note,
    }


def _plan_from(row: Row[Any]) -> Plan:
    return Plan(
        plan_id=row.plan_id,
        asked=Asked(
            row.horizon_days,
            row.weekly_budget_eur,
            row.seconds_asked,
            row.seed,
            row.request_key or "",
        ),
        state=PlanState(row.state),
        first_day=row.first_day,
        made_time=instant(row.made_us),
        item_sites=row.item_sites,
        cost_eur=row.cost_eur,
        bound_eur=row.bound_eur,
        gap=row.gap,
        seconds=row.seconds,
        line_count=row.line_count,
        no_suggestion_count=row.no_suggestion_count,
        failure=row.failure,
        expected_expiry_eur=row.expected_expiry_eur,
        use_first_count=row.use_first_count,
        limits_priced=row.limits_priced,
        transfer_count=row.transfer_count,
        moving_eur=row.moving_eur,
        saved_expiry_eur=row.saved_expiry_eur,
        transfers_note=row.transfers_note,
        start_note=row.start_note,
    )


def _line_from(row: Row[Any]) -> Line:
    document = json.loads(row.document)
    return Line(
        line_id=row.line_id,
        item_id=row.item_id,
        site_id=row.site_id,
        supplier_id=document["supplier"],
        order_day=date.fromisoformat(document["order_day"]),
        arrival_day=date.fromisoformat(document["arrival_day"]),
        packs=row.packs,
        quantity_base=row.quantity_base,
        base_unit=document["unit"],
        price_eur=row.price_eur,
        stockout_before=document["before"],
        stockout_after=document["after"],
        reason=document["reason"],
        explanation=explanation_from(document),
        offer=offer_from(document),
        decision=Decision(row.decision),
        kind=LineKind(document.get("kind", "ORDER")),  # older lines have none
        from_site_id=document.get("from", ""),
        lots=lots_from(row.lots),
    )
