"""Tokens of a real Keycloak open the doors that their role and sites open, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from larrey.demand.v1 import demand_pb2_grpc as pb_grpc
from shared.rpc import refusal_of
from shared.testing.access import Behind, bearer, behind, forecast_of
from shared.testing.certificates import Authority
from shared.testing.keycloak import Keycloak

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
A, B = "440000016", "750000018"
OK, DENIED, STRANGER = (
    grpc.StatusCode.OK,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    machines = [("erp-a", "erp", [A]), ("ops", "ops", []), ("nobody", "visitor", [A])]
    with Keycloak(tmp_path_factory.mktemp("keycloak"), machines) as running:
        print(f"\n  Keycloak was ready after {running.started_s:.0f} s")  # noqa: T201
        yield running


@dataclass(frozen=True, slots=True)
class Closed:
    """A service that asks for tokens, and who signed its certificate."""

    service: Behind
    ca: Path

    def channel(self) -> grpc.Channel:
        return self.service.channel(None, self.ca)


@pytest.fixture(scope="module")
def closed(provider: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    folder = tmp_path_factory.mktemp("service")
    issued = Authority(folder / "ca").issue("demand", ["spiffe://larrey/role/service"])
    tls = {"tls_cert": issued.cert, "tls_key": issued.key}
    with behind(folder, access="closed", **tls, **provider.settings()) as found:
        yield Closed(found, issued.ca)


def asked(closed: Closed, token: str, site: str) -> tuple[grpc.StatusCode, str]:
    with closed.channel() as channel:
        stub = pb_grpc.DemandServiceStub(channel)
        try:
            stub.GetForecast(forecast_of(site), timeout=30, metadata=bearer(token))
        except grpc.RpcError as error:
            refusal = refusal_of(error)
            return error.code(), refusal.reason if refusal else ""
        return OK, ""


def test_an_erp_s_token_opens_its_own_site_only(provider: Keycloak, closed: Closed) -> None:
    token = provider.token("erp-a")
    assert asked(closed, token, A) == (OK, "")
    assert asked(closed, token, B) == (DENIED, "NOT_YOURS")


def test_another_role_s_token_is_refused_what_is_not_its_own(
    provider: Keycloak, closed: Closed
) -> None:
    assert asked(closed, provider.token("ops"), A) == (DENIED, "ROLE_MAY_NOT")
    assert asked(closed, provider.token("nobody"), A) == (STRANGER, "ROLE_UNKNOWN")


def test_a_token_that_was_changed_on_the_way_is_no_token(
    provider: Keycloak, closed: Closed
) -> None:
    head, body, signature = provider.token("erp-a").split(".")
    other = provider.token("ops").split(".")[1]
    assert asked(closed, f"{head}.{other}.{signature}", A) == (STRANGER, "TOKEN_WRONG")
    assert asked(closed, f"{head}.{body}.", A) == (STRANGER, "TOKEN_WRONG")
