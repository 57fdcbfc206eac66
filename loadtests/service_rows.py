"""The promises of single services that need a loop which has run once: reads, plans, streams."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvloop
from rich.console import Console

from larrey.replenishment.v1 import replenishment_pb2 as rep
from loadtests import senders, stream_cases
from loadtests.day import demand_step, replenishment_step
from loadtests.day.clients import TIMEOUT_S, Clients
from loadtests.day.processes import System, embedded
from loadtests.day.world import START, first_products
from loadtests.openloop import Measured
from loadtests.scenario import Result
from loadtests.score_case import service

SERIES = 60
READS = senders.Pace(200.0, 10.0)
READ_LIMIT_MS = 50.0
PLANS, PLAN_S, PLAN_LATE_S = 3, 5.0, 3.0
STREAMS = argparse.Namespace(streams=200, rate=200.0, seconds=5.0)
STREAM_LIMIT_MS = 25.0


@contextmanager
def _loop_that_ran() -> Iterator[System]:
    """The services with a forecast of some series and the stock to plan them."""
    quiet = Console(quiet=True)
    with tempfile.TemporaryDirectory(prefix="larrey-load-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with System(embedded(folder), folder, START.isoformat()) as system:
            clients, some = Clients.of(system.services), first_products(SERIES)
            demand_step.play(clients, some, quiet)
            replenishment_step.play(clients, some, quiet)
            yield system


def reads_row() -> Result:
    """Forecasts read one by one at a steady rate."""
    found = Measured()
    with _loop_that_ran() as system:
        reads = senders.prepare(1.0, senders.HOSPITALS, SERIES).reads
        uvloop.run(senders.readers(system.services["demand"].grpc, READS, reads, found))
    sent = round(READS.a_second * READS.seconds)
    return Result(
        f"GetForecast, {READS.a_second:.0f} reads/s",
        f"p99 <= {READ_LIMIT_MS:.0f} ms",
        f"p50 {found.percentile(50):.1f} ms, p99 {found.percentile(99):.1f} ms, "
        f"{len(found.milliseconds)} of {sent} answered, errors {dict(found.errors)}",
        len(found.milliseconds) == sent and found.percentile(99) <= READ_LIMIT_MS,
    )


def plans_row() -> Result:
    """Plans through the running service, one after the other."""
    gaps, took, states = [], [], set()
    with _loop_that_ran() as system:
        stub = Clients.of(system.services).replenishment
        for number in range(PLANS):
            begin = time.perf_counter()
            asked = rep.StartPlanRequest(horizon_days=28, seconds=PLAN_S, seed=number + 1)
            plan = stub.StartPlan(asked, timeout=TIMEOUT_S).plan
            watch = rep.WatchPlanRequest(plan_id=plan.plan_id)
            for progress in stub.WatchPlan(watch, timeout=PLAN_S + TIMEOUT_S):
                plan = progress.plan
            took.append(time.perf_counter() - begin)
            gaps.append(plan.gap)
            states.add(rep.PlanState.Name(plan.state).removeprefix("PLAN_STATE_"))
    return Result(
        f"plans of {SERIES} item-sites, {PLAN_S:.0f} s each",
        f"proposed by {PLAN_S + PLAN_LATE_S:.0f} s with a proven gap",
        f"{', '.join(sorted(states))}; gap median {float(np.median(gaps)):.3%}, worst "
        f"{max(gaps):.3%}; longest {max(took):.1f} s",
        states == {"PROPOSED"} and max(took) <= PLAN_S + PLAN_LATE_S and max(gaps) < 1,
    )


def streams_row() -> Result:
    """A SAMU's open streams with updates on all of them."""
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as folder:
        running = service(Path(folder))
        try:
            out = uvloop.run(stream_cases.drive(running.grpc, STREAMS))
        finally:
            running.stop()
    p50, p99 = (float(np.percentile(out.milliseconds or [np.nan], q)) for q in (50, 99))
    return Result(
        f"StreamCases, {STREAMS.streams} streams, {STREAMS.rate:.0f} updates/s",
        f"p99 <= {STREAM_LIMIT_MS:.0f} ms, none lost",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, lost {len(out.due)}, refused {dict(out.other)}, "
        f"answered by rules alone {out.late}",
        not out.due and not out.other and p99 <= STREAM_LIMIT_MS,
    )
