"""One gRPC server of one service, from start to graceful stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import grpc
from grpc_channelz.v1 import channelz
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from shared.access import guard_of, server_credentials
from shared.rpc.interceptor import Around
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry
from shared.tracing import NO_TRACES, Tracer

LIVE = ""  # the health name that answers for the process
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Server:
    """Health, reflection and channelz beside the service's own RPCs.

    `health_names` are the full names of our services; each can be set to serving or not,
    and the empty name says that the process lives.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        telemetry: Telemetry,
        register: Callable[[grpc.aio.Server], None],
        health_names: Sequence[str],
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._settings = settings
        self._names = tuple(health_names)
        self._health = health.aio.HealthServicer()
        # A kubelet's probe speaks no TLS: it asks at a door that answers nothing else.
        self._door: grpc.aio.Server | None = None
        self._server = grpc.aio.server(
            interceptors=[
                Around(
                    telemetry,
                    settings.default_deadline.total_seconds(),
                    guard_of(settings),
                    tracer,
                )
            ],
            options=[
                ("grpc.max_receive_message_length", settings.max_message_bytes),
                ("grpc.max_send_message_length", 64 * 1024 * 1024),
                ("grpc.so_reuseport", 0),
                ("grpc.max_concurrent_streams", settings.streams_per_connection),
                # A peer that went away without a word is noticed within 40 seconds.
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ],
        )
        register(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if settings.access == "closed":  # what tells of peers and protos is for no stranger
            return
        channelz.add_channelz_servicer(self._server)
        reflection.enable_server_reflection(
            (*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self) -> int:
        """Listens and returns the port; nothing is said to be serving yet."""
        credentials = server_credentials(self._settings)
        address = self._settings.grpc_address
        port: int = (
            self._server.add_insecure_port(address)
            if credentials is None
            else self._server.add_secure_port(address, credentials)
        )
        if self._settings.health_address:
            self._door = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._door)
            self._door.add_insecure_port(self._settings.health_address)
            await self._door.start()
        await self._server.start()
        await self._health.set(LIVE, SERVING)
        await self.serving(False)
        return port

    async def serving(self, ready: bool, names: Sequence[str] = ()) -> None:
        """Tells the health service whether `names` (all when empty) may be called."""
        for name in names or self._names:
            await self._health.set(name, SERVING if ready else NOT_SERVING)

    async def stop(self) -> None:
        """Refuses new calls, lets running ones finish within the grace, then closes."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self._settings.stop_grace.total_seconds())
        if self._door is not None:
            await self._door.stop(0)
