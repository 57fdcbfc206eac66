"""How the integration tests ask the service, wait for effects and read the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.tests.integration.conftest import Running
from services.orientation.tests.situations import NANTES, a_call
from services.orientation.wire.cases import update_to_wire
from shared.events import topic_of

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CHU = "440000271"


def typed(minute: int = 0, **said: object) -> pb.ScoreCaseRequest:
    place = {"latitude": NANTES[0], "longitude": NANTES[1]}
    return pb.ScoreCaseRequest(typed=update_to_wire(a_call(minute, **(place | said))))


def hub(payload: bytes) -> pb.ScoreCaseRequest:
    return pb.ScoreCaseRequest(hub_json=payload)


def one(running: Running, request: pb.ScoreCaseRequest) -> pb.CaseAnswer:
    response = running.stub.ScoreCase(request, timeout=10)
    assert len(response.answers) == 1
    answer: pb.CaseAnswer = response.answers[0]
    return answer


def refused(call: Callable[[], object]) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def eventually(check: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 15
    while not check():
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.02)


def heard(running: Running, kind: Any, group: str = "test") -> list[Any]:
    """Every fact of a kind in the log so far."""
    subscription = running.parts.log.subscribe(f"{group}-{time.monotonic_ns()}", [topic_of(kind)])
    found = []
    try:
        while deliveries := subscription.poll(0.5, 500):
            found += [kind.FromString(d.event.payload) for d in deliveries]
            subscription.commit(deliveries)
    finally:
        subscription.close()
    return found
