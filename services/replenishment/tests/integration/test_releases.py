"""A lot past its day is blocked, released by name, and blocked again when that is withdrawn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.tests.integration.running import (
    Running,
    code,
    eventually,
    published,
    put_items,
    put_sites,
    running,
    stream,
)
from services.replenishment.tests.situations import MONDAY, NANTES, monthly, site, stock, tablets
from services.replenishment.wire.dates import day_to_wire
from shared.rpc import refusal_of

T = 30.0
SOON = MONDAY + timedelta(days=20)


def asked(lot_id: str = "L1", day: int | None = 20, **said: object) -> pb.ReleaseLotRequest:
    request = pb.ReleaseLotRequest(
        item=code("PARACETAMOL"),
        site_id=NANTES,
        lot_id=lot_id,
        reason=pb.RELEASE_REASON_EXTENDED_BY_AUTHORITY,
        released_by="Dr A. Pharmacien",
    )
    if day is not None:
        request.last_day.CopyFrom(day_to_wire(MONDAY + timedelta(days=day)))
    request.MergeFrom(pb.ReleaseLotRequest(**said))  # type: ignore[arg-type]  # the message's fields
    return request


def cover(service: Running) -> float:
    risks = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T).risks
    return float(risks[0].days_of_cover) if risks else -1.0


def test_an_expired_lot_is_released_by_name_and_blocked_again(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(tablets()), timeout=T)
        old = stock(tablets(), 100.0, expiry=MONDAY - timedelta(days=2))
        service.ask.ReportStock(stream(old), timeout=T)
        service.publish(published(monthly(tablets(), 300.0)))
        assert eventually(lambda: cover(service) + 1.0) == pytest.approx(1.0)

        assert service.ask.ReleaseLot(asked(), timeout=T).released_base == 100.0
        assert cover(service) == pytest.approx(10.0, abs=1.5)
        service.ask.ReleaseLot(asked(day=None, withdrawn=True), timeout=T)
        assert cover(service) == 0.0

        for request, reason in (
            (asked("NONE"), "LOT_UNKNOWN"),
            (asked(day=-1), "RELEASE_IN_PAST"),
            (asked(day=None), "FIELD_INVALID"),
            (asked(released_by="x"), "FIELD_INVALID"),
        ):
            with pytest.raises(grpc.RpcError) as error:
                service.ask.ReleaseLot(request, timeout=T)
            refusal = refusal_of(error.value)
            assert refusal is not None
            assert refusal.reason == reason
            assert refusal.field
