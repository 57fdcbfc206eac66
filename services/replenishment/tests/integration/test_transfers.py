"""Transfers between sites whole: proposed, explained, decided, told, and never made twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from larrey.replenishment.v1 import events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.adapters.sharer import SpawnedSharer
from services.replenishment.tests.integration.running import (
    WEEKDAYS,
    Running,
    accept,
    decide,
    eventually,
    lines,
    published,
    put_items,
    put_sites,
    running,
    start,
    stream,
    terms_to_wire,
    watch,
)
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    MORNING,
    NANTES,
    monthly,
    site,
    stock,
    tablets,
    terms,
)
from shared.rpc import refusal_of

T = 30.0
SOON = MONDAY + timedelta(days=9)


def lane(origin: str = NANTES, to: str = ANGERS, **said: object) -> pb.PutTransferLanesRequest:
    one = pb.TransferLane(
        from_site_id=origin,
        to_site_id=to,
        days=1,
        weekdays=WEEKDAYS[:5],
        shipment_cost_eur=20.0,
        line_cost_eur=2.0,
    )
    one.MergeFrom(pb.TransferLane(**said))  # type: ignore[arg-type]  # fields of the message
    return pb.PutTransferLanesRequest(lanes=[one])


def much_here_little_there(service: Running) -> None:
    """Nantes holds 500 tablets until next week, Angers two days of stock."""
    item, places = tablets(), (NANTES, ANGERS)
    service.ask.PutSites(put_sites(*[site(place) for place in places]), timeout=T)
    service.ask.PutItems(put_items(item), timeout=T)
    offers = [terms_to_wire(terms(item, site_id=place, days=frozenset({5}))) for place in places]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    counted = [
        stock(item, 500.0, site_id=NANTES, expiry=SOON),
        stock(item, 20.0, site_id=ANGERS),
    ]
    service.ask.ReportStock(stream(*counted), timeout=T)
    for place in places:
        service.publish(published(monthly(item, 300.0, site_id=place)))
    asked = pb.AssessRiskRequest()
    eventually(lambda: len(service.ask.AssessRisk(asked, timeout=T).risks) == 2)


def moved(service: Running, plan_id: str) -> list[pb.PlanLine]:
    return [line for line in lines(service, plan_id) if line.kind == pb.LINE_KIND_TRANSFER]


def test_a_transfer_is_proposed_explained_decided_and_never_made_twice(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        much_here_little_there(service)
        still = watch(service, start(service, seconds=1.5).plan_id)[-1]
        assert still.transfer_count == 0
        assert moved(service, still.plan_id) == []
        assert service.ask.PutTransferLanes(lane(), timeout=T).stored == 1

        plan = watch(service, start(service, seconds=1.5).plan_id)[-1]
        assert plan.state == pb.PLAN_STATE_PROPOSED, plan.failure
        assert plan.transfers_note == ""
        (line,) = moved(service, plan.plan_id)
        assert plan.transfer_count == 1
        assert (line.from_site_id, line.site_id, line.supplier_id) == (NANTES, ANGERS, "")
        assert line.price_eur == plan.moving_cost_eur == 22.0
        assert [lot.lot_id for lot in line.lots] == ["L1"]
        assert line.stockout_after < line.stockout_before
        assert line.saves_eur > 0
        assert 0 < plan.saved_expiry_eur <= plan.expected_expiry_eur
        assert plan.bound_eur <= plan.cost_eur < still.cost_eur + still.expected_expiry_eur

        asked = pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=line.line_id)
        why = service.ask.ExplainLine(asked, timeout=T)
        assert why.need_base == pytest.approx(max(0.0, -sum(t.amount for t in why.terms)))
        assert why.cost_with_eur == pytest.approx(plan.cost_eur)
        assert "expected to expire at" in why.sentence
        assert "EXPIRES_AT_GIVER" in why.limits

        too_much = pb.LineVerdict(
            line_id=line.line_id,
            decision=pb.LINE_DECISION_CHANGED,
            packs=line.packs + 1,
            reason=pb.DECISION_REASON_LOCAL_STOCK,
        )
        with pytest.raises(grpc.RpcError) as error:
            decide(service, plan.plan_id, [too_much])
        refusal = refusal_of(error.value)
        assert refusal is not None
        assert refusal.reason == "ABOVE_SPARE"

        less = pb.LineVerdict(
            line_id=line.line_id,
            decision=pb.LINE_DECISION_CHANGED,
            packs=line.packs - 1,
            reason=pb.DECISION_REASON_LOCAL_STOCK,
        )
        (changed,) = decide(service, plan.plan_id, [less]).changed_lines
        assert changed.lots[0].quantity_base == changed.quantity_base == 10.0 * (line.packs - 1)
        (told,) = eventually(lambda: service.told(events_pb2.OrderApproved))
        assert told.line.kind == pb.LINE_KIND_TRANSFER
        assert told.line.from_site_id == NANTES
        assert told.line.lots[0].quantity_base == changed.quantity_base

        again = watch(service, start(service, seconds=1.5).plan_id)[-1]
        assert sum(one.packs for one in moved(service, again.plan_id)) <= 1
        assert again.expected_expiry_eur < plan.expected_expiry_eur

    # Two days later the shelf is counted without what left: it is taken off no longer.
    with running(tmp_path, LARREY_CLOCK_START="2026-01-07T06:00:00+00:00") as service:
        counted = MORNING + timedelta(days=1)
        left = stock(tablets(), 300.0, site_id=NANTES, counted=counted)
        assert cover(service) < 9.0
        assert service.ask.ReportStock(stream(left), timeout=T).accepted == 1
        assert cover(service) == pytest.approx(30.0, abs=3.0)


def cover(service: Running) -> float:
    asked = pb.AssessRiskRequest(site_id=NANTES)
    (risk,) = service.ask.AssessRisk(asked, timeout=T).risks
    return float(risk.days_of_cover)


def test_orders_of_a_plan_with_transfers_are_accepted_beside_them(tmp_path: Path) -> None:
    with running(tmp_path, sharer=SpawnedSharer()) as service:
        much_here_little_there(service)
        service.ask.PutTransferLanes(lane(), timeout=T)
        plan = watch(service, start(service, seconds=1.5).plan_id)[-1]
        found = lines(service, plan.plan_id)
        assert found[0].kind == pb.LINE_KIND_TRANSFER
        assert {line.kind for line in found[1:]} <= {pb.LINE_KIND_ORDER}
        assert decide(service, plan.plan_id, accept(*found)).accepted == len(found)
        again = watch(service, start(service, seconds=1.5).plan_id)[-1]
        assert again.line_count == 0, "everything is ordered or on its way"


def test_a_transfer_of_what_is_no_longer_there_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        much_here_little_there(service)
        service.ask.PutTransferLanes(lane(), timeout=T)
        plan = watch(service, start(service, seconds=1.5).plan_id)[-1]
        (line,) = moved(service, plan.plan_id)
        used = stock(
            tablets(), 50.0, site_id=NANTES, expiry=SOON, counted=MORNING + timedelta(seconds=10)
        )
        assert service.ask.ReportStock(stream(used), timeout=T).accepted == 1
        with pytest.raises(grpc.RpcError) as error:
            decide(service, plan.plan_id, accept(line))
        refusal = refusal_of(error.value)
        assert refusal is not None
        assert refusal.reason == "LOT_GONE"
        assert "50 may be given now" in refusal.message
        assert service.told(events_pb2.OrderApproved) == []
        assert moved(service, plan.plan_id)[0].decision == pb.LINE_DECISION_PENDING


def test_lanes_that_cannot_be_are_refused_whole_and_a_withdrawn_one_moves_nothing(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        much_here_little_there(service)
        never = lane()
        del never.lanes[0].weekdays[:]
        twice = lane()
        twice.lanes.append(twice.lanes[0])
        pairs = [
            (lane(to=NANTES), "LANE_TO_ITSELF"),
            (lane(to="750000001"), "SITE_UNKNOWN"),
            (lane(days=61), "FIELD_INVALID"),
            (lane(line_cost_eur=-1.0), "FIELD_INVALID"),
            (never, "NO_LANE_DAY"),
            (twice, "LIMIT_TWICE"),
        ]
        for request, reason in pairs:
            with pytest.raises(grpc.RpcError) as error:
                service.ask.PutTransferLanes(request, timeout=T)
            refusal = refusal_of(error.value)
            assert refusal is not None
            assert refusal.reason == reason
            assert refusal.field.startswith("lanes")
        service.ask.PutTransferLanes(lane(), timeout=T)
        service.ask.PutTransferLanes(lane(withdrawn=True), timeout=T)
        plan = watch(service, start(service, seconds=1.5).plan_id)[-1]
        assert plan.transfer_count == 0
