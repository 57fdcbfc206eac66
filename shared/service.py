"""The life of one service process: start in order, serve, stop in the opposite order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import uvloop
from google.protobuf.message import Message
from prometheus_client import start_http_server

from shared.clock import Clock
from shared.energy import EnergyCollector, EnergyFactors
from shared.errors import Unavailable
from shared.events import Consumer, EventLog, Handler, Relay, topic_of
from shared.otlp import open_tracer
from shared.rpc.server import Server
from shared.settings import BadSettings, ServiceSettings
from shared.standing import leave_standing_alone
from shared.storage import Database
from shared.telemetry import Telemetry, configure_logs, get_log

EVENTS = "larrey.events"  # the health name of the link to the event log
STORE_RETRY_S = 2.0


class Job(Protocol):
    """Something that works in the background for as long as the service lives."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """Everything that a service's main joins together."""

    name: str
    settings: ServiceSettings
    clock: Clock
    telemetry: Telemetry
    database: Database
    log: EventLog
    migrations: str
    register: Callable[[grpc.aio.Server], None]
    health_names: Sequence[str]
    handlers: Mapping[type[Message], Handler] = field(default_factory=dict)
    publishes: Sequence[type[Message]] = ()
    jobs: Sequence[Job] = ()


class Service:
    """One running service; `run` is what a process does, the tests call start and stop."""

    def __init__(self, parts: ServiceParts) -> None:
        self.parts = parts
        self.failure: str | None = None
        self.address = ""
        self.metrics_address = ""
        self._log = get_log("service")
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._tracer = open_tracer(parts.name, parts.settings)
        self._server = Server(
            parts.settings,
            parts.telemetry,
            parts.register,
            (*parts.health_names, EVENTS),
            self._tracer,
        )
        self._relay = Relay(
            parts.log,
            parts.database,
            parts.clock,
            parts.telemetry,
            on_failure=self._gave_up,
        )
        self._consumer = Consumer(
            parts.log,
            parts.database,
            group=f"larrey.{parts.name}",
            handlers=parts.handlers,
            clock=parts.clock,
            telemetry=parts.telemetry,
            poison_limit=parts.settings.poison_limit,
            on_failure=self._gave_up,
            tracer=self._tracer,
        )
        self._metrics: Any = None
        self._ready = parts.telemetry.gauge(
            "service_ready", "1 while calls may come, 0 while the service waits for its store."
        )
        settings = parts.settings
        parts.telemetry.registry.register(
            EnergyCollector(
                EnergyFactors(
                    settings.watts_per_core, settings.data_centre_factor, settings.grid_kg_per_kwh
                )
            )
        )

    async def start(self) -> None:
        parts = self.parts
        self._loop.set_default_executor(
            ThreadPoolExecutor(parts.settings.worker_threads, thread_name_prefix="call")
        )
        host = parts.settings.grpc_address.rsplit(":", 1)[0]
        self.address = f"{host}:{await self._server.start()}"
        metrics_host, metrics_port = parts.settings.metrics_address.rsplit(":", 1)
        self._metrics, _ = start_http_server(
            int(metrics_port), metrics_host, registry=parts.telemetry.registry
        )
        self.metrics_address = f"{metrics_host}:{self._metrics.server_port}"
        await self._migrate()
        parts.database.copy_back_beside()
        topics = [topic_of(kind) for kind in (*parts.publishes, *parts.handlers)]
        await asyncio.to_thread(self._relay.start, topics)
        if parts.handlers:
            await asyncio.to_thread(self._consumer.start)
        for job in parts.jobs:
            await asyncio.to_thread(job.start)
        await self._server.serving(True, parts.health_names)
        await self._server.serving(True, [EVENTS])
        self._ready.set(1)
        self._say_ready()

    async def _migrate(self) -> None:
        """Waits for the store as long as it takes: until then health says NOT_SERVING."""
        database = self.parts.database
        waits = self.parts.settings.migrate == "never"
        ready = database.check_migrated if waits else database.migrate
        while True:
            try:
                await asyncio.to_thread(ready, self.parts.migrations)
            except Unavailable as refusal:
                self._log.warning("store is away", reason=refusal.reason, delay_s=STORE_RETRY_S)
                await asyncio.sleep(STORE_RETRY_S)
            else:
                return

    def _say_ready(self) -> None:
        self._log.info("ready", address=self.address, metrics=self.metrics_address)
        path = self.parts.settings.ready_file
        if path is not None:
            draft = path.with_suffix(".draft")
            draft.write_text(
                json.dumps(
                    {"grpc": self.address, "metrics": self.metrics_address, "pid": os.getpid()}
                )
            )
            draft.replace(path)

    def _gave_up(self, reason: str) -> None:
        """Called on the consumer's or relay's thread: a fault of ours, or too much poison."""
        self.failure = reason
        self._loop.call_soon_threadsafe(self._stop.set)

    async def stop(self) -> None:
        parts = self.parts
        self._ready.set(0)
        await self._server.stop()
        for job in reversed(parts.jobs):
            await asyncio.to_thread(job.stop)
        if parts.handlers:
            await asyncio.to_thread(self._consumer.stop)
        await asyncio.to_thread(self._relay.stop)
        await asyncio.to_thread(parts.log.close)
        await asyncio.to_thread(parts.database.close)
        await asyncio.to_thread(self._tracer.close)
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.shutdown)
            self._metrics.server_close()
        self._log.info("stopped")

    async def migrate_only(self) -> None:
        """What a migration job does: waits for the store, brings its tables up to date."""
        await self._migrate()
        self._log.info("tables are up to date")
        await asyncio.to_thread(self.parts.log.close)
        await asyncio.to_thread(self.parts.database.close)

    async def until_told(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        await self._stop.wait()


async def _serve(parts: ServiceParts) -> int:
    service = Service(parts)
    if parts.settings.migrate == "only":
        await service.migrate_only()
        return 0
    await service.start()
    leave_standing_alone()
    await service.until_told()
    await service.stop()
    return 1 if service.failure else 0


def run(name: str, build: Callable[[Mapping[str, str]], ServiceParts]) -> None:
    """Runs a service until SIGTERM; exits 2 on bad settings, 1 when it had to give up."""
    try:
        configure_logs(name, "info")  # what is said while the parts are made
        parts = build(os.environ)
        configure_logs(name, parts.settings.log_level)
        code = uvloop.run(_serve(parts))
    except BadSettings as bad:
        print(f"larrey {name}: {bad}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    sys.exit(code)
