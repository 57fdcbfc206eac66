"""What a caller of any Larrey service sees: refusals, deadlines, ids, health, a graceful stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc as pb_grpc
from shared.errors import (
    Forbidden,
    Malformed,
    Missing,
    NotInThisVersion,
    NotNow,
    Refusal,
    Stranger,
    TooMuch,
    Unavailable,
)
from shared.rpc import Server, refusal_of
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry

NAME = "larrey.demand.v1.DemandService"
SECRET = "Jeanne Martin, 12 rue des Lilas"


class Puppet(pb_grpc.DemandServiceServicer):
    """Does what the run id says."""

    def __init__(self, raises: dict[str, Exception]) -> None:
        self.raises = raises

    async def GetForecastRun(self, request: pb.GetForecastRunRequest, context: Any) -> Any:
        if request.run_id in self.raises:
            raise self.raises[request.run_id]
        if request.run_id == "slow":
            await asyncio.sleep(1)
        return pb.GetForecastRunResponse(run=pb.ForecastRun(run_id=request.run_id))

    async def WatchForecastRun(
        self, request: pb.WatchForecastRunRequest, context: Any
    ) -> AsyncIterator[pb.WatchForecastRunResponse]:
        yield pb.WatchForecastRunResponse(run=pb.ForecastRun(run_id=request.run_id))
        raise Missing("RUN_MISSING", "It went away.")

    async def RecordConsumption(self, requests: Any, context: Any) -> Any:
        rows = 0
        async for request in requests:
            rows += len(request.movements)
        return pb.RecordConsumptionResponse(accepted=rows)


@asynccontextmanager
async def serving(raises: dict[str, Exception], telemetry: Telemetry) -> AsyncIterator[Any]:
    settings = ServiceSettings(
        database_url="sqlite:///none", events_url="sqlite:///none", data_dir=Path()
    )
    server = Server(
        settings,
        telemetry,
        lambda s: pb_grpc.add_DemandServiceServicer_to_server(
            Puppet(raises),  # type: ignore[abstract]  # it plays three calls, not all
            s,
        ),
        [NAME],
    )
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            yield server, channel
        finally:
            await server.stop()


def ask(
    run_id: str, raises: dict[str, Exception] | None = None, **options: Any
) -> tuple[Any, Telemetry]:
    """The answer or the error of one GetForecastRun."""
    telemetry = Telemetry("test")

    async def call() -> Any:
        async with serving(raises or {}, telemetry) as (_, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            try:
                return await stub.GetForecastRun(pb.GetForecastRunRequest(run_id=run_id), **options)
            except grpc.aio.AioRpcError as error:
                return error

    return asyncio.run(call()), telemetry


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Malformed("BAD", "Change it.", field="a[2].b"), grpc.StatusCode.INVALID_ARGUMENT),
        (Missing("GONE", "Put it.", item_id="X"), grpc.StatusCode.NOT_FOUND),
        (NotNow("LATER", "Wait."), grpc.StatusCode.FAILED_PRECONDITION),
        (Stranger("WHO", "Show."), grpc.StatusCode.UNAUTHENTICATED),
        (Forbidden("NOT_YOURS", "Ask."), grpc.StatusCode.PERMISSION_DENIED),
        (TooMuch("FULL", "Slower."), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (Unavailable("AWAY", "Again."), grpc.StatusCode.UNAVAILABLE),
        (NotInThisVersion("Not yet."), grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_each_refusal_reaches_the_caller_with_reason_field_and_remedy(
    refusal: Refusal, code: grpc.StatusCode
) -> None:
    error, _ = ask("x", {"x": refusal})
    assert error.code() is code
    back = refusal_of(error)
    assert back is not None
    assert type(back) is type(refusal)
    assert (back.reason, back.message, back.field, back.facts) == (
        refusal.reason,
        refusal.message,
        refusal.field,
        refusal.facts,
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_bytes_that_are_no_request_are_the_caller_s_fault_not_ours(streamed: bool) -> None:
    telemetry = Telemetry("test")
    rpc = "RecordConsumption" if streamed else "GetForecastRun"

    async def call() -> Any:
        async with serving({}, telemetry) as (_, channel):
            way = channel.stream_unary if streamed else channel.unary_unary
            multi = way(f"/{NAME}/{rpc}", request_serializer=bytes, response_deserializer=bytes)
            sent: Any = iter([b"\xff"]) if streamed else b"\xff"
            try:
                return await multi(sent)
            except grpc.aio.AioRpcError as error:
                return error

    error = asyncio.run(call())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    back = refusal_of(error)
    assert back is not None
    assert back.reason == "REQUEST_UNREADABLE"


def test_a_service_without_memory_asks_to_be_called_again() -> None:
    error, telemetry = ask("x", {"x": MemoryError()})
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    back = refusal_of(error)
    assert back is not None
    assert back.reason == "MEMORY_FULL"
    assert telemetry.registry.get_sample_value(
        "larrey_rpc_calls_total", {"method": f"/{NAME}/GetForecastRun", "code": "UNAVAILABLE"}
    )


def test_a_fault_of_ours_says_nothing_of_the_payload() -> None:
    error, telemetry = ask("x", {"x": ValueError(SECRET)})
    assert error.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in str(error.details())
    labels = {"method": f"/{NAME}/GetForecastRun", "code": "INTERNAL"}
    assert telemetry.registry.get_sample_value("larrey_rpc_calls_total", labels) == 1


def test_a_request_that_breaks_a_rule_names_the_field() -> None:
    error, _ = ask("")
    back = refusal_of(error)
    assert back is not None
    assert (back.reason, back.field) == ("FIELD_INVALID", "run_id")


def test_a_call_past_its_deadline_ends_as_such() -> None:
    error, _ = ask("slow", timeout=0.1)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_deadline_of_one_millisecond_harms_nobody() -> None:
    error, _ = ask("slow", timeout=0.001)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    answer, _ = ask("fine")
    assert answer.run.run_id == "fine"


def test_the_request_id_comes_back_and_a_bad_one_is_replaced() -> None:
    async def call() -> list[str]:
        seen = []
        async with serving({}, Telemetry("test")) as (_, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            for sent in ("erp-42", "a" * 500):
                running = stub.GetForecastRun(
                    pb.GetForecastRunRequest(run_id="x"), metadata=(("x-request-id", sent),)
                )
                headers = dict(await running.initial_metadata())
                seen.append(str(headers["x-request-id"]))
                await running
        return seen

    first, second = asyncio.run(call())
    assert first == "erp-42"
    assert len(second) == 32


def test_a_stream_gives_what_it_has_and_then_the_refusal() -> None:
    async def call() -> tuple[int, Any]:
        got = 0
        async with serving({}, Telemetry("test")) as (_, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            try:
                async for _answer in stub.WatchForecastRun(pb.WatchForecastRunRequest(run_id="x")):
                    got += 1
            except grpc.aio.AioRpcError as error:
                return got, error
        return got, None

    got, error = asyncio.run(call())
    assert got == 1
    assert error.code() is grpc.StatusCode.NOT_FOUND


def test_a_message_inside_a_client_stream_is_checked_too() -> None:
    async def call() -> Any:
        async with serving({}, Telemetry("test")) as (_, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            try:
                return await stub.RecordConsumption(iter([pb.RecordConsumptionRequest()]))
            except grpc.aio.AioRpcError as error:
                return error

    back = refusal_of(asyncio.run(call()))
    assert back is not None
    assert back.field == "movements"


def test_a_payload_of_ten_megabytes_is_refused_and_the_server_goes_on() -> None:
    async def call() -> tuple[Any, Any]:
        async with serving({}, Telemetry("test")) as (_, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            request = pb.GetForecastRunRequest(run_id="x" * 10_000_000)
            try:
                await stub.GetForecastRun(request)
            except grpc.aio.AioRpcError as error:
                return error, await stub.GetForecastRun(pb.GetForecastRunRequest(run_id="y"))
        raise AssertionError("ten megabytes were accepted")

    error, after = asyncio.run(call())
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert after.run.run_id == "y"


def test_health_says_not_serving_until_the_service_is_ready() -> None:
    async def call() -> list[int]:
        async with serving({}, Telemetry("test")) as (server, channel):
            stub: Any = health_pb2_grpc.HealthStub(channel)

            async def status(name: str) -> int:
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
                return int(answer.status)

            before = [await status(""), await status(NAME)]
            await server.serving(True)
            return [*before, await status(NAME)]

    serving_code, not_serving = (
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    )
    assert asyncio.run(call()) == [serving_code, not_serving, serving_code]


def test_a_running_call_is_finished_before_the_server_stops() -> None:
    async def call() -> str:
        async with serving({}, Telemetry("test")) as (server, channel):
            stub = pb_grpc.DemandServiceStub(channel)
            running = stub.GetForecastRun(pb.GetForecastRunRequest(run_id="slow"))
            await asyncio.sleep(0.2)
            stopping = asyncio.create_task(server.stop())
            answer = await running
            await stopping
            return str(answer.run.run_id)

    assert asyncio.run(call()) == "slow"
