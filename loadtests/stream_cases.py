"""StreamCases with many open streams: updates sent on time whatever comes back, none lost.

    python -m loadtests.stream_cases [--streams 1000] [--rate 500] [--seconds 10] [--limit-ms 25]

Every update is a case of its own on one of the streams in turn, and is timed from the
instant at which it was due. Heart-beats are answered, counted and not timed. The exit code is
0 when the promise is kept: p99 within the limit, every update answered once and in full (an
answer of the rules alone, which is what lateness gets, counts as late).
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
import uvloop
from rich.console import Console

from larrey.orientation.v1 import orientation_pb2 as pb
from loadtests.day.calls import calls
from loadtests.score_case import cpu_seconds, service

METHOD = "/larrey.orientation.v1.OrientationService/StreamCases"
WARM_UP = 1000  # updates before the clock starts
GRACE_S = 10.0  # after the last update: what has not come by then is lost
LATE = "RULES_ONLY_LATE"


@dataclass(slots=True)
class Measured:
    due: dict[str, float] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    late: int = 0
    beats: int = 0
    other: Counter[str] = field(default_factory=Counter)

    def take(self, frame: pb.StreamCasesResponse, came: float) -> None:
        kind = frame.WhichOneof("frame")
        if kind == "heartbeat":
            self.beats += 1
            return
        due = self.due.pop(frame.correlation_id, None)
        if kind != "answer" or due is None:
            self.other[frame.refusal.reason if kind == "refusal" else "UNASKED"] += 1
            return
        self.milliseconds.append((came - due) * 1000)
        reasons = {r.code for answer in frame.answer.answers for r in answer.reasons}
        self.late += LATE in reasons


async def read(stream: Any, out: Measured) -> None:
    async for frame in stream:
        out.take(frame, time.perf_counter())


async def drive(address: str, chosen: argparse.Namespace) -> Measured:
    options = [("grpc.max_concurrent_streams", 2000)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        call: Any = channel.stream_stream(
            METHOD,
            request_serializer=pb.StreamCasesRequest.SerializeToString,
            response_deserializer=pb.StreamCasesResponse.FromString,
        )
        out = Measured()
        streams = [call() for _ in range(chosen.streams)]
        readers = [asyncio.create_task(read(stream, out)) for stream in streams]
        for stream in streams:  # a stream is open once its heart-beat came back
            await stream.write(pb.StreamCasesRequest(heartbeat=pb.Heartbeat()))
        until = time.perf_counter() + GRACE_S
        while out.beats < len(streams) and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        drawn = [c.update for c in calls()]
        count = WARM_UP + round(chosen.rate * chosen.seconds)
        begin = time.perf_counter()
        for number in range(count):
            due = begin + number / chosen.rate
            update = drawn[number % len(drawn)]
            update.case_id = f"fr.health.samu440.stream.{number:07d}"
            frame = pb.StreamCasesRequest(
                correlation_id=str(number), update=pb.ScoreCaseRequest(typed=update)
            )
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            out.due[frame.correlation_id] = due
            await streams[number % len(streams)].write(frame)
            if number == WARM_UP:
                out.milliseconds.clear()
        until = time.perf_counter() + GRACE_S
        while out.due and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        for stream in streams:
            await stream.done_writing()
        await asyncio.wait(readers, timeout=GRACE_S)
        return out


def verdict(out: Measured, cpu_s: float, chosen: argparse.Namespace) -> bool:
    say = Console(highlight=False).print
    say(
        f"StreamCases, {chosen.streams} open streams, {chosen.rate:.0f} updates/s for "
        f"{chosen.seconds:.0f} s (open loop, loopback)"
    )
    count = WARM_UP + round(chosen.rate * chosen.seconds)
    say(
        f"lost {len(out.due)}, refused {dict(out.other)}, answered by rules alone {out.late}, "
        f"heart-beats {out.beats}"
    )
    if not out.milliseconds:
        return False
    p50, p90, p99 = (float(np.percentile(out.milliseconds, q)) for q in (50, 90, 99))
    say(
        f"p50 {p50:.1f} ms  p90 {p90:.1f} ms  p99 {p99:.1f} ms  longest "
        f"{max(out.milliseconds):.1f} ms  service CPU {1000 * cpu_s / count:.2f} ms an update"
    )
    kept = not out.due and not out.other and p99 <= chosen.limit_ms
    say(f"promise p99 <= {chosen.limit_ms:.0f} ms, no loss: {'kept' if kept else 'BROKEN'}")
    return kept


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=500.0, help="updates a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--limit-ms", type=float, default=25.0, help="what p99 may take")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="larrey-streams-") as folder:
        running = service(Path(folder))
        try:
            before = cpu_seconds(running)
            out = uvloop.run(drive(running.grpc, chosen))
            cpu_s = cpu_seconds(running) - before
        finally:
            running.stop()
    return 0 if verdict(out, cpu_s, chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
