"""An orientation server that returns one prebuilt reply: what the server kit alone can carry.

Started by loadtests.throughput as a process of its own, on the same kit as the real one:
interceptor, validation of the request, metrics, deadline, health.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import uvloop
from prometheus_client import start_http_server

from larrey.orientation.v1 import orientation_pb2 as pb
from shared.energy import EnergyCollector, EnergyFactors
from shared.rpc.server import Server
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry

NAME = pb.DESCRIPTOR.services_by_name["OrientationService"].full_name


def register(server: grpc.aio.Server, reply: pb.ScoreCaseResponse) -> None:
    """ScoreCase alone, answered with this reply whatever is asked."""

    async def answer(_: pb.ScoreCaseRequest, __: Any) -> pb.ScoreCaseResponse:
        return reply

    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=pb.ScoreCaseRequest.FromString,
        response_serializer=pb.ScoreCaseResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(NAME, {"ScoreCase": handler}),)
    )


async def serve(reply_file: Path, ready_file: Path) -> None:
    reply = pb.ScoreCaseResponse.FromString(reply_file.read_bytes())
    telemetry = Telemetry("echo")
    settings = ServiceSettings(
        database_url="sqlite:///unused", events_url="sqlite:///unused", data_dir=Path()
    )
    server = Server(settings, telemetry, lambda s: register(s, reply), (NAME,))
    port = await server.start()
    telemetry.registry.register(EnergyCollector(EnergyFactors(1.0, 1.0, 0.0)))  # its processor time
    metrics, _ = start_http_server(0, "127.0.0.1", registry=telemetry.registry)
    await server.serving(True)
    addresses = {"grpc": f"127.0.0.1:{port}", "metrics": f"127.0.0.1:{metrics.server_port}"}
    draft = ready_file.with_suffix(".draft")
    draft.write_text(json.dumps(addresses | {"pid": os.getpid()}))
    draft.replace(ready_file)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop()
    metrics.shutdown()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
