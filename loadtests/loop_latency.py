"""The loop: a call is scored, and how long until demand counts it.

    python -m loadtests.loop_latency [--seconds 30] [--limit-s 2] [--embedded]

10 hospitals record movements and 5 SAMUs stream case updates, more of both than they would
on their busiest day; the events travel on a real Apache Kafka, the stores are a real
PostgreSQL. Demand is asked every 20 ms how many calls it has counted: the k-th call is
visible once k are counted, and its time runs from when it was due. Exit code 0 when p99 is
within the limit and every call was counted once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
from rich.console import Console

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc
from loadtests import ingest
from loadtests.day.calls import calls
from loadtests.day.processes import System, Transport, embedded
from loadtests.day.real import real_transport
from loadtests.day.world import START
from loadtests.openloop import Measured, paced
from loadtests.scenario import Result, show

SAMUS, CASES_A_SAMU = 5, 4.0  # calls a second each; all of France makes about 1 a second
HOSPITALS, MOVEMENTS_A_HOSPITAL = 10, 50  # movements a second each
LOOK_S, PATIENCE_S, DEADLINE_S = 0.02, 60.0, 30.0


@dataclass(frozen=True, slots=True)
class Loop:
    """What came back of both sides."""

    scored: Measured
    due: list[float]
    seen: list[tuple[float, int]]
    refused: int

    def visible_s(self) -> list[float]:
        """Seconds of the k-th call, k by when it was due, until k were counted."""
        waits = []
        place = 0
        for k, due in enumerate(sorted(self.due), start=1):
            while place < len(self.seen) and self.seen[place][1] < k:
                place += 1
            if place == len(self.seen):
                break
            waits.append(self.seen[place][0] - due)
        return waits


async def _counted(stub: demand_pb2_grpc.DemandServiceAsyncStub) -> int:
    answer = await stub.ListSignals(pb.ListSignalsRequest(days=400), timeout=DEADLINE_S)
    return sum(signal.calls for signal in answer.signals)


async def _look(
    stub: demand_pb2_grpc.DemandServiceAsyncStub, seen: list[tuple[float, int]], until: int
) -> None:
    end = None
    base = await _counted(stub)
    while True:
        asked = time.perf_counter()
        seen.append((time.perf_counter(), await _counted(stub) - base))
        if seen[-1][1] >= until:
            return
        end = end or asked + PATIENCE_S + until / (SAMUS * CASES_A_SAMU)
        if asked > end:
            return
        await asyncio.sleep(LOOK_S)


async def drive(system: System, seconds: float) -> Loop:
    """Both sides at their rates for `seconds`."""
    rate = SAMUS * CASES_A_SAMU
    drawn, scored, due_at, refused = calls(), Measured(), [], 0
    batches = ingest.requests(round(HOSPITALS * MOVEMENTS_A_HOSPITAL * seconds), HOSPITALS * 5)
    async with (
        grpc.aio.insecure_channel(system.services["orientation"].grpc) as calls_to,
        grpc.aio.insecure_channel(system.services["demand"].grpc) as demand_at,
    ):
        score = orientation_pb2_grpc.OrientationServiceStub(calls_to)
        demand = demand_pb2_grpc.DemandServiceStub(demand_at)

        async def one_case(number: int, due: float) -> None:
            update = ori.CaseUpdate()
            update.CopyFrom(drawn[number % len(drawn)].update)
            samu = f"fr.health.samu{44 + number % SAMUS}0"
            update.case_id = f"{samu}.loop.{number:06d}"
            due_at.append(due)
            try:
                await score.ScoreCase(ori.ScoreCaseRequest(typed=update), timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                scored.errors[error.code().name] += 1
            else:
                scored.answered(due)

        async def one_batch(number: int, _: float) -> None:
            nonlocal refused
            call = demand_at.stream_unary(
                ingest.METHOD,
                request_serializer=lambda message: message,
                response_deserializer=pb.RecordConsumptionResponse.FromString,
            )
            answer = await call(iter([batches[number]]), timeout=DEADLINE_S)
            refused += answer.refused

        seen: list[tuple[float, int]] = []
        looking = asyncio.create_task(_look(demand, seen, round(rate * seconds)))
        while not seen:
            await asyncio.sleep(0.01)
        await asyncio.gather(
            paced(rate, seconds, one_case),
            paced(len(batches) / seconds, seconds, one_batch),
        )
        await looking
    return Loop(scored, due_at, seen, refused)


@contextlib.contextmanager
def _transport(folder: Path, *, plain: bool) -> Iterator[Transport]:
    if plain:
        folder.mkdir(parents=True)
        yield embedded(folder)
    else:
        with real_transport(folder, os.environ, Console(stderr=True)) as transport:
            yield transport


def run(seconds: float, limit_s: float, *, plain: bool = False) -> Result:
    """Starts everything, drives it and judges."""
    with (
        tempfile.TemporaryDirectory(prefix="larrey-loop-", ignore_cleanup_errors=True) as name,
        _transport(Path(name) / "peers", plain=plain) as transport,
        System(transport, Path(name) / "services", START.isoformat()) as system,
    ):
        ingest.register(system.services["demand"])
        found = asyncio.run(drive(system, seconds))
    waits = found.visible_s()
    counted = found.seen[-1][1]
    p50, p99 = (float(np.percentile(waits, q)) if waits else float("nan") for q in (50, 99))
    whole = counted == len(found.due) and not found.scored.errors and not found.refused
    return Result(
        f"loop on {transport.label}",
        f"p99 <= {limit_s:g} s, each call counted once",
        f"p50 {p50:.3f} s, p99 {p99:.3f} s; {counted} of {len(found.due)} counted, "
        f"errors {dict(found.scored.errors)}, movements refused {found.refused}; "
        f"scoring p99 {found.scored.percentile(99):.0f} ms",
        whole and p99 <= limit_s,
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--limit-s", type=float, default=2.0, help="what p99 may take")
    parser.add_argument("--embedded", action="store_true", help="no Kafka, no PostgreSQL")
    chosen = parser.parse_args(arguments)
    return 0 if show([run(chosen.seconds, chosen.limit_s, plain=chosen.embedded)]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
