"""ScoreCase as fast as it goes, beside an echo of the same size through the same server kit.

    python -m loadtests.throughput [--seconds 6] [--rounds 5] [--in-flight 64] [--least 0.5]

Each call is a new case with reasons and ranked facilities, kept in the store with its record
and its event before it is answered. The echo returns a prebuilt reply of equal size. Both run
as processes of their own and take turns in one run; the figure is the median of the rounds'
shares. The exit code is 0 when the share is reached and nothing was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import uvloop
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests.day.calls import calls, hub_messages
from loadtests.day.clients import scraped
from loadtests.day.processes import READY_S, Running
from loadtests.score_case import service

METHOD = "/larrey.orientation.v1.OrientationService/ScoreCase"
WARM_UP = 300
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Round:
    """One server, flat out for a while."""

    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float  # of the server, a call
    lost: int


class Maker:
    """Requests as bytes, each a case of its own; every `hub_every`th an official message."""

    def __init__(self, hub_every: int) -> None:
        self._drawn = [call.update for call in calls()]
        self._messages = [message for _, message in hub_messages()]
        self._every, self._number = hub_every, 0

    def next(self) -> bytes:
        self._number += 1
        if self._every and self._number % self._every == 0:
            message = self._messages[self._number // self._every % len(self._messages)]
            return pb.ScoreCaseRequest(hub_json=message).SerializeToString()
        update = self._drawn[self._number % len(self._drawn)]
        update.case_id = f"fr.health.samu440.load.{self._number:07d}"
        return pb.ScoreCaseRequest(typed=update).SerializeToString()


def _as_it_is(payload: bytes) -> bytes:
    return payload


async def drive(
    running: Running, payloads: Sequence[bytes], in_flight: int, method: str = METHOD
) -> Round:
    """Sends all payloads with so many calls open at once; CPU needs the server's metrics."""
    options = [("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(running.grpc, options=options) as channel:
        call: Any = channel.unary_unary(
            method, request_serializer=_as_it_is, response_deserializer=_as_it_is
        )
        waiting = iter(payloads)
        took: list[float] = []
        lost = 0

        async def one() -> None:
            nonlocal lost
            for payload in waiting:
                begin = time.perf_counter()
                try:
                    await call(payload, timeout=DEADLINE_S)
                except grpc.aio.AioRpcError:
                    lost += 1
                else:
                    took.append(time.perf_counter() - begin)

        cpu = _cpu_seconds(running)
        begin = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(in_flight)))
        seconds = time.perf_counter() - begin
        cpu = _cpu_seconds(running) - cpu
    p50, p99 = np.percentile(took, [50, 99]) * 1000 if took else (0.0, 0.0)
    count = len(took)
    return Round(count / seconds, float(p50), float(p99), 1000 * cpu / max(count, 1), lost)


def _cpu_seconds(running: Running) -> float:
    """By the server's own metrics; not known (0) of a server that has none of ours."""
    return scraped(running.metrics)["larrey_cpu_seconds_total"] if running.metrics else 0.0


async def a_reply(running: Running, payload: bytes) -> bytes:
    async with grpc.aio.insecure_channel(running.grpc) as channel:
        call: Any = channel.unary_unary(
            METHOD, request_serializer=_as_it_is, response_deserializer=_as_it_is
        )
        reply: bytes = await call(payload, timeout=DEADLINE_S)
        return reply


def echo(folder: Path, reply: bytes) -> Running:
    """An echo server of its own process that gives this reply."""
    folder.mkdir(parents=True)
    reply_file, ready_file, log = folder / "reply", folder / "ready.json", folder / "echo.log"
    reply_file.write_bytes(reply)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.echo_server", str(reply_file), str(ready_file)],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    running = Running("echo", process, log, ready_file)
    running.wait_ready(time.monotonic() + READY_S)
    return running


def told(name: str, rounds: Sequence[Round]) -> str:
    median = {
        field: float(np.median([getattr(r, field) for r in rounds]))
        for field in ("per_s", "p50_ms", "p99_ms", "cpu_ms")
    }
    return (
        f"{name:10s} {median['per_s']:7.0f} calls/s  p50 {median['p50_ms']:6.1f} ms  "
        f"p99 {median['p99_ms']:6.1f} ms  server CPU {median['cpu_ms']:.2f} ms a call"
    )


def measure(folder: Path, chosen: argparse.Namespace) -> tuple[list[Round], list[Round]]:
    maker = Maker(chosen.hub_every)
    real = service(folder / "orientation")
    try:
        reply = uvloop.run(a_reply(real, maker.next()))
        other = echo(folder / "echo", reply)
        try:
            scored: list[Round] = []
            echoed: list[Round] = []
            for running in (other, real):
                warm = [maker.next() for _ in range(WARM_UP)]
                uvloop.run(drive(running, warm, chosen.in_flight))
            for _ in range(chosen.rounds):
                for into, running in ((echoed, other), (scored, real)):
                    payloads = [maker.next() for _ in range(chosen.calls)]
                    into.append(uvloop.run(drive(running, payloads, chosen.in_flight)))
        finally:
            other.stop()
    finally:
        real.stop()
    return echoed, scored


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=3000, help="calls a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=64, help="calls open at once")
    parser.add_argument("--hub-every", type=int, default=0, help="0: typed calls alone")
    parser.add_argument("--least", type=float, default=0.5, help="share of the echo to reach")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larrey-throughput-") as folder:
        echoed, scored = measure(Path(folder), chosen)
    say = Console(highlight=False).print
    say(told("echo", echoed))
    say(told("ScoreCase", scored))
    shares = [s.per_s / e.per_s for e, s in zip(echoed, scored, strict=True)]
    share = float(np.median(shares))
    cpu = float(np.median([e.cpu_ms / s.cpu_ms for e, s in zip(echoed, scored, strict=True)]))
    lost = sum(r.lost for r in (*echoed, *scored))
    say(f"share of the echo {share:.2f} (rounds {min(shares):.2f} to {max(shares):.2f}), by CPU")
    say(f"  {cpu:.2f}; lost {lost}")
    kept = share >= chosen.least and not lost
    say(f"promise share >= {chosen.least}: {'kept' if kept else 'BROKEN'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
