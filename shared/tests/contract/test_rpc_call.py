"""`larrey call` reaches any RPC, says what was refused, and names what is wrong with a call."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc as pb_grpc
from shared.errors import Malformed, Missing, Unavailable
from shared.rpc import Server, channel
from shared.rpc.call import call
from shared.rpc.client import ClientFiles
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry

NAME = "larrey.demand.v1.DemandService"


class Two(pb_grpc.DemandServiceServicer):
    """Knows the run "r" and refuses the others."""

    async def GetForecastRun(self, request: pb.GetForecastRunRequest, context: Any) -> Any:
        if request.run_id != "r":
            raise Missing("RUN_MISSING", "There is no such run.", field="run_id")
        return pb.GetForecastRunResponse(run=pb.ForecastRun(run_id="r"))

    async def WatchForecastRun(self, request: Any, context: Any) -> Any:
        for series in (1, 2):
            yield pb.WatchForecastRunResponse(
                run=pb.ForecastRun(run_id=request.run_id, series_done=series)
            )


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    settings = ServiceSettings(
        database_url="sqlite:///x.db", events_url="sqlite:///e.db", data_dir=tmp_path
    )
    loop = asyncio.new_event_loop()

    async def start() -> tuple[Server, int]:
        server = Server(
            settings,
            Telemetry("demand"),
            lambda s: pb_grpc.add_DemandServiceServicer_to_server(Two(), s),  # type: ignore[abstract]
            [NAME],
        )
        return server, await server.start()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    yield f"127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def send(address: str, rpc: str, body: str, seconds: float = 20) -> list[Any]:
    with channel(address) as opened:
        return [json.loads(a) for a in call(opened, f"{NAME}/{rpc}", body, seconds)]


def test_one_request_gets_each_answer_as_json(address: str) -> None:
    assert send(address, "GetForecastRun", '{"run_id": "r"}')[0]["run"]["run_id"] == "r"
    watched = send(address, "WatchForecastRun", '{"run_id": "r"}')
    assert [a["run"]["series_done"] for a in watched] == ["1", "2"]


def test_a_refusal_of_the_service_is_raised_as_it_is(address: str) -> None:
    with pytest.raises(Missing, match="RUN_MISSING") as refused:
        send(address, "GetForecastRun", '{"run_id": "x"}')
    assert refused.value.field == "run_id"


@pytest.mark.parametrize(
    ("rpc", "body", "field"),
    [
        ("GetForecastRuns", "{}", "method"),
        ("GetForecastRun", '{"run": 1}', "body"),
        ("GetForecastRun", "{", "body"),
    ],
)
def test_a_wrong_call_is_refused_before_it_is_sent(rpc: str, body: str, field: str) -> None:
    with grpc.insecure_channel("127.0.0.1:1") as nobody, pytest.raises(Malformed) as refused:
        list(call(nobody, f"{NAME}/{rpc}", body, 1))
    assert refused.value.field == field


def test_a_service_that_is_away_is_said_to_be_away() -> None:
    with channel("127.0.0.1:1") as nobody, pytest.raises(Unavailable, match="PEER_AWAY"):
        list(call(nobody, f"{NAME}/GetForecastRun", '{"run_id": "r"}', 0.3))


def test_files_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    here = tmp_path / "x.pem"
    with pytest.raises(Malformed, match="CA_NEEDED"):
        ClientFiles(token=here).credentials()
    with pytest.raises(Malformed, match="KEY_NEEDED"):
        ClientFiles(ca=here, cert=here).credentials()
    with pytest.raises(Malformed, match="FILE_UNREADABLE"):
        ClientFiles(ca=here).credentials()
