"""Strangers, wrong roles, other tenants, expired papers and floods are refused and counted."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc as pb_grpc
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.orientation.v1 import orientation_pb2_grpc as ori_grpc
from shared.rpc import refusal_of
from shared.telemetry import configure_logs
from shared.testing.access import Behind, Provider, bearer, behind, forecast_of
from shared.testing.certificates import Authority, Issued
from shared.testing.guarded import free_ports

ERP_A = ("spiffe://larrey/role/erp/site/440000016",)
A, B = "440000016", "750000018"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def tls(issued: Issued, *, mutual: bool = True) -> dict[str, Any]:
    ca = issued.ca if mutual else None
    return {"tls_cert": issued.cert, "tls_key": issued.key, "tls_client_ca": ca}


@pytest.fixture
def closed(authority: Authority, tmp_path: Path) -> Iterator[Behind]:
    server = authority.issue("demand", ["spiffe://larrey/role/service"])
    with behind(tmp_path, access="closed", **tls(server)) as found:
        yield found


def outcome(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    """Code and reason of a call; OK and "" when it was answered."""
    try:
        call()
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        return error.code(), refusal.reason if refusal else ""
    return grpc.StatusCode.OK, ""


def ask(found: Behind, issued: Issued | None, site: str = A, **options: Any) -> Any:
    ca = options.pop("ca", None)
    with found.channel(issued, ca) as channel:
        stub = pb_grpc.DemandServiceStub(channel)
        return outcome(lambda: stub.GetForecast(forecast_of(site), timeout=20, **options))


OK = (grpc.StatusCode.OK, "")
NOT_YOURS = (grpc.StatusCode.PERMISSION_DENIED, "NOT_YOURS")


def test_an_erp_is_answered_about_its_site_and_refused_another_s(
    closed: Behind, authority: Authority
) -> None:
    erp = authority.issue("erp-a", ERP_A)
    assert ask(closed, erp, A) == OK
    assert ask(closed, erp, B) == NOT_YOURS
    assert closed.refused("NOT_YOURS") == 1


def test_no_certificate_a_stranger_s_and_an_expired_one_end_at_the_handshake(
    closed: Behind, authority: Authority, tmp_path: Path
) -> None:
    assert ask(closed, None, ca=authority.ca)[0] is grpc.StatusCode.UNAVAILABLE
    stranger = Authority(tmp_path / "other").issue("erp-a", ERP_A)
    with_our_ca = Issued(stranger.cert, stranger.key, authority.ca)
    assert ask(closed, with_our_ca)[0] is grpc.StatusCode.UNAVAILABLE
    expired = authority.issue("erp-a", ERP_A, lasts=timedelta(minutes=-1))
    assert ask(closed, expired)[0] is grpc.StatusCode.UNAVAILABLE
    assert ask(closed, authority.issue("erp-a", ERP_A)) == OK


def test_a_certificate_without_a_role_and_one_of_a_wrong_role_are_refused_and_counted(
    closed: Behind, authority: Authority
) -> None:
    nobody = authority.issue("nobody")
    assert ask(closed, nobody) == (grpc.StatusCode.UNAUTHENTICATED, "ROLE_UNKNOWN")
    lrm = authority.issue("lrm", ["spiffe://larrey/role/lrm/samu/fr.health.samu440"])
    assert ask(closed, lrm) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MAY_NOT")
    assert closed.refused("ROLE_UNKNOWN") == 1
    assert closed.refused("ROLE_MAY_NOT") == 1


def test_who_is_refused_learns_nothing_of_the_request_s_faults(
    closed: Behind, authority: Authority
) -> None:
    with closed.channel(authority.issue("nobody")) as channel:
        stub = pb_grpc.DemandServiceStub(channel)
        assert outcome(lambda: stub.GetForecast(pb.GetForecastRequest(), timeout=20)) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "ROLE_UNKNOWN",
        )


def test_a_stream_that_turns_to_another_s_site_is_cut(closed: Behind, authority: Authority) -> None:
    def movements(site: str) -> pb.RecordConsumptionRequest:
        return pb.RecordConsumptionRequest(movements=[pb.Movement(site_id=site)])

    with closed.channel(authority.issue("erp-a", ERP_A)) as channel:
        stub = pb_grpc.DemandServiceStub(channel)
        mine = iter([movements(A), movements(A)])
        assert stub.RecordConsumption(mine, timeout=20).accepted == 2
        mixed = iter([movements(A), movements(B)])
        assert outcome(lambda: stub.RecordConsumption(mixed, timeout=20)) == NOT_YOURS


def test_a_samu_streams_its_own_cases_and_not_its_neighbour_s(
    closed: Behind, authority: Authority
) -> None:
    def frame(case: str) -> ori.StreamCasesRequest:
        request = ori.StreamCasesRequest(correlation_id=case)
        request.update.typed.case_id = case
        return request

    lrm = authority.issue("lrm", ["spiffe://larrey/role/lrm/samu/fr.health.samu440"])
    with closed.channel(lrm) as channel:
        stub = ori_grpc.OrientationServiceStub(channel)
        own = [frame("fr.health.samu440.1"), frame("fr.fire.sis044.2")]
        answers = list(stub.StreamCases(iter(own), timeout=20))
        assert [a.correlation_id for a in answers] == [r.correlation_id for r in own]
        other = iter([frame("fr.health.samu950.1")])
        assert outcome(lambda: list(stub.StreamCases(other, timeout=20))) == NOT_YOURS


def test_a_new_certificate_of_the_server_is_used_without_a_restart(
    authority: Authority, tmp_path: Path
) -> None:
    here = tmp_path / "server"
    server = authority.issue("demand", into=here)
    erp = authority.issue("erp-a", ERP_A)
    with behind(tmp_path, access="closed", **tls(server)) as found:
        assert ask(found, erp) == OK
        renewed = Authority(tmp_path / "renewed")
        erp_renewed = renewed.issue("erp-a", ERP_A)
        assert ask(found, erp_renewed)[0] is grpc.StatusCode.UNAVAILABLE
        renewed.issue("demand", into=here)
        shutil.copy(renewed.ca, authority.ca)
        assert ask(found, erp_renewed) == OK
        (here / "tls.crt").write_text("half a file")
        assert ask(found, erp_renewed)[0] in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        renewed.issue("demand", into=here)
        assert ask(found, erp_renewed) == OK


def test_tokens_decide_where_no_certificate_is_asked_for(
    authority: Authority, tmp_path: Path
) -> None:
    provider = Provider(tmp_path)
    server = authority.issue("demand")
    with behind(
        tmp_path, access="closed", **tls(server, mutual=False), **provider.settings()
    ) as found:

        def tell(token: str, site: str = A) -> Any:
            return ask(found, None, site, ca=authority.ca, metadata=bearer(token))

        assert tell(provider.token("erp", larrey_sites=[A])) == OK
        assert tell(provider.token("erp", larrey_sites=[A]), B) == NOT_YOURS
        assert tell(provider.token("erp")) == NOT_YOURS
        unauthenticated = grpc.StatusCode.UNAUTHENTICATED
        assert ask(found, None, ca=authority.ca) == (unauthenticated, "WHO_ARE_YOU")
        assert tell("rubbish") == (unauthenticated, "TOKEN_WRONG")
        expired = provider.token("erp", larrey_sites=[A], lasts_s=-60)
        assert tell(expired) == (unauthenticated, "TOKEN_EXPIRED")
        for name, value in (("aud", "other"), ("iss", "https://elsewhere")):
            wrong: Any = {name: value}
            assert tell(provider.token("erp", larrey_sites=[A], **wrong)) == (
                unauthenticated,
                "TOKEN_WRONG",
            )
        (tmp_path / "forger").mkdir()
        forged = Provider(tmp_path / "forger")
        assert tell(forged.token("erp", larrey_sites=[A])) == (unauthenticated, "TOKEN_WRONG")


def test_a_person_acts_through_a_machine_with_the_rights_that_both_have(
    authority: Authority, tmp_path: Path
) -> None:
    provider = Provider(tmp_path)
    server = authority.issue("demand")
    machine = authority.issue("erp-a", ERP_A)
    with behind(tmp_path, access="closed", **tls(server), **provider.settings()) as found:
        everywhere = bearer(provider.token("pharmacist", larrey_sites=["*"]))
        assert ask(found, machine, A, metadata=everywhere) == OK
        assert ask(found, machine, B, metadata=everywhere) == NOT_YOURS


def test_health_is_told_in_the_clear_at_a_door_that_answers_nothing_else(
    authority: Authority, tmp_path: Path
) -> None:
    port = free_ports(1)[0]
    server = authority.issue("demand")
    with (
        behind(tmp_path, access="closed", health_address=f"127.0.0.1:{port}", **tls(server)),
        grpc.insecure_channel(f"127.0.0.1:{port}") as door,
    ):
        health: Any = health_pb2_grpc.HealthStub(door)
        told = health.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert told.status == health_pb2.HealthCheckResponse.SERVING
        stub = pb_grpc.DemandServiceStub(door)
        code, _ = outcome(lambda: stub.GetForecast(forecast_of(A), timeout=20))
        assert code is grpc.StatusCode.UNIMPLEMENTED


def test_a_closed_service_tells_no_stranger_its_protos_or_peers(
    closed: Behind, authority: Authority
) -> None:
    with closed.channel(authority.issue("erp-a", ERP_A)) as channel:
        for path in (
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/grpc.channelz.v1.Channelz/GetServers",
        ):
            call: Any = channel.unary_unary(path)
            code, _ = outcome(partial(call, b"", timeout=20))
            assert code is grpc.StatusCode.UNIMPLEMENTED


def test_idle_streams_beyond_the_limit_are_refused_and_others_are_served(
    tmp_path: Path,
) -> None:
    with behind(tmp_path, streams_per_client=5) as found, found.channel(None) as channel:
        stub = ori_grpc.OrientationServiceStub(channel)

        def silence() -> Iterator[ori.StreamCasesRequest]:
            yield ori.StreamCasesRequest(correlation_id="here")
            hold.wait(30)

        hold = threading.Event()
        streams = [stub.StreamCases(silence(), timeout=60) for _ in range(5)]
        assert [next(s).correlation_id for s in streams] == ["here"] * 5
        sixth = stub.StreamCases(silence(), timeout=20)
        refused = outcome(lambda: next(sixth))
        assert refused == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        forecasts = pb_grpc.DemandServiceStub(channel)
        assert outcome(lambda: forecasts.GetForecast(forecast_of(A), timeout=20)) == OK
        hold.set()
        for stream in streams:
            assert list(stream) == []


def test_a_client_that_floods_is_told_to_slow_down(tmp_path: Path) -> None:
    with behind(tmp_path, calls_per_second=5) as found, found.channel(None) as channel:
        stub = pb_grpc.DemandServiceStub(channel)
        told = [outcome(lambda: stub.GetForecast(forecast_of(A), timeout=20)) for _ in range(40)]
    refused = [t for t in told if t == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")]
    assert told[0] == OK
    assert len(refused) >= 5
    assert set(told) == {OK, (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")}


def test_the_log_of_who_did_what_names_caller_and_call_and_no_content(
    authority: Authority, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs("demand", "info")
    try:
        with behind(tmp_path, access="closed", **tls(authority.issue("demand"))) as found:
            erp = authority.issue("erp-a", ERP_A)
            ask(found, erp, A)
            ask(found, erp, B)
        lines = [json.loads(t) for t in capfd.readouterr().err.splitlines() if '"access"' in t]
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    assert [(li["event"], li["caller"], li["role"], li["reason"]) for li in lines] == [
        ("done", "erp-a", "erp", ""),
        ("refused", "erp-a", "erp", "NOT_YOURS"),
    ]
    assert all(li["rpc"].endswith("/GetForecast") and li["request_id"] for li in lines)
    assert B not in str(lines)
