"""Everything at once: case streams, movements, forecasts read, a plan and a forecast run.

    python -m loadtests.mixed [--seconds 600] [--updates 500] [--movements 2000]

Five SAMUs stream case updates (four of each case) on one connection each, ten hospitals
record movements once a second, forecasts are read ten times a second, and a plan and a
forecast run are always in progress. All of it is sent when it is due (open loop) to the
three services on this machine, on the embedded log and SQLite. Exit code 0 when nothing
failed or was left unanswered and no service's memory grew by more than 2 % after the warm-up
(a third of the time). "cores" are CPU seconds a second: of each service, of its workers that
have ended, of this driver.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import uvloop
from rich.console import Console

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2 as rep
from larrey.replenishment.v1 import replenishment_pb2_grpc
from loadtests import ingest, senders
from loadtests.day import demand_step, replenishment_step
from loadtests.day.clients import Clients
from loadtests.day.processes import SERVICES, Running, System, embedded
from loadtests.day.world import START, first_products
from loadtests.scenario import Result, show
from loadtests.senders import DEADLINE_S, READS_A_SECOND, SAMUS, Answers, Pace, Prepared

SERIES = 60  # real series that are forecast and planned all the while
LOOK_S = 1.0
WITH_CHILDREN = ("orientation",)  # its scoring process lives as long as it does
MIB = 2**20


@dataclass(slots=True)
class Found:
    """What came back; each service's memory over time in bytes; CPU seconds by process."""

    answers: Answers = field(default_factory=Answers)
    runs: Counter[str] = field(default_factory=Counter)
    memory: dict[str, list[int]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def tenths(self, service: str) -> str:
        """Resident MiB at the end of each tenth of the run, to see whether it flattens."""
        sizes = self.memory[service]
        ends = [sizes[(k + 1) * len(sizes) // 10 - 1] for k in range(10)]
        return " ".join(f"{size / MIB:.0f}" for size in ends)

    def growth(self, service: str) -> float:
        """Share by which memory rose from the warm-up's end to the end, medians of a tenth."""
        sizes = np.array(self.memory[service], dtype=float)
        tenth = max(1, len(sizes) // 10)
        third = len(sizes) // 3
        warm = float(np.median(sizes[third : third + tenth]))
        return float(np.median(sizes[-tenth:])) / warm - 1


async def _always(system: System, until: float, found: Found) -> None:
    """A plan and a forecast run, the next one as soon as the last has ended."""
    async with (
        grpc.aio.insecure_channel(system.services["demand"].grpc) as to_demand,
        grpc.aio.insecure_channel(system.services["replenishment"].grpc) as to_plans,
    ):
        demand = demand_pb2_grpc.DemandServiceStub(to_demand)
        plans = replenishment_pb2_grpc.ReplenishmentServiceStub(to_plans)
        await asyncio.gather(_runs(demand, until, found), _plans(plans, until, found))


async def _runs(demand: Any, until: float, found: Found) -> None:
    while time.monotonic() < until:
        request = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=12)
        run = (await demand.StartForecastRun(request, timeout=DEADLINE_S)).run
        watch = pb.WatchForecastRunRequest(run_id=run.run_id)
        run = await _last(demand.WatchForecastRun(watch, timeout=DEADLINE_S * 10), "run", until)
        found.runs["forecast run " + (pb.RunState.Name(run.state) if run else "going on")] += 1


async def _plans(plans: Any, until: float, found: Found) -> None:
    while time.monotonic() < until:
        request = rep.StartPlanRequest(horizon_days=28, seconds=20, seed=1)
        plan = (await plans.StartPlan(request, timeout=DEADLINE_S)).plan
        watch = rep.WatchPlanRequest(plan_id=plan.plan_id)
        plan = await _last(plans.WatchPlan(watch, timeout=DEADLINE_S * 10), "plan", until)
        found.runs["plan " + (rep.PlanState.Name(plan.state) if plan else "going on")] += 1


async def _last(watched: AsyncIterator[Any], name: str, until: float) -> Any:
    """What the watch ended with; None when the time was up first."""
    newest = None
    async for progress in watched:
        newest = getattr(progress, name)
        if time.monotonic() > until:
            return None
    return newest


def _lasting(name: str, running: Running) -> list[psutil.Process]:
    """The processes of a service that live as long as it does."""
    service = psutil.Process(running.process.pid)
    return [service, *(service.children() if name in WITH_CHILDREN else ())]


def _spent(name: str, running: Running) -> tuple[float, float]:
    """CPU seconds of a service itself, and of the workers that it has started and ended."""
    times = [process.cpu_times() for process in _lasting(name, running)]
    return (
        sum(t.user + t.system for t in times),
        sum(t.children_user + t.children_system for t in times),
    )


async def _look(system: System, until: float, found: Found) -> None:
    """Resident memory of each service, without the workers that runs and plans start."""
    while time.monotonic() < until:
        for name, running in system.services.items():
            size = sum(process.memory_info().rss for process in _lasting(name, running))
            found.memory.setdefault(name, []).append(size)
        await asyncio.sleep(LOOK_S)


async def drive(system: System, seconds: float, updates: float, sent: Prepared) -> Found:
    """All kinds of load for `seconds`."""
    found = Found()
    before = {name: _spent(name, running) for name, running in system.services.items()}
    own = time.process_time()
    until = time.monotonic() + seconds
    at = {name: running.grpc for name, running in system.services.items()}
    told = found.answers
    await asyncio.gather(
        *(
            senders.samu(at["orientation"], n, Pace(updates / SAMUS, seconds), sent, told)
            for n in range(SAMUS)
        ),
        senders.hospitals(at["demand"], seconds, sent, told),
        senders.readers(at["demand"], Pace(READS_A_SECOND, seconds), sent.reads, told.reads),
        _always(system, until, found),
        _look(system, until, found),
    )
    found.cpu["this driver"] = (time.process_time() - own) / seconds
    for name, running in system.services.items():
        spent = _spent(name, running)
        for kind, now, then in zip(("", "'s workers"), spent, before[name], strict=True):
            found.cpu[name + kind] = (now - then) / seconds
    return found


def judge(found: Found, seconds: float, updates: float, movements: int, grown: float) -> Result:
    """The row of the table; `grown` is the share of memory that may be gained."""
    told = found.answers
    growth = {name: found.growth(name) for name in SERVICES}
    errors = told.updates.errors + told.movements.errors + told.reads.errors
    bad = [state for state in found.runs if "FAILED" in state]
    sent = round(updates * seconds)
    kept = (
        not errors
        and not bad
        and not told.refused
        and not told.unanswered
        and len(told.updates.milliseconds) == sent
        and max(growth.values()) <= grown
    )
    memory = ", ".join(f"{n} {found.tenths(n)} MiB ({growth[n]:+.1%})" for n in SERVICES)
    cores = ", ".join(f"{name} {share:.2f}" for name, share in found.cpu.items() if share >= 0.005)
    latencies = "; ".join(
        f"{name} p50 {one.percentile(50):.0f} ms, p99 {one.percentile(99):.0f} ms"
        for name, one in (
            ("updates", told.updates),
            ("movements", told.movements),
            ("reads", told.reads),
        )
    )
    return Result(
        f"mixed, {seconds:.0f} s: {updates:.0f} updates/s, {movements} movements/s",
        f"no error, memory +{grown:.0%} at most",
        f"updates {len(told.updates.milliseconds)}/{sent}; {latencies}; sent late p99 "
        f"{told.late.percentile(99):.0f} ms; refused {told.refused}; errors {dict(errors)}; "
        f"{dict(found.runs)}; {memory}; cores: {cores}",
        kept,
    )


def run(seconds: float, updates: float, movements: int, grown: float = 0.02) -> Result:
    """Starts the three services, gives them something to forecast and plan, drives them."""
    quiet = Console(quiet=True)
    with tempfile.TemporaryDirectory(prefix="larrey-mixed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with System(embedded(folder), folder, START.isoformat()) as system:
            clients, some = Clients.of(system.services), first_products(SERIES)
            demand_step.play(clients, some, quiet)
            replenishment_step.play(clients, some, quiet)
            ingest.register(system.services["demand"])
            sent = senders.prepare(seconds, movements, SERIES)
            gc.collect()
            gc.freeze()  # what waits to be sent is not looked at again and again
            found = uvloop.run(drive(system, seconds, updates, sent))
            gc.unfreeze()
            system.check_alive()
    return judge(found, seconds, updates, movements, grown)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--updates", type=float, default=500.0, help="case updates a second")
    parser.add_argument("--movements", type=int, default=2000, help="movements a second")
    chosen = parser.parse_args(arguments)
    return 0 if show([run(chosen.seconds, chosen.updates, chosen.movements)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
