"""A whole service in this process: SQLite, the embedded log, gRPC over loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from google.protobuf.message import Message

from larrey.catalogue.v1 import catalogue_pb2
from larrey.demand.v1 import demand_pb2, events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from larrey.replenishment.v1 import replenishment_pb2_grpc
from services.replenishment.adapters.sharer import found_in_time
from services.replenishment.adapters.solver.sharing import shared
from services.replenishment.adapters.worker import Job, planned
from services.replenishment.domain.demand import Forecast
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Problem
from services.replenishment.domain.sharing import Sharing
from services.replenishment.domain.stock import StockReport
from services.replenishment.domain.terms import SupplyTerms
from services.replenishment.main import build
from services.replenishment.ports import Shared, Sharer, Solved, Solver, SolverProgress
from services.replenishment.wire.dates import day_to_wire, instant_to_wire
from services.replenishment.wire.supply import WIRE_PERIODS
from shared.catalogue.items import Item, Site
from shared.catalogue.wire import item_to_wire, site_to_wire
from shared.clock import SystemClock
from shared.events import Event, decode, event_of, open_log, topic_of
from shared.rpc import channel
from shared.service import Service

T = TypeVar("T")
WEEKDAYS = pb.Weekday.values()[1:]
TIMEOUT_S = 30.0
CLOCK_START = "2026-01-05T06:00:00+00:00"


@dataclass(slots=True)
class Running:
    """One running service, the log it talks on, and a client of it."""

    ask: Any
    events_url: str
    address: str

    def publish(self, message: Message, event_id: str | None = None) -> None:
        log = open_log(self.events_url, client_id="the-test")
        log.publish([event_of(message, clock=SystemClock(), event_id=event_id)])
        log.close()

    def told(self, kind: type[T]) -> list[T]:
        """Every fact of this kind that the service has published so far."""
        log = open_log(self.events_url, client_id="the-test")
        subscription = log.subscribe(f"look-{time.monotonic_ns()}", [topic_of(kind)])  # type: ignore[arg-type]  # a message type
        found: list[Event] = []
        while True:
            part = subscription.poll(0.2, 1000)
            if not part:
                break
            found.extend(delivery.event for delivery in part)
        subscription.close()
        log.close()
        return [decode(event, kind) for event in found]  # type: ignore[type-var]  # the same


class SolverHere:
    """What the worker does, in this process and within a few rounds: a plan costs a moment
    where it costs the start of a process otherwise. `test_worker` has the real one."""

    ROUNDS = 25

    def __call__(
        self,
        problem: Problem,
        seconds: float,
        seed: int,
        tell: Callable[[SolverProgress], None],
        stopped: Callable[[], bool],
        *,
        start: Prices | None = None,
    ) -> Solved | None:
        began = time.monotonic()
        job = Job(problem, began + seconds, seed, 0.0005, 0, start, self.ROUNDS)
        told = planned(job, lambda _progress, _orders: None, stopped)
        if stopped() or told.orders is None or told.prices is None:
            return None
        tell(told.progress)
        taken = time.monotonic() - began
        return Solved(told.orders, told.progress.bound, taken, *told.prices, told.named)


class SharerHere:
    """The real choice of moves, in this process."""

    def __call__(
        self, sharing: Sharing, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Shared | None:
        return None if stopped() else found_in_time(shared(sharing, seconds, seed))


@contextmanager
def running(
    folder: Path, solver: Solver | None = None, sharer: Sharer | None = None, **settings: str
) -> Iterator[Running]:
    """Starts the service on the files in `folder` and stops it at the end."""
    environ = {
        "LARREY_DATABASE_URL": f"sqlite:///{folder}/replenishment.db",
        "LARREY_EVENTS_URL": f"sqlite:///{folder}/events.db",
        "LARREY_DATA_DIR": str(folder),
        "LARREY_CLOCK_START": CLOCK_START,
        "LARREY_STOP_GRACE_SECONDS": "1",
        **settings,
    }
    started: list[Service] = []
    ready = threading.Event()
    failure: list[BaseException] = []

    async def live() -> None:
        service = Service(build(environ, solver or SolverHere(), sharer or SharerHere()))
        started.append(service)
        try:
            await service.start()
        except BaseException as error:
            failure.append(error)
            raise
        finally:
            ready.set()
        await service._stop.wait()
        await service.stop()

    thread = threading.Thread(target=lambda: uvloop.run(live()), daemon=True)
    thread.start()
    ready.wait(TIMEOUT_S)
    if failure:
        raise failure[0]
    service = started[0]
    road = channel(service.address)
    try:
        yield Running(
            replenishment_pb2_grpc.ReplenishmentServiceStub(road),
            environ["LARREY_EVENTS_URL"],
            service.address,
        )
    finally:
        road.close()
        service._loop.call_soon_threadsafe(service._stop.set)
        thread.join(TIMEOUT_S)


def eventually(look: Callable[[], T | None], limit_s: float = TIMEOUT_S) -> T:
    """The first answer of `look` that is neither None, False nor empty."""
    until = time.monotonic() + limit_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def code(item: Item | str) -> catalogue_pb2.ItemCode:
    name = item if isinstance(item, str) else item.item_id
    return catalogue_pb2.ItemCode(system=catalogue_pb2.CODE_SYSTEM_LOCAL, code=name)


def base(amount: float) -> catalogue_pb2.Quantity:
    return catalogue_pb2.Quantity(amount=amount, unit=catalogue_pb2.UNIT_BASE)


def put_items(*items: Item) -> pb.PutItemsRequest:
    return pb.PutItemsRequest(items=[item_to_wire(item) for item in items])


def put_sites(*sites: Site) -> pb.PutSitesRequest:
    return pb.PutSitesRequest(sites=[site_to_wire(site) for site in sites])


def terms_to_wire(terms: SupplyTerms) -> pb.SupplyTerms:
    return pb.SupplyTerms(
        item=code(terms.item_id),
        site_id=terms.site_id,
        supplier_id=terms.supplier_id,
        min_lead_days=terms.min_lead_days,
        lead_weights=terms.lead_weights,
        min_packs=terms.min_packs,
        multiple_packs=terms.multiple_packs,
        pack_price_eur=terms.pack_price_eur,
        price_breaks=[
            pb.PriceBreak(min_packs=b.min_packs, discount=b.discount) for b in terms.price_breaks
        ],
        order_days=[WEEKDAYS[day - 1] for day in sorted(terms.order_days)],
        line_cost_eur=terms.line_cost_eur,
        order_cost_eur=terms.order_cost_eur,
        allocation_packs=terms.allocation_packs,
        shelf_life_days=terms.shelf_life_days,
        supplied_in_shortage=terms.supplied_in_shortage,
    )


def report_to_wire(report: StockReport) -> pb.StockReport:
    wire = pb.StockReport(
        item=code(report.item_id),
        site_id=report.site_id,
        reserved=base(report.reserved_base),
        crisis=base(report.crisis_base),
        counted_time=instant_to_wire(report.counted_time),
    )
    for lot in report.lots:
        row = wire.lots.add(lot_id=lot.lot_id, quantity=base(lot.quantity_base), crisis=lot.crisis)
        if lot.expiry is not None:
            row.expiry.CopyFrom(day_to_wire(lot.expiry))
    for order in report.open_orders:
        wire.open_orders.add(
            order_id=order.order_id, quantity=base(order.quantity_base), due=day_to_wire(order.due)
        )
    return wire


def stream(*reports: StockReport) -> Iterator[pb.ReportStockRequest]:
    return iter([pb.ReportStockRequest(reports=[report_to_wire(r) for r in reports])])


def published(forecast: Forecast) -> events_pb2.ForecastPublished:
    wire = demand_pb2.Forecast(
        item_id=forecast.item_id,
        site_id=forecast.site_id,
        run_id=forecast.run_id,
        period=WIRE_PERIODS[forecast.period],
        levels=forecast.levels,
        base_unit=forecast.base_unit,
        made_time=instant_to_wire(forecast.made_time),
    )
    for period in forecast.periods:
        wire.periods.add(
            start=day_to_wire(period.start), mean=period.mean, quantiles=period.quantiles
        )
    return events_pb2.ForecastPublished(item_id=forecast.item_id, forecast=wire)


def start(
    service: Running, *, seconds: float = 3.0, budget: float | None = None, key: str = ""
) -> pb.Plan:
    request = pb.StartPlanRequest(
        horizon_days=28, seconds=seconds, seed=1, weekly_budget_eur=budget, request_key=key
    )
    answer: pb.StartPlanResponse = service.ask.StartPlan(request, timeout=TIMEOUT_S)
    return answer.plan


def watch(service: Running, plan_id: str) -> list[pb.Plan]:
    """Every state told until the plan ended."""
    request = pb.WatchPlanRequest(plan_id=plan_id)
    return [told.plan for told in service.ask.WatchPlan(request, timeout=TIMEOUT_S * 2)]


def lines(service: Running, plan_id: str, size: int = 1000) -> list[pb.PlanLine]:
    found: list[pb.PlanLine] = []
    token = ""
    while True:
        request = pb.GetPlanRequest(plan_id=plan_id, page_size=size, page_token=token)
        page = service.ask.GetPlan(request, timeout=TIMEOUT_S)
        found.extend(page.lines)
        token = page.next_page_token
        if not token:
            return found


def decide(
    service: Running, plan_id: str, verdicts: Sequence[pb.LineVerdict]
) -> pb.DecidePlanResponse:
    request = pb.DecidePlanRequest(
        plan_id=plan_id, decided_by="Dr A. Pharmacien", verdicts=verdicts
    )
    answer: pb.DecidePlanResponse = service.ask.DecidePlan(request, timeout=TIMEOUT_S)
    return answer


def accept(*lines: pb.PlanLine) -> list[pb.LineVerdict]:
    return [
        pb.LineVerdict(line_id=line.line_id, decision=pb.LINE_DECISION_ACCEPTED) for line in lines
    ]
