"""Step 2: stock and supply terms, a 28-day plan of the whole catalogue, the riskiest items."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from larrey.replenishment.v1 import replenishment_pb2 as pb
from loadtests.day.clients import TIMEOUT_S, Clients, base, day, eventually, local, stamp
from loadtests.day.screen import bar, table
from loadtests.day.world import SITES, START, Position, Product, positions

HORIZON_DAYS = 28
SOLVER_S = 12.0
CHUNK = 500
WEEKDAYS = (
    pb.WEEKDAY_MONDAY,
    pb.WEEKDAY_TUESDAY,
    pb.WEEKDAY_WEDNESDAY,
    pb.WEEKDAY_THURSDAY,
    pb.WEEKDAY_FRIDAY,
)
LANES = ((0, 1), (1, 0), (0, 2))  # places in SITES: between the two of Nantes, to Saint-Nazaire
DECIDER = "pharmacist on duty (simulated)"


@dataclass(frozen=True, slots=True)
class ReplenishmentResult:
    item_sites: int
    order_lines: int
    gap: float
    seconds: float
    cost_eur: float
    no_suggestion: int
    approved: int
    transfers: int


def terms_of(p: Position) -> pb.SupplyTerms:
    return pb.SupplyTerms(
        item=local(p.product.item_id),
        site_id=p.product.site_id,
        supplier_id=p.supplier,
        min_lead_days=p.lead_days,
        lead_weights=[0.7, 0.2, 0.1],
        min_packs=p.min_packs,
        multiple_packs=p.multiple,
        pack_price_eur=p.price_eur,
        order_days=[WEEKDAYS[d - 1] for d in p.order_days],
        line_cost_eur=4.0,
        order_cost_eur=25.0,
    )


def stock_of(p: Position, *, counted: int = 0) -> pb.StockReport:
    """The stock report of a position; `counted` minutes after the day's start."""
    report = pb.StockReport(item=local(p.product.item_id), site_id=p.product.site_id)
    for number, (amount, expiry) in enumerate(p.lots):
        lot = report.lots.add(lot_id=f"L{number + 1}", quantity=base(amount))
        if expiry is not None:
            lot.expiry.CopyFrom(day(expiry))
    if p.on_order:
        report.open_orders.add(
            order_id=f"open-{p.product.item_id}-{p.product.site_id}",
            quantity=base(p.on_order),
            due=day(p.due),
        )
    instant = stamp(START)
    instant.seconds += counted * 60 - 3600  # counted an hour before the day starts
    report.counted_time.CopyFrom(instant)
    return report


def lanes() -> Iterator[pb.TransferLane]:
    """The vans between the sites of the group."""
    sites = list(SITES)
    for giver, taker in LANES:
        yield pb.TransferLane(
            from_site_id=sites[giver],
            to_site_id=sites[taker],
            days=1,
            weekdays=WEEKDAYS,
            shipment_cost_eur=15.0,
            line_cost_eur=2.0,
        )


def weekly_budget(drawn: Sequence[Position]) -> float:
    """EUR a site may order for in a week: 1.2 times what an average week uses."""
    use = sum(p.product.daily_mean * 7 / p.product.pack_size * p.price_eur for p in drawn)
    return round(1.2 * use / len({p.product.site_id for p in drawn}), 2)


def plan(clients: Clients, console: Console, budget: float, seconds: float) -> pb.Plan:
    """Plans and follows incumbent, bound and gap until the plan is proposed."""
    started = clients.replenishment.StartPlan(
        pb.StartPlanRequest(
            horizon_days=HORIZON_DAYS, weekly_budget_eur=budget, seconds=seconds, seed=1
        ),
        timeout=TIMEOUT_S,
    ).plan
    last: pb.Plan = started
    with bar(console, "plan, seconds used", seconds) as move:
        for progress in clients.replenishment.WatchPlan(
            pb.WatchPlanRequest(plan_id=started.plan_id), timeout=seconds + 120
        ):
            move(max(0.0, progress.plan.seconds - last.seconds))
            last = progress.plan
    if last.state != pb.PLAN_STATE_PROPOSED:
        raise RuntimeError(f"The plan ended as {pb.PlanState.Name(last.state)}: {last.failure}")
    return last


def lines(clients: Clients, plan_id: str) -> Iterator[pb.PlanLine]:
    token = ""
    while True:
        page = clients.replenishment.GetPlan(
            pb.GetPlanRequest(plan_id=plan_id, page_size=500, page_token=token), timeout=TIMEOUT_S
        )
        yield from page.lines
        token = page.next_page_token
        if not token:
            return


def forecasts_known(clients: Clients) -> bool:
    """Whether no item waits for its forecast any more."""
    answer = clients.replenishment.AssessRisk(
        pb.AssessRiskRequest(horizon_days=HORIZON_DAYS, page_size=1), timeout=TIMEOUT_S
    )
    return not any(n.reason == "NO_FORECAST" for n in answer.not_assessed) and bool(answer.risks)


def play(clients: Clients, products: Sequence[Product], console: Console) -> ReplenishmentResult:
    begin = time.perf_counter()
    drawn = list(positions(list(products)))
    console.print(
        "  Stock, lots, open orders, prices and supply terms are [bold]simulated[/]: drawn once "
        "with a fixed seed."
    )
    for start in range(0, len(drawn), CHUNK):
        clients.replenishment.PutSupplyTerms(
            pb.PutSupplyTermsRequest(terms=[terms_of(p) for p in drawn[start : start + CHUNK]]),
            timeout=TIMEOUT_S,
        )
    clients.replenishment.PutTransferLanes(
        pb.PutTransferLanesRequest(lanes=lanes()), timeout=TIMEOUT_S
    )
    requests = [
        pb.ReportStockRequest(reports=[stock_of(p) for p in drawn[start : start + CHUNK]])
        for start in range(0, len(drawn), CHUNK)
    ]
    counted = clients.replenishment.ReportStock(iter(requests), timeout=TIMEOUT_S)
    if counted.refused:
        first = counted.refusals[0]
        raise RuntimeError(
            f"{counted.refused} stock reports were refused, the first for {first.reason}: "
            f"{first.message}"
        )
    eventually(
        "the forecasts' journey from demand to replenishment", lambda: forecasts_known(clients)
    )
    proposed = plan(clients, console, weekly_budget(drawn), SOLVER_S)
    found = list(lines(clients, proposed.plan_id))
    transfers = [line for line in found if line.kind == pb.LINE_KIND_TRANSFER]
    orders = len(found) - len(transfers)
    console.print(
        f"  {orders} order lines for {proposed.item_sites} item-sites, cost "
        f"{proposed.cost_eur:,.0f} EUR, proven bound {proposed.bound_eur:,.0f} EUR: "
        f"[bold]at most {proposed.gap:.2%} above the best plan there is[/]."
    )
    show_transfer(clients, console, proposed, transfers)
    show_risks(clients, console)
    approved = decide(clients, console, proposed.plan_id, found)
    return ReplenishmentResult(
        item_sites=proposed.item_sites,
        order_lines=orders,
        gap=proposed.gap,
        seconds=time.perf_counter() - begin,
        cost_eur=proposed.cost_eur,
        no_suggestion=proposed.no_suggestion_count,
        approved=approved,
        transfers=len(transfers),
    )


def show_transfer(
    clients: Clients, console: Console, plan: pb.Plan, transfers: Sequence[pb.PlanLine]
) -> None:
    """What is moved between sites, and why the first of it is."""
    if not transfers:
        console.print(f"  Nothing is moved between sites. {plan.transfers_note}")
        return
    saved = plan.saved_expiry_eur
    console.print(
        f"  {len(transfers)} transfers between sites for {plan.moving_cost_eur:,.0f} EUR"
        + (f" keep {saved:,.0f} EUR of stock from expiring." if saved >= 1 else ".")
    )
    line = transfers[0]
    why = clients.replenishment.ExplainLine(
        pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=line.line_id), timeout=TIMEOUT_S
    )
    ways = f"from {SITES[line.from_site_id]} to {SITES[line.site_id]}"
    console.print(f"  Why {line.packs} packs of {line.item_id} {ways}? {why.sentence}")


def show_risks(clients: Clients, console: Console) -> None:
    answer = clients.replenishment.AssessRisk(
        pb.AssessRiskRequest(horizon_days=HORIZON_DAYS, page_size=10), timeout=TIMEOUT_S
    )
    rows = [
        (
            r.label or r.item_id,
            r.site_id,
            f"{r.days_of_cover:.1f}",
            f"{r.stockout_probability:.0%}",
            f"{r.stockout_day.year}-{r.stockout_day.month:02d}-{r.stockout_day.day:02d}"
            if r.HasField("stockout_day")
            else "not foreseen",
        )
        for r in answer.risks
    ]
    table(
        console,
        "The ten riskiest items if nothing more is ordered",
        ("product", "site", "days of cover", "may run out", "on"),
        rows,
    )


def decide(clients: Clients, console: Console, plan_id: str, found: Sequence[pb.PlanLine]) -> int:
    """Shows the sum behind the first line and accepts the lines of the first order day."""
    if not found:
        return 0
    first = min(found, key=lambda line: (line.order_day.month, line.order_day.day, line.line_id))
    why = clients.replenishment.ExplainLine(
        pb.ExplainLineRequest(plan_id=plan_id, line_id=first.line_id), timeout=TIMEOUT_S
    )
    console.print(f"  Why {first.packs} packs of {first.item_id}? {why.sentence}")
    today = [line for line in found if line.order_day == first.order_day]
    verdicts = [
        pb.LineVerdict(line_id=line.line_id, decision=pb.LINE_DECISION_ACCEPTED) for line in today
    ]
    answer = clients.replenishment.DecidePlan(
        pb.DecidePlanRequest(plan_id=plan_id, decided_by=DECIDER, verdicts=verdicts),
        timeout=TIMEOUT_S,
    )
    console.print(f"  The {DECIDER} accepts the {answer.accepted} lines of the first order day.")
    return int(answer.accepted)
