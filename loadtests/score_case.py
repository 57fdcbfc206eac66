"""ScoreCase at a steady rate: sent on time whatever comes back, and how long answers took.

    python -m loadtests.score_case [--rate 50] [--seconds 20] [--limit-ms 20]

Starts the orientation service as a process of its own on the embedded log and SQLite, and
calls it over loopback. Each answer is timed from the instant at which its call was due,
so a slow answer cannot hide behind the calls that waited for it. The exit code is 0 when
the promise is kept: p99 within the limit, nothing lost, reasons in every answer.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.orientation.v1 import orientation_pb2_grpc
from loadtests.day.calls import calls, hub_messages
from loadtests.day.clients import scraped
from loadtests.day.processes import READY_S, Running, start
from loadtests.day.world import START

WARM_UP = 100  # calls before the clock starts: imports, caches, connections
DEADLINE_S = 10.0
HUB_EVERY = 10  # every tenth call is an official message of the Hub, as it is


@dataclass(slots=True)
class Measured:
    """What came back."""

    milliseconds: list[float] = field(default_factory=list)
    without_reasons: int = 0
    errors: Counter[str] = field(default_factory=Counter)


def requests(count: int) -> list[pb.ScoreCaseRequest]:
    """Real visits as calls, each a case of its own, with official messages in between."""
    drawn = calls()
    messages = [message for _, message in hub_messages()]
    found = []
    for number in range(count):
        if number % HUB_EVERY == HUB_EVERY - 1:
            message = messages[number // HUB_EVERY % len(messages)]
            found.append(pb.ScoreCaseRequest(hub_json=message))
            continue
        update = pb.CaseUpdate()
        update.CopyFrom(drawn[number % len(drawn)].update)
        update.case_id = f"fr.health.samu440.load.{number:06d}"
        found.append(pb.ScoreCaseRequest(typed=update))
    return found


async def one(stub: Any, request: pb.ScoreCaseRequest, due: float, out: Measured) -> None:
    try:
        response = await stub.ScoreCase(request, timeout=DEADLINE_S)
    except grpc.aio.AioRpcError as error:
        out.errors[error.code().name] += 1
        return
    out.milliseconds.append((time.perf_counter() - due) * 1000)
    if not all(answer.reasons and answer.responses for answer in response.answers):
        out.without_reasons += 1


async def drive(address: str, rate: float, seconds: float) -> Measured:
    """Sends at the rate, never waiting for an answer before the next call."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = orientation_pb2_grpc.OrientationServiceStub(channel)
        planned = requests(WARM_UP + round(rate * seconds))
        warm = Measured()
        for request in planned[:WARM_UP]:
            await one(stub, request, time.perf_counter(), warm)
        out = Measured()
        begin = time.perf_counter()
        running = []
        for number, request in enumerate(planned[WARM_UP:]):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            running.append(asyncio.create_task(one(stub, request, due, out)))
        await asyncio.gather(*running)
        return out


def service(folder: Path) -> Running:
    running = start(
        "orientation",
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=START.isoformat(),
    )
    running.wait_ready(time.monotonic() + READY_S)
    return running


def cpu_seconds(running: Running) -> float:
    """Processor time of the service so far, by its own metrics."""
    return scraped(running.metrics)["larrey_cpu_seconds_total"]


def verdict(out: Measured, cpu_s: float, chosen: argparse.Namespace) -> bool:
    """Prints the figures; True when the promise was kept."""
    say = Console(highlight=False).print
    sent = round(chosen.rate * chosen.seconds)
    say(
        f"ScoreCase with reasons, {chosen.rate:.0f} calls/s for {chosen.seconds:.0f} s "
        "(open loop, loopback)"
    )
    say(f"answered {len(out.milliseconds)} of {sent}, errors {dict(out.errors)}")
    if not out.milliseconds:
        return False
    p50, p90, p99 = (float(np.percentile(out.milliseconds, q)) for q in (50, 90, 99))
    say(
        f"p50 {p50:.1f} ms  p90 {p90:.1f} ms  p99 {p99:.1f} ms  "
        f"longest {max(out.milliseconds):.1f} ms  "
        f"service CPU {1000 * cpu_s / (sent + WARM_UP):.2f} ms a call"
    )
    kept = len(out.milliseconds) == sent and not out.without_reasons and p99 <= chosen.limit_ms
    say(f"promise p99 <= {chosen.limit_ms:.0f} ms: {'kept' if kept else 'BROKEN'}")
    return kept


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--limit-ms", type=float, default=20.0, help="what p99 may take")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larrey-load-") as folder:
        running = service(Path(folder))
        try:
            before = cpu_seconds(running)
            out = asyncio.run(drive(running.grpc, chosen.rate, chosen.seconds))
            cpu_s = cpu_seconds(running) - before
        finally:
            running.stop()
    return 0 if verdict(out, cpu_s, chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
