"""Clients that hold everything open or never read, and a limit of memory: the others are served."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from larrey.demand.v1 import demand_pb2 as dem
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc
from loadtests import ingest
from loadtests.day.calls import calls
from loadtests.day.clients import scraped
from loadtests.day.processes import READY_S, Running, start
from loadtests.day.world import START
from shared.rpc import channel

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
IDLE, CONNECTIONS = 10_000, 10
ALLOWED = 64
UNREAD, STALLED_BY_S = 100_000, 90.0
OTHERS = 100  # calls of somebody else, meanwhile
KIB_A_STREAM = 64
SLOW_READER_MIB = 64
RETRY_S = 120.0
MIB = 2**20
ROWS, BATCH = 200_000, 5_000


def say(words: str) -> None:
    print(f"\n  {words}", flush=True)  # noqa: T201


def service(name: str, folder: Path, **more: str) -> Running:
    running = start(
        name,
        folder,
        events_url=f"sqlite:///{folder / 'events.db'}",
        database_url=f"sqlite:///{folder / 'state.db'}",
        clock_start=START.isoformat(),
        more=more,
    )
    running.wait_ready(time.monotonic() + READY_S)
    return running


def resident(running: Running) -> int:
    return int(psutil.Process(running.process.pid).memory_info().rss)


def ended_with(running: Running, code: str) -> float:
    """Calls that the service itself counts under this code."""
    with urllib.request.urlopen(f"http://{running.metrics}/metrics", timeout=10) as told:
        families = list(text_string_to_metric_families(told.read().decode()))
    samples = [s for family in families for s in family.samples]
    return sum(
        s.value for s in samples if s.name == "larrey_rpc_calls_total" and s.labels["code"] == code
    )


async def others_are_served(address: str) -> float:
    """Calls one after the other; the longest, in seconds. Raises when one is not answered."""
    longest = 0.0
    async with grpc.aio.insecure_channel(address) as link:
        stub = orientation_pb2_grpc.OrientationServiceStub(link)
        for number, call in enumerate(calls()[:OTHERS]):
            update = ori.CaseUpdate()
            update.CopyFrom(call.update)
            update.case_id = f"fr.health.samu950.other.{number}"
            begin = time.perf_counter()
            await stub.ScoreCase(ori.ScoreCaseRequest(typed=update), timeout=30)
            longest = max(longest, time.perf_counter() - begin)
    return longest


async def idle_streams(
    address: str, then: Callable[[Counter[str]], Awaitable[None]]
) -> Counter[str]:
    """Opens them, says once that it is there on each, calls `then`; how each stood."""
    stood: Counter[str] = Counter()
    own = [("grpc.use_local_subchannel_pool", 1)]
    links = [grpc.aio.insecure_channel(address, options=own) for _ in range(CONNECTIONS)]
    beat = ori.StreamCasesRequest(heartbeat=ori.Heartbeat())

    async def open_one(number: int) -> Any:
        stub = orientation_pb2_grpc.OrientationServiceStub(links[number % CONNECTIONS])
        stream = stub.StreamCases()
        try:
            await stream.write(beat)
            await asyncio.wait_for(stream.read(), 60)
        except grpc.aio.AioRpcError:  # its own code may be INTERNAL: a write into what has ended
            stood["refused"] += 1
            return None
        stood["refused" if stream.done() else "open"] += 1
        return stream

    held = []
    for first in range(0, IDLE, 250):
        held += await asyncio.gather(*(open_one(n) for n in range(first, first + 250)))
    await then(stood)
    for stream in held:
        if stream is not None:
            stream.cancel()
    for link in links:
        await link.close()
    return stood


def test_ten_thousand_idle_streams_cost_little_and_hold_nobody_up(tmp_path: Path) -> None:
    running = service("orientation", tmp_path)
    try:
        asyncio.run(others_are_served(running.grpc))  # warm
        before = resident(running)
        seen: dict[str, float] = {}

        async def look(_: Counter[str]) -> None:
            seen["kib"] = (resident(running) - before) / 1024 / IDLE
            seen["longest"] = await others_are_served(running.grpc)

        stood = asyncio.run(idle_streams(running.grpc, look))
        asyncio.run(others_are_served(running.grpc))
    finally:
        running.stop()
    say(
        f"{IDLE} idle streams: {seen['kib']:.1f} KiB each; of {OTHERS} other calls the longest "
        f"took {1000 * seen['longest']:.0f} ms"
    )
    assert stood == {"open": IDLE}
    assert seen["kib"] <= KIB_A_STREAM


def test_streams_beyond_a_client_s_limit_are_refused_and_counted(tmp_path: Path) -> None:
    running = service("orientation", tmp_path, LARREY_STREAMS_PER_CLIENT=str(ALLOWED))
    try:
        seen: dict[str, float] = {}

        async def look(_: Counter[str]) -> None:
            seen["longest"] = await others_are_served(running.grpc)

        stood = asyncio.run(idle_streams(running.grpc, look))
        counted = ended_with(running, "RESOURCE_EXHAUSTED")
    finally:
        running.stop()
    say(f"{IDLE} streams where {ALLOWED} are allowed: {dict(stood)}, counted {counted:.0f}")
    assert stood == {"open": ALLOWED, "refused": IDLE - ALLOWED}
    assert counted == IDLE - ALLOWED


def test_who_never_reads_is_soon_not_read_and_costs_no_memory(tmp_path: Path) -> None:
    running = service("orientation", tmp_path)

    def answers() -> int:
        return round(scraped(running.metrics)["larrey_orientation_answers_total"])

    async def drive() -> tuple[int, float, int, bool]:
        async with grpc.aio.insecure_channel(running.grpc) as link:
            stream = orientation_pb2_grpc.OrientationServiceStub(link).StreamCases()
            drawn = calls()

            async def write() -> None:
                for number in range(UNREAD):
                    request = ori.StreamCasesRequest(correlation_id=str(number))
                    request.update.typed.CopyFrom(drawn[number % len(drawn)].update)
                    request.update.typed.case_id = f"fr.health.samu440.unread.{number}"
                    await stream.write(request)

            before, first = resident(running), answers()
            writing = asyncio.create_task(write())
            longest, seen, until = 0.0, first, time.monotonic() + STALLED_BY_S
            stalled = False
            while not stalled and time.monotonic() < until:
                await asyncio.sleep(2)
                longest = max(longest, await others_are_served(running.grpc))
                now = answers()
                stalled, seen = now == seen + OTHERS, now
            grown = resident(running) - before
            writing.cancel()
            stream.cancel()
            return seen - first, longest, grown, stalled

    try:
        asyncio.run(others_are_served(running.grpc))
        scored, longest, grown, stalled = asyncio.run(drive())
        asyncio.run(others_are_served(running.grpc))
    finally:
        running.stop()
    say(
        f"a reader that never reads: not read any more after {scored} answers in all, "
        f"{grown / MIB:.0f} MiB more; other calls at most {1000 * longest:.0f} ms"
    )
    assert stalled
    assert grown <= SLOW_READER_MIB * MIB


def test_a_limit_of_memory_that_is_hit_loses_nothing(tmp_path: Path) -> None:
    """What cannot be stored is not acknowledged; a service that dies of it comes back whole."""
    running = service("demand", tmp_path)
    batches = ingest.requests(ROWS, BATCH)
    codes: Counter[str] = Counter()

    def send(batch: bytes) -> dem.RecordConsumptionResponse | None:
        with channel(running.grpc) as link:
            stub = demand_pb2_grpc.DemandServiceStub(link)
            request = dem.RecordConsumptionRequest.FromString(batch)
            try:
                return stub.RecordConsumption(iter([request]), timeout=60)
            except grpc.RpcError as error:
                codes[error.code().name] += 1
                return None

    def at_once(some: Sequence[bytes]) -> list[dem.RecordConsumptionResponse | None]:
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(send, some))

    try:
        ingest.register(running)
        process = psutil.Process(running.process.pid)
        now = process.memory_info().vms
        process.rlimit(psutil.RLIMIT_AS, (now + 2 * MIB, psutil.RLIM_INFINITY))
        first = at_once(batches)
        met, died = dict(codes), running.process.poll() is not None
        if died:
            running = service("demand", tmp_path)
        else:
            process.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        begin = time.monotonic()
        left = [b for b, answer in zip(batches, first, strict=True) if answer is None]
        while left:
            left = [b for b, a in zip(left, at_once(left), strict=True) if a is None]
            assert time.monotonic() < begin + RETRY_S, f"still refused: {dict(codes)}"
        recovered = time.monotonic() - begin
        again = [answer for answer in at_once(batches) if answer is not None]
    finally:
        running.stop()
    say(
        f"limit of memory hit by {sum(met.values())} of {len(batches)} calls ({met}), died: "
        f"{died}; all stored {recovered:.1f} s after there was room"
    )
    assert met, "the limit was never hit"
    assert "INVALID_ARGUMENT" not in met, "a caller would throw away what was right"
    assert sum(a.duplicate for a in again) == ROWS
    assert sum(a.accepted + a.refused for a in again) == 0
