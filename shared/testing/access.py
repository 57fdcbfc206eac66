"""A demand service of three RPCs behind a guard, and callers with certificates and tokens."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc as pb_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc as ori_grpc
from shared.rpc import Server
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry
from shared.testing.certificates import Issued

DEMAND = "larrey.demand.v1.DemandService"
ISSUER, AUDIENCE = "https://id.example.org/realms/ght", "larrey"


class Demand(pb_grpc.DemandServiceServicer):
    """Answers anything."""

    async def GetForecast(self, request: Any, context: Any) -> Any:
        return pb.GetForecastResponse()

    async def StartForecastRun(self, request: Any, context: Any) -> Any:
        return pb.StartForecastRunResponse()

    async def RecordConsumption(self, requests: Any, context: Any) -> Any:
        rows = 0
        async for request in requests:
            rows += len(request.movements)
        return pb.RecordConsumptionResponse(accepted=rows)


class Orientation(ori_grpc.OrientationServiceServicer):
    """Echoes correlation ids."""

    async def StreamCases(self, requests: Any, context: Any) -> Any:
        async for request in requests:
            yield ori.StreamCasesResponse(correlation_id=request.correlation_id)


@dataclass(frozen=True, slots=True)
class Behind:
    """A running server and what it counted."""

    port: int
    telemetry: Telemetry

    def channel(self, issued: Issued | None, ca: Path | None = None) -> grpc.Channel:
        """With a certificate; without one when None, trusting `ca`; plain without both."""
        address = f"localhost:{self.port}"
        if issued is None and ca is None:
            return grpc.insecure_channel(address)
        trusted = (ca or issued.ca).read_bytes()  # type: ignore[union-attr]  # one is given
        pair = (issued.key.read_bytes(), issued.cert.read_bytes()) if issued else (None, None)
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(trusted, *pair))

    def refused(self, reason: str) -> float:
        found = self.telemetry.registry.get_sample_value(
            "larrey_access_refused_total", {"reason": reason}
        )
        return found or 0.0


@contextmanager
def behind(folder: Path, **settings: Any) -> Iterator[Behind]:
    """The two services in a loop of their own thread, with these settings."""
    loop = asyncio.new_event_loop()
    telemetry = Telemetry("test")
    made = ServiceSettings(
        database_url="sqlite:///none", events_url="sqlite:///none", data_dir=folder, **settings
    )

    def register(server: grpc.aio.Server) -> None:
        pb_grpc.add_DemandServiceServicer_to_server(Demand(), server)  # type: ignore[abstract]
        ori_grpc.add_OrientationServiceServicer_to_server(
            Orientation(),  # type: ignore[abstract]
            server,
        )

    async def start() -> tuple[Server, int]:
        server = Server(made, telemetry, register, [DEMAND])
        return server, await server.start()

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield Behind(port, telemetry)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Provider:
    """An OpenID provider in a file: publishes its keys, signs tokens."""

    def __init__(self, folder: Path) -> None:
        self.keys = folder / "jwks.json"
        self._signing: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.new_key("k1")

    def new_key(self, kid: str) -> None:
        """Publishes one more key."""
        self._signing[kid] = ec.generate_private_key(ec.SECP256R1())
        told = []
        for name, key in self._signing.items():
            public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            told.append({**public, "kid": name, "use": "sig", "alg": "ES256"})
        self.keys.write_text(json.dumps({"keys": told}))

    def token(self, role: str, *, kid: str = "k1", lasts_s: float = 300, **claims: Any) -> str:
        now = time.time()
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "u-17",
            "iat": now,
            "exp": now + lasts_s,
            "realm_access": {"roles": ["offline_access", role]},
            **claims,
        }
        return jwt.encode(told, self._signing[kid], algorithm="ES256", headers={"kid": kid})

    def settings(self) -> dict[str, Any]:
        return {
            "oidc_issuer": ISSUER,
            "oidc_audience": AUDIENCE,
            "oidc_keys": str(self.keys),
        }


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def forecast_of(site: str) -> pb.GetForecastRequest:
    """A valid GetForecast of one site."""
    request = pb.GetForecastRequest(site_id=site)
    request.item.code = "X"
    request.item.system = catalogue.CODE_SYSTEM_LOCAL
    return request
