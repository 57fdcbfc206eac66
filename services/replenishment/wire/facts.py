"""The events that this service publishes, from the domain's values."""

from __future__ import annotations

from datetime import datetime

from larrey.replenishment.v1 import events_pb2
from services.replenishment.domain.plans import Line, Plan
from services.replenishment.domain.stock import StockReport
from services.replenishment.domain.warnings import Foreseen
from services.replenishment.wire.dates import day_to_wire, instant_to_wire
from services.replenishment.wire.plans import criticality_to_wire, line_to_wire, plan_to_wire
from shared.catalogue.items import Item, Site
from shared.catalogue.wire import item_to_wire, site_to_wire


def item_put(item: Item) -> events_pb2.ItemPut:
    return events_pb2.ItemPut(item_id=item.item_id, item=item_to_wire(item))


def site_put(site: Site) -> events_pb2.SitePut:
    return events_pb2.SitePut(site_id=site.site_id, site=site_to_wire(site))


def stock_reported(
    report: StockReport, usable_base: float, on_order_base: float
) -> events_pb2.StockReported:
    return events_pb2.StockReported(
        item_id=report.item_id,
        site_id=report.site_id,
        usable_base=usable_base,
        on_order_base=on_order_base,
        counted_time=instant_to_wire(report.counted_time),
    )


def plan_proposed(plan: Plan) -> events_pb2.PlanProposed:
    return events_pb2.PlanProposed(plan_id=plan.plan_id, plan=plan_to_wire(plan))


def order_approved(
    order_id: str, plan_id: str, line: Line, decided_by: str, decided_time: datetime
) -> events_pb2.OrderApproved:
    return events_pb2.OrderApproved(
        item_id=line.item_id,
        order_id=order_id,
        plan_id=plan_id,
        line=line_to_wire(line),
        decided_by=decided_by,
        decided_time=instant_to_wire(decided_time),
    )


def shortage_foreseen(item: Item, foreseen: Foreseen, at: datetime) -> events_pb2.ShortageForeseen:
    day = foreseen.stockout_day
    return events_pb2.ShortageForeseen(
        item_id=foreseen.item_id,
        site_id=foreseen.site_id,
        label=item.label,
        critical_resource=item.critical_resource,
        criticality=criticality_to_wire(item.criticality),
        probability=foreseen.probability,
        stockout_day=None if day is None else day_to_wire(day),
        days_of_cover=foreseen.days_of_cover,
        foreseen_time=instant_to_wire(at),
        lifted=not foreseen.active,
    )
