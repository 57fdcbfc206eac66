"""One item forecast while its caller waits, through the RPC: CPU of the service by question.

    python -m loadtests.one_item [--items 200] [--repeats 40]

Starts the demand service as a process of its own on SQLite, gives it four years of months and
200 days of days for some items, has one run forecast the months, then asks item after item with
ForecastItem: fitted alone with warm matrices (monthly and daily), and from the stored forecast:
as it is, a month later, and a month later with the use of that month in the history's files.
Two figures are printed for each: what the service itself says reading and forecasting took, and
what its process used for the whole call, the door included. The exit code is 0 when the first
keeps the promise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from loadtests.day.clients import base, local, scraped, stamp
from loadtests.day.processes import READY_S, Running, start
from loadtests.day.world import SITES, START
from shared.rpc import channel

FRESH_MS, STORED_MS = 60.0, 5.0
MONTHS, DAYS = 48, 200
WAIT_S = 600.0
Stub = demand_pb2_grpc.DemandServiceStub


@dataclass(frozen=True, slots=True)
class Taken:
    """Medians over the calls, in CPU milliseconds, and how many were moved on."""

    said: float
    whole: float
    moved: int


def movements(items: int) -> Iterator[pb.Movement]:
    """Months of use of each M item and days of use of each D item, drawn with one seed."""
    draws = np.random.default_rng(3)
    site = sorted(SITES)[0]
    today = START.date()
    for item in range(items):
        level = draws.uniform(20, 200)
        for back in range(1, MONTHS + 1):
            month = today.year * 12 + today.month - 1 - back
            yield _row(
                f"M-{item}", site, date(month // 12, month % 12 + 1, 3), draws.poisson(level)
            )
    for item in range(items // 4):
        for back in range(1, DAYS + 1):
            yield _row(f"D-{item}", site, today - timedelta(days=back), draws.poisson(20))


def _row(item: str, site: str, day: date, amount: float) -> pb.Movement:
    noon = START.replace(year=day.year, month=day.month, day=day.day, hour=11)
    return pb.Movement(
        movement_id=f"{item}/{day}",
        site_id=site,
        item=local(item),
        quantity=base(float(amount)),
        reason=pb.MOVEMENT_REASON_PATIENT,
        occurred_time=stamp(noon),
    )


def fill(stub: Stub, items: int) -> None:
    """Registers everything, records the use, and has the months forecast by a run."""
    stub.PutSites(
        pb.PutSitesRequest(sites=[catalogue.Site(site_id=s) for s in SITES]), timeout=WAIT_S
    )
    names = [f"M-{n}" for n in range(items)] + [f"D-{n}" for n in range(items // 4)]
    put = [
        catalogue.Item(
            item_id=name,
            base_unit="unit",
            base_per_dispensing_unit=1,
            dispensing_units_per_pack=1,
            item_class="trauma",
        )
        for name in names
    ]
    stub.PutItems(pb.PutItemsRequest(items=put), timeout=WAIT_S)
    rows = list(movements(items))
    sent = (
        pb.RecordConsumptionRequest(movements=rows[k : k + 2000]) for k in range(0, len(rows), 2000)
    )
    answer = stub.RecordConsumption(sent, timeout=WAIT_S)
    if answer.refused:
        raise RuntimeError(f"{answer.refused} rows were refused: {answer.refusals[0]}")
    order = pb.StartForecastRunRequest(
        period=pb.PERIOD_MONTH, horizon=12, lead_time=3, item_ids=names[:items]
    )
    run_of(stub, order)


def run_of(stub: Stub, order: pb.StartForecastRunRequest) -> None:
    """Waits for a run; RuntimeError when it does not end well."""
    run_id = stub.StartForecastRun(order, timeout=WAIT_S).run.run_id
    for told in stub.WatchForecastRun(pb.WatchForecastRunRequest(run_id=run_id), timeout=WAIT_S):
        state = told.run.state
    if state != pb.RUN_STATE_DONE:
        raise RuntimeError("the run did not end well")


def ask(stub: Stub, running: Running, asked: list[pb.ForecastItemRequest]) -> Taken:
    """One call each, after one that warms what is kept."""
    stub.ForecastItem(asked[0], timeout=WAIT_S)
    said, whole, moved = [], [], 0
    for request in asked:
        before = scraped(running.metrics)["process_cpu_seconds_total"]
        answers = [stub.ForecastItem(request, timeout=WAIT_S) for _ in range(4)]
        after = scraped(running.metrics)["process_cpu_seconds_total"]
        whole.append(1000 * (after - before) / len(answers))
        said += [one.cpu_ms for one in answers]
        moved += sum(one.moved for one in answers)
    return Taken(median(said), float(np.mean(whole)), moved)


def question(name: str, period: pb.Period.ValueType, *, fresh: bool) -> pb.ForecastItemRequest:
    months = period == pb.PERIOD_MONTH
    return pb.ForecastItemRequest(
        item=local(name),
        site_id=sorted(SITES)[0],
        period=period,
        horizon=12 if months else 28,
        lead_time=3 if months else 7,
        fresh=fresh,
    )


@contextmanager
def serving(folder: Path, clock: datetime) -> Iterator[tuple[Stub, Running]]:
    """The service on what stands in `folder`."""
    running = start(
        "demand",
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=clock.isoformat(),
    )
    try:
        running.wait_ready(time.monotonic() + READY_S)
        with channel(running.grpc) as link:
            yield Stub(link), running
    finally:
        running.stop()


def measure(items: int, repeats: int) -> dict[str, Taken]:
    few = [f"M-{n}" for n in range(min(items, repeats))]
    daily = [f"D-{n}" for n in range(min(items // 4, repeats))]
    month, day = pb.PERIOD_MONTH, pb.PERIOD_DAY
    stored = [question(name, month, fresh=False) for name in few]
    with tempfile.TemporaryDirectory(prefix="larrey-one-item-") as place:
        folder = Path(place)
        with serving(folder, START) as (stub, running):
            fill(stub, items)
            plans = {
                "fresh, 48 months": [question(n, month, fresh=True) for n in few],
                "fresh, 200 days": [question(n, day, fresh=True) for n in daily],
                "from the stored forecast": stored,
            }
            found = {name: ask(stub, running, plan) for name, plan in plans.items()}
        later = START + timedelta(days=32)
        with serving(folder, later) as (stub, running):
            # the site has reported in the month that is over: all its forecasts can move on
            row = _row("M-0", sorted(SITES)[0], START.date() + timedelta(days=10), 50)
            request = pb.RecordConsumptionRequest(movements=[row])
            stub.RecordConsumption(iter([request]), timeout=WAIT_S)
            shorter = [pb.ForecastItemRequest.FromString(q.SerializeToString()) for q in stored]
            for one in shorter:
                one.horizon = 11
            found["from the stored forecast, a month later"] = ask(stub, running, shorter)
            # what was used in that month lies in the files once any run has taken it in
            rows = [
                _row(f"M-{n}", sorted(SITES)[0], START.date() + timedelta(days=11), 40 + n)
                for n in range(items)
            ]
            stub.RecordConsumption(
                iter([pb.RecordConsumptionRequest(movements=rows)]), timeout=WAIT_S
            )
            run_of(
                stub,
                pb.StartForecastRunRequest(period=pb.PERIOD_DAY, horizon=28, item_ids=["D-0"]),
            )
            found["the same, what was used in the files"] = ask(stub, running, shorter)
        return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=200)
    options.add_argument("--repeats", type=int, default=40)
    given = options.parse_args()
    taken = measure(given.items, given.repeats)
    table = Table("question", "reading and forecasting", "whole process", "moved on", "promise")
    kept = True
    for name, one in taken.items():
        limit = FRESH_MS if name.startswith("fresh") else STORED_MS
        kept &= one.said <= limit
        table.add_row(
            name, f"{one.said:.1f} ms", f"{one.whole:.1f} ms", str(one.moved), f"{limit:.0f} ms"
        )
    printer = Console(width=120)
    printer.print("CPU milliseconds a call, medians (the whole process: mean).")
    printer.print(table)
    printer.print("kept" if kept else "BROKEN")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
