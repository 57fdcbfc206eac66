"""Step 4: the loop. Calls move an item's outlook, a shortage moves a case's ranking.

Each effect is checked against a control: a second process that was told the same things
and never received the event.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from larrey.demand.v1 import demand_pb2 as dem
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2 as rep
from loadtests.day.clients import TIMEOUT_S, Clients, base, eventually, local
from loadtests.day.demand_step import all_forecasts, ingest, put_catalogue
from loadtests.day.orientation_step import OrientationResult, report_beds, score
from loadtests.day.processes import READY_S, Running, start
from loadtests.day.replenishment_step import stock_of
from loadtests.day.screen import table
from loadtests.day.world import START, Position, Product, positions
from shared.rpc import channel


@dataclass(frozen=True, slots=True)
class LoopResult:
    items_moved: int
    cases_moved: int


def control(name: str, folder: Path) -> Running:
    """A service with an event log of its own, on which nobody else speaks."""
    shutil.rmtree(folder, ignore_errors=True)
    running = start(
        name,
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=START.isoformat(),
    )
    try:
        running.wait_ready(time.monotonic() + READY_S)
    except BaseException:
        running.stop()
        raise
    return running


def play(
    clients: Clients,
    products: Sequence[Product],
    oriented: OrientationResult,
    folder: Path,
    console: Console,
) -> LoopResult:
    items = calls_move_items(clients, products, folder, console)
    cases = shortage_moves_cases(clients, products, oriented, folder, console)
    return LoopResult(items, cases)


def calls_move_items(
    clients: Clients, products: Sequence[Product], folder: Path, console: Console
) -> int:
    """Items whose outlook differs from the forecast because calls were counted."""

    def counted() -> list[dem.Forecast] | None:
        found = [f for f in all_forecasts(clients) if f.outlook.factor > 1]
        return found or None

    moved = eventually("the calls' journey from orientation to demand", counted)
    _settled(lambda: len(counted() or ()))
    moved = counted() or moved
    shown = max(moved, key=lambda f: (f.outlook.factor, f.item_id))
    where = shown.item_id, shown.site_id
    product = next(p for p in products if (p.item_id, p.site_id) == where)
    without = _forecast_without_calls(product, folder / "control-demand", console)
    if without.outlook.factor > 1:
        raise RuntimeError("The control heard no call, yet its outlook moved")
    table(
        console,
        f"{product.label} ({shown.outlook.item_class}): the same item with and without the calls",
        ("", "next month's mean", "outlook"),
        [
            ("calls heard", f"{shown.outlook.first_mean:,.1f}", shown.outlook.reason),
            ("control", f"{without.outlook.first_mean:,.1f}", without.outlook.reason),
        ],
    )
    console.print(f"  {len(moved)} items have another outlook because of calls.")
    return len(moved)


def _settled(look: Any) -> None:
    """Waits until the value that `look` gives has stopped changing."""
    seen, quiet = look(), 0

    def same() -> bool:
        nonlocal seen, quiet
        now = look()
        quiet = quiet + 1 if now == seen else 0
        seen = now
        return quiet >= 3

    eventually("the end of the change", same)


def _forecast_without_calls(product: Product, folder: Path, console: Console) -> dem.Forecast:
    running = control("demand", folder)
    try:
        stub = demand_pb2_grpc.DemandServiceStub(channel(running.grpc))
        alone = Clients(stub, None, None)
        put_catalogue(stub, dem, [product])
        ingest(alone, [product], console)
        run = stub.StartForecastRun(
            dem.StartForecastRunRequest(period=dem.PERIOD_MONTH, horizon=1), timeout=TIMEOUT_S
        ).run
        for _ in stub.WatchForecastRun(dem.WatchForecastRunRequest(run_id=run.run_id), timeout=300):
            pass
        return stub.GetForecast(
            dem.GetForecastRequest(item=local(product.item_id), site_id=product.site_id),
            timeout=TIMEOUT_S,
        ).forecast
    finally:
        running.stop()


def _empty_shelf(p: Position, minutes: int) -> rep.StockReport:
    """The position as if the shelf was found empty and nothing was on its way."""
    report = stock_of(p, counted=minutes)
    del report.lots[:]
    del report.open_orders[:]
    report.lots.add(lot_id="L1", quantity=base(0))
    return report


def shortage_moves_cases(
    clients: Clients,
    products: Sequence[Product],
    oriented: OrientationResult,
    folder: Path,
    console: Console,
) -> int:
    """Cases whose first facility changed because critical resources will run out there."""
    critical = [p for p in positions(list(products)) if p.product.critical_resource]
    sites = {p.product.site_id for p in critical}
    reports = [_empty_shelf(p, minutes=50) for p in critical]
    answer = clients.replenishment.ReportStock(
        iter([rep.ReportStockRequest(reports=reports)]), timeout=TIMEOUT_S
    )
    if answer.accepted != len(reports):
        raise RuntimeError("The empty shelves were not all taken in")
    console.print(f"  {len(reports)} critical resources are found missing (simulated).")
    without = _answers_without_shortage(oriented, folder / "control-orientation")

    def moved() -> list[tuple[Any, ori.CaseAnswer, ori.CaseAnswer]]:
        asked = [
            (call, _again(clients.orientation, call.update, "after"), without[call.case_id])
            for call in oriented.calls
        ]
        return [found for found in asked if _first(found[1]) != _first(found[2])]

    eventually("the shortage's journey from replenishment to orientation", moved)
    found = moved()
    # the clearest to show: a case that would have gone to one of the very sites
    found.sort(key=lambda one: _first(one[2]) not in sites)
    _show_case(console, found)
    return len(found)


def _answers_without_shortage(
    oriented: OrientationResult, folder: Path
) -> dict[str, ori.CaseAnswer]:
    """The same calls, answered by a service that no shortage was ever told to."""
    running = control("orientation", folder)
    try:
        alone = orientation_pb2_grpc.OrientationServiceStub(channel(running.grpc))
        report_beds(alone)
        return {call.case_id: score(alone, call.update) for call in oriented.calls}
    finally:
        running.stop()


def _again(orientation: Any, update: ori.CaseUpdate, suffix: str) -> ori.CaseAnswer:
    """The same case asked once more: nothing new is said of it."""
    repeat = ori.CaseUpdate()
    repeat.CopyFrom(update)
    repeat.update_id = f"{update.update_id}-{suffix}"
    return score(orientation, repeat)


def _first(answer: ori.CaseAnswer) -> str:
    return answer.facilities[0].finess_geo if answer.facilities else ""


def _show_case(
    console: Console, moved: Sequence[tuple[Any, ori.CaseAnswer, ori.CaseAnswer]]
) -> None:
    if not moved:
        console.print("  No case changed its first facility.")
        return
    call, live, without = moved[0]
    before = next((f for f in live.facilities if f.finess_geo == _first(without)), None)
    said = [r.text for r in before.reasons if r.code.startswith("SHORTAGE")] if before else []
    table(
        console,
        f"{call.update.age_years:.0f} y, {call.label.lower()}, {call.commune}: "
        "the same case with and without the shortage",
        ("", "first facility", "why"),
        [
            ("shortage heard", live.facilities[0].name, "; ".join(said) or live.why_not_nearest),
            ("control", without.facilities[0].name, without.facilities[0].reasons[0].text),
        ],
    )
    console.print(f"  {len(moved)} cases have another first facility because of the shortage.")
