"""The whole service in this process: SQLite, the embedded log, gRPC on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from larrey.orientation.v1 import orientation_pb2_grpc
from services.orientation.main import build
from shared.service import Service, ServiceParts


@dataclass
class Running:
    """A service that runs on a thread of its own, as a process would."""

    parts: ServiceParts
    address: str
    stop: Callable[[], None] = field(init=False)
    stub: Any = field(init=False)
    _channel: grpc.Channel = field(init=False)

    def __post_init__(self) -> None:
        self._channel = grpc.insecure_channel(
            self.address, options=[("grpc.max_send_message_length", 64 * 1024 * 1024)]
        )
        self.stub = orientation_pb2_grpc.OrientationServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a service with these settings over the usual ones; stops it at the end."""
    stops: list[Callable[[], None]] = []

    def begin(name: str = "one", **more: str) -> Running:
        environ = {
            "LARREY_DATABASE_URL": f"sqlite:///{tmp_path}/{name}.db",
            "LARREY_EVENTS_URL": f"sqlite:///{tmp_path}/events.db",
            "LARREY_DATA_DIR": str(tmp_path / name),
            "LARREY_CLOCK_START": "2026-01-05T08:00:00+00:00",
            "LARREY_REFRESH_SECONDS": "0.05",
            "LARREY_SCORING_PROCESS": "off",
            **more,
        }
        parts = build(environ)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()

        async def up() -> Service:
            service = Service(parts)
            await service.start()
            return service

        started: Future[Service] = asyncio.run_coroutine_threadsafe(up(), loop)
        service = started.result(60)
        running = Running(parts, service.address)

        def stop() -> None:
            stops.remove(stop)
            running.close()
            asyncio.run_coroutine_threadsafe(service.stop(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()

        stops.append(stop)
        running.stop = stop
        return running

    yield begin
    for stop in stops[::-1]:
        stop()
