"""Who loads the services all at once: SAMUs, hospitals, readers; all of it prepared before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc
from loadtests import ingest
from loadtests.day.calls import calls
from loadtests.day.clients import local
from loadtests.day.world import first_products
from loadtests.openloop import Measured, paced

SAMUS, HOSPITALS, READS_A_SECOND = 5, 10, 10
# Of each SAMU so many cases are open at once; each gets its updates in turn and is over then.
# 125 new cases a second fill what a service keeps at hand (20,000 cases) within the warm-up.
OPEN_CASES, UPDATES_A_CASE = 400, 4
DEADLINE_S, PATIENCE_S = 60.0, 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and for how long."""

    a_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """What will be sent, made before the clock runs: making it must not delay the sending."""

    updates: Sequence[ori.CaseUpdate]
    batches: Sequence[bytes]
    reads: Sequence[pb.GetForecastRequest]


def prepare(seconds: float, movements: int, series: int) -> Prepared:
    """`movements` a second for `seconds`, reads of the first `series` real series."""
    return Prepared(
        [call.update for call in calls()],
        ingest.requests(round(movements * seconds), movements // HOSPITALS),
        [
            pb.GetForecastRequest(item=local(asked.item_id), site_id=asked.site_id)
            for asked in first_products(series)
        ],
    )


@dataclass(slots=True)
class Answers:
    """What came back, by kind; `late` is how late the updates left us, in milliseconds."""

    updates: Measured = field(default_factory=Measured)
    movements: Measured = field(default_factory=Measured)
    reads: Measured = field(default_factory=Measured)
    late: Measured = field(default_factory=Measured)
    refused: int = 0
    unanswered: int = 0


def case_of(count: int) -> int:
    """The case that the update with this number is about."""
    return count // (OPEN_CASES * UPDATES_A_CASE) * OPEN_CASES + count % OPEN_CASES


async def samu(address: str, number: int, pace: Pace, sent: Prepared, found: Answers) -> None:
    """One stream both ways; answers are matched by their correlation id."""
    due_at = dict[str, float]()
    async with grpc.aio.insecure_channel(address) as channel:
        stub = orientation_pb2_grpc.OrientationServiceStub(channel)
        stream = stub.StreamCases(timeout=pace.seconds + DEADLINE_S)

        async def read() -> None:
            async for response in stream:
                due = due_at.pop(response.correlation_id, None)
                if response.HasField("refusal"):
                    found.updates.errors[response.refusal.reason] += 1
                elif due is not None:
                    found.updates.answered(due)

        async def send(count: int, due: float) -> None:
            request = ori.StreamCasesRequest(correlation_id=str(count))
            update = request.update.typed
            case = case_of(count)
            update.CopyFrom(sent.updates[case % len(sent.updates)])  # one person per case
            update.case_id = f"fr.health.samu{44 + number}0.mixed.{case:06d}"
            update.update_id = str(count)
            due_at[request.correlation_id] = due
            found.late.answered(due)
            async with one_at_a_time:
                await stream.write(request)

        one_at_a_time = asyncio.Lock()
        reading = asyncio.create_task(read())
        await paced(pace.a_second, pace.seconds, send)
        await stream.done_writing()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reading, PATIENCE_S)
        found.unanswered += len(due_at)


async def hospitals(address: str, seconds: float, sent: Prepared, found: Answers) -> None:
    """Each hospital's movements of one second in one call, spread over the second."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_unary(
            ingest.METHOD,
            request_serializer=lambda message: message,
            response_deserializer=pb.RecordConsumptionResponse.FromString,
        )

        async def send(number: int, due: float) -> None:
            try:
                answer = await call(iter([sent.batches[number]]), timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                found.movements.errors[error.code().name] += 1
            else:
                found.refused += answer.refused
                found.movements.answered(due)

        await paced(len(sent.batches) / seconds, seconds, send)


async def readers(
    address: str, pace: Pace, reads: Sequence[pb.GetForecastRequest], found: Measured
) -> None:
    """Forecasts that were made are read, one item at one site at a time."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = demand_pb2_grpc.DemandServiceStub(channel)

        async def send(number: int, due: float) -> None:
            try:
                await stub.GetForecast(reads[number % len(reads)], timeout=DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                found.errors[error.code().name] += 1
            else:
                found.answered(due)

        await paced(pace.a_second, pace.seconds, send)
