"""Everything at once: case streams, movements, forecasts read, a plan and a forecast run.

    python -m loadtests.mixed [--seconds 600] [--updates 500] [--movements 2000]

Five SAMUs stream case updates on one connection each, ten hospitals record movements once a
second, forecasts are read ten times a second, and a plan and a forecast run are always in
progress. All of it is sent when it is due (open loop) to the three services on this machine,
on the embedded log and SQLite. Exit code 0 when nothing failed or was left unanswered and no
service's memory grew by more than 2 % after the warm-up (a third of the time).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
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
from rich.console import Console

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc
from larrey.replenishment.v1 import replenishment_pb2 as rep
from larrey.replenishment.v1 import replenishment_pb2_grpc
from loadtests import ingest
from loadtests.day import demand_step, replenishment_step
from loadtests.day.calls import calls
from loadtests.day.clients import Clients, local
from loadtests.day.processes import SERVICES, System, embedded
from loadtests.day.world import START, first_products
from loadtests.openloop import Measured, paced
from loadtests.scenario import Result, show

SAMUS, HOSPITALS, READS_A_SECOND = 5, 10, 10
SERIES = 60  # real series that are forecast and planned all the while
CASES = 2_000  # updates go round these: an update of a known case, not a new one each time
DEADLINE_S, PATIENCE_S, LOOK_S = 60.0, 30.0, 1.0
MIB = 2**20


@dataclass(slots=True)
class Found:
    """What came back, by kind, and the memory of each service over time, in bytes."""

    updates: Measured = field(default_factory=Measured)
    movements: Measured = field(default_factory=Measured)
    reads: Measured = field(default_factory=Measured)
    refused: int = 0
    unanswered: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    memory: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def growth(self, service: str) -> float:
        """Share by which memory rose from the warm-up's end to the end, medians of a tenth."""
        sizes = np.array([size for _, size in self.memory[service]], dtype=float)
        tenth = max(1, len(sizes) // 10)
        third = len(sizes) // 3
        warm = float(np.median(sizes[third : third + tenth]))
        return float(np.median(sizes[-tenth:])) / warm - 1


async def _samu(address: str, number: int, rate: float, seconds: float, found: Found) -> None:
    """One stream both ways; answers are matched by their correlation id."""
    drawn, due_at = calls(), dict[str, float]()
    async with grpc.aio.insecure_channel(address) as channel:
        stub = orientation_pb2_grpc.OrientationServiceStub(channel)
        stream = stub.StreamCases(timeout=seconds + DEADLINE_S)

        async def read() -> None:
            async for response in stream:
                due = due_at.pop(response.correlation_id, None)
                if response.HasField("refusal"):
                    found.updates.errors[response.refusal.reason] += 1
                elif due is not None:
                    found.updates.answered(due)

        async def send(count: int, due: float) -> None:
            update = ori.CaseUpdate()
            update.CopyFrom(drawn[count % len(drawn)].update)
            update.case_id = f"fr.health.samu{44 + number}0.mixed.{count % CASES:05d}"
            update.update_id = str(count)
            request = ori.StreamCasesRequest(correlation_id=str(count))
            request.update.typed.CopyFrom(update)
            due_at[str(count)] = due
            async with one_at_a_time:
                await stream.write(request)

        one_at_a_time = asyncio.Lock()
        reading = asyncio.create_task(read())
        await paced(rate, seconds, send)
        await stream.done_writing()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reading, PATIENCE_S)
        found.unanswered += len(due_at)


async def _hospitals(address: str, a_second: int, seconds: float, found: Found) -> None:
    batches = ingest.requests(round(a_second * seconds), a_second // HOSPITALS)
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_unary(
            ingest.METHOD,
            request_serializer=lambda message: message,
            response_deserializer=pb.RecordConsumptionResponse.FromString,
        )

        async def send(number: int, due: float) -> None:
            try:
                answer = await call(iter([batches[number]]), timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                found.movements.errors[error.code().name] += 1
            else:
                found.refused += answer.refused
                found.movements.answered(due)

        await paced(len(batches) / seconds, seconds, send)


async def _readers(address: str, seconds: float, found: Found) -> None:
    products = first_products(SERIES)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = demand_pb2_grpc.DemandServiceStub(channel)

        async def send(number: int, due: float) -> None:
            asked = products[number % len(products)]
            request = pb.GetForecastRequest(item=local(asked.item_id), site_id=asked.site_id)
            try:
                await stub.GetForecast(request, timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                found.reads.errors[error.code().name] += 1
            else:
                found.reads.answered(due)

        await paced(READS_A_SECOND, seconds, send)


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


async def _look(system: System, until: float, found: Found) -> None:
    """Resident memory of each service, without the workers that runs and plans start."""
    while time.monotonic() < until:
        for name, running in system.services.items():
            size = psutil.Process(running.process.pid).memory_info().rss
            found.memory.setdefault(name, []).append((time.monotonic(), size))
        await asyncio.sleep(LOOK_S)


async def drive(system: System, seconds: float, updates: float, movements: int) -> Found:
    """All kinds of load for `seconds`."""
    found = Found()
    until = time.monotonic() + seconds
    at = {name: running.grpc for name, running in system.services.items()}
    await asyncio.gather(
        *(_samu(at["orientation"], n, updates / SAMUS, seconds, found) for n in range(SAMUS)),
        _hospitals(at["demand"], movements, seconds, found),
        _readers(at["demand"], seconds, found),
        _always(system, until, found),
        _look(system, until, found),
    )
    return found


def judge(found: Found, seconds: float, updates: float, movements: int, grown: float) -> Result:
    """The row of the table; `grown` is the share of memory that may be gained."""
    growth = {name: found.growth(name) for name in SERVICES}
    errors = found.updates.errors + found.movements.errors + found.reads.errors
    bad = [state for state in found.runs if "FAILED" in state]
    sent = round(updates * seconds)
    kept = (
        not errors
        and not bad
        and not found.refused
        and not found.unanswered
        and len(found.updates.milliseconds) == sent
        and max(growth.values()) <= grown
    )
    last = {name: found.memory[name][-1][1] / MIB for name in SERVICES}
    memory = ", ".join(f"{n} {last[n]:.0f} MiB ({growth[n]:+.1%})" for n in SERVICES)
    return Result(
        f"mixed, {seconds:.0f} s: {updates:.0f} updates/s, {movements} movements/s",
        f"no error, memory +{grown:.0%} at most",
        f"updates {len(found.updates.milliseconds)}/{sent}, p50 "
        f"{found.updates.percentile(50):.0f} ms, p99 {found.updates.percentile(99):.0f} ms; "
        f"movements p99 {found.movements.percentile(99):.0f} ms, refused {found.refused}; reads "
        f"p99 {found.reads.percentile(99):.0f} ms; errors {dict(errors)}; {dict(found.runs)}; "
        f"{memory}",
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
            found = asyncio.run(drive(system, seconds, updates, movements))
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
