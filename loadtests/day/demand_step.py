"""Step 1: the catalogue, six years of real consumption, and a year's forecast of it all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.replenishment.v1 import replenishment_pb2 as rep
from loadtests.day.clients import TIMEOUT_S, Clients, base, eventually, local, reason_of, stamp
from loadtests.day.screen import bar, table
from loadtests.day.world import SITES, Product

BATCH = 2000
HORIZON = 12


@dataclass(frozen=True, slots=True)
class DemandResult:
    series: int
    forecasts: int
    seconds: float
    movements: int
    movements_per_s: float


def put_catalogue(target: Any, module: Any, products: Sequence[Product]) -> None:
    """Registers sites and items with the service behind `target`."""
    target.PutSites(
        module.PutSitesRequest(
            sites=[catalogue.Site(site_id=s, name=n, school_zone="B") for s, n in SITES.items()]
        ),
        timeout=TIMEOUT_S,
    )
    items = {
        p.item_id: catalogue.Item(
            item_id=p.item_id,
            label=p.label,
            base_unit="unit",
            base_per_dispensing_unit=1,
            dispensing_units_per_pack=p.pack_size,
            criticality=catalogue.Criticality.Value(f"CRITICALITY_{p.criticality}"),
            storage=catalogue.STORAGE_AMBIENT,
            item_class=p.item_class,
            critical_resource=p.critical_resource,
        )
        for p in products
    }
    target.PutItems(module.PutItemsRequest(items=items.values()), timeout=TIMEOUT_S)


def movements(products: Sequence[Product]) -> Iterator[pb.Movement]:
    """One movement for each real monthly total, on the first day of its month at noon."""
    for product in products:
        for first, amount in product.months:
            yield pb.Movement(
                movement_id=f"{product.item_id}/{product.site_id}/{first.isoformat()}",
                site_id=product.site_id,
                item=local(product.item_id),
                quantity=base(amount),
                reason=pb.MOVEMENT_REASON_WARD,
                occurred_time=stamp(datetime(first.year, first.month, first.day, 12, tzinfo=UTC)),
            )


def ingest(clients: Clients, products: Sequence[Product], console: Console) -> tuple[int, float]:
    """Streams the history; every row must be accepted. Returns rows and rows a second."""
    rows = list(movements(products))
    requests = [
        pb.RecordConsumptionRequest(movements=rows[start : start + BATCH])
        for start in range(0, len(rows), BATCH)
    ]
    with bar(console, "history recorded", len(rows)) as move:

        def stream() -> Iterator[pb.RecordConsumptionRequest]:
            for request in requests:
                yield request
                move(len(request.movements))

        begin = time.perf_counter()
        answer = clients.demand.RecordConsumption(stream(), timeout=300)
    if answer.refused:
        first = answer.refusals[0]
        raise RuntimeError(
            f"{answer.refused} movements were refused, the first for {first.reason}: "
            f"{first.message}"
        )
    return len(rows), len(rows) / (time.perf_counter() - begin)


def forecast(clients: Clients, console: Console, horizon: int = HORIZON) -> int:
    """Runs a forecast of every series to its end and returns how many were done."""
    run = clients.demand.StartForecastRun(
        pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=horizon), timeout=TIMEOUT_S
    ).run
    with bar(console, "series forecast", max(1, run.series)) as move:
        done = 0
        for progress in clients.demand.WatchForecastRun(
            pb.WatchForecastRunRequest(run_id=run.run_id), timeout=900
        ):
            run = progress.run
            move(run.series_done - done, total=max(1, run.series))
            done = run.series_done
    if run.state != pb.RUN_STATE_DONE:
        raise RuntimeError(
            f"The forecast run ended as {pb.RunState.Name(run.state)}: {run.failure}"
        )
    return int(run.series_done)


def all_forecasts(clients: Clients) -> Iterator[pb.Forecast]:
    token = ""
    while True:
        page = clients.demand.ListForecasts(
            pb.ListForecastsRequest(page_size=500, page_token=token), timeout=TIMEOUT_S
        )
        yield from page.forecasts
        token = page.next_page_token
        if not token:
            return


def play(clients: Clients, products: Sequence[Product], console: Console) -> DemandResult:
    begin = time.perf_counter()
    put_catalogue(clients.replenishment, rep, products)
    # A topic keeps its order within a partition only: each item is asked for.
    travelling = list(products)

    def heard() -> bool:
        while travelling:
            last = travelling[-1]
            request = pb.GetForecastRequest(item=local(last.item_id), site_id=last.site_id)
            if reason_of(lambda: clients.demand.GetForecast(request)) != "FORECAST_MISSING":  # noqa: B023 - asked at once
                return False
            travelling.pop()
        return True

    eventually("the catalogue's journey from replenishment to demand", heard)
    rows, rate = ingest(clients, products, console)
    series = forecast(clients, console)
    found = list(all_forecasts(clients))
    _show(console, found, products)
    return DemandResult(series, len(found), time.perf_counter() - begin, rows, rate)


def _show(console: Console, found: Sequence[pb.Forecast], products: Sequence[Product]) -> None:
    labels = {p.item_id: p.label for p in products}
    rows = []
    for f in sorted(found, key=lambda f: -f.periods[0].mean)[:: max(1, len(found) // 5)][:5]:
        level = {round(q, 3): k for k, q in enumerate(f.levels)}
        first = f.periods[0]
        rows.append(
            (
                labels[f.item_id],
                f.site_id,
                f"{first.start.year}-{first.start.month:02d}",
                f"{first.mean:,.0f}",
                f"{first.quantiles[level[0.05]]:,.0f} to {first.quantiles[level[0.95]]:,.0f}",
                f.method,
            )
        )
    table(
        console,
        "A year ahead: five of the forecasts, their first month",
        ("product", "site", "month", "mean", "9 times out of 10", "method"),
        rows,
    )
