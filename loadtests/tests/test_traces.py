"""One trace leads from an RPC through Apache Kafka to the service that hears of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import grpc
import pytest

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as ori
from loadtests.day.clients import Clients, stamp
from loadtests.day.processes import SERVICES, System, Transport
from loadtests.day.world import START
from shared.events import topic_of
from shared.testing.collector import Collector, Received
from shared.testing.kafka import KafkaBroker

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "fr.health.samu440.SECRET"


@dataclass(frozen=True, slots=True)
class Traced:
    clients: Clients
    collector: Collector

    def spans(self, trace: str, count: int) -> list[Received]:
        end = time.monotonic() + 60
        while time.monotonic() < end and len(self.collector.spans(trace)) < count:
            time.sleep(0.1)
        return self.collector.spans(trace)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("traces")
    with KafkaBroker() as kafka, Collector() as collector:
        stores = {name: f"sqlite:///{folder / name / 'state.db'}" for name in SERVICES}
        tracing = {"LARREY_TRACES_ENDPOINT": collector.endpoint, "LARREY_TRACES_SHARE": "1"}
        with System(
            Transport("Kafka", kafka.url, stores),
            folder,
            START.isoformat(),
            settings=dict.fromkeys(SERVICES, tracing),
        ) as system:
            yield Traced(Clients.of(system.services), collector)


def case(case_id: str, moment: datetime) -> ori.ScoreCaseRequest:
    update = ori.CaseUpdate(
        case_id=case_id, update_id="1", said_time=stamp(moment), age_years=67, motive_code="M03.06"
    )
    return ori.ScoreCaseRequest(typed=update)


def test_a_call_s_trace_is_carried_by_its_event_to_who_hears_it(traced: Traced) -> None:
    traced.clients.orientation.ScoreCase(
        case(SECRET, START), timeout=30, metadata=(("traceparent", f"00-{TRACE}-{CALLER}-01"),)
    )
    spans = traced.spans(TRACE, 2)
    by_service = {span.service: span for span in spans}
    assert set(by_service) == {"larrey-orientation", "larrey-demand"}
    rpc, heard = by_service["larrey-orientation"], by_service["larrey-demand"]
    assert rpc.name == "larrey.orientation.v1.OrientationService/ScoreCase"
    assert rpc.parent == CALLER
    assert heard.name == f"{topic_of(events_pb2.CaseOriented)} handle"
    assert heard.parent == rpc.span


def test_a_refused_call_s_span_names_the_code_and_nothing_of_the_request(traced: Traced) -> None:
    trace = TRACE[::-1]
    with pytest.raises(grpc.RpcError):
        traced.clients.orientation.ScoreCase(
            ori.ScoreCaseRequest(typed=ori.CaseUpdate(case_id=SECRET)),
            timeout=30,
            metadata=(("traceparent", f"00-{trace}-{CALLER}-01"),),
        )
    (span,) = traced.spans(trace, 1)
    assert span.attributes == {"error.type": "INVALID_ARGUMENT"}
    assert SECRET not in str(traced.collector.spans())


@pytest.mark.parametrize("told", ["nonsense", f"00-{TRACE}-{CALLER}", "'; DROP TABLE"])
def test_a_malformed_trace_of_a_caller_is_not_carried_on(traced: Traced, told: str) -> None:
    before = len(traced.collector.spans())
    traced.clients.orientation.ScoreCase(
        case(f"{SECRET}.{len(told)}", START), timeout=30, metadata=(("traceparent", told),)
    )
    spans = traced.spans("", before + 2)[before:]
    assert len(spans) >= 2
    assert len({span.trace for span in spans}) == 1
    assert spans[0].trace != TRACE
