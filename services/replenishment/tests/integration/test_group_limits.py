"""Limits of a site's stores and of the group, from the caller to the plan and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from larrey.catalogue.v1 import catalogue_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.tests.integration.running import (
    Running,
    code,
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
    NANTES,
    monthly,
    site,
    stock,
    tablets,
    terms,
)
from shared.catalogue.items import Storage
from shared.rpc import refusal_of

T = 30.0
COLD = catalogue_pb2.STORAGE_COLD
VACCINE = replace(tablets("VACCINE"), storage=Storage.COLD, pack_volume_m3=0.002)


def a_vaccine_at_two_sites(service: Running) -> None:
    places = NANTES, ANGERS
    service.ask.PutSites(put_sites(*[site(place) for place in places]), timeout=T)
    service.ask.PutItems(put_items(VACCINE), timeout=T)
    offers = [terms_to_wire(terms(VACCINE, site_id=place)) for place in places]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    service.ask.ReportStock(
        stream(*[stock(VACCINE, 20.0, site_id=place) for place in places]), timeout=T
    )
    for place in places:
        service.publish(published(monthly(VACCINE, 300.0, site_id=place)))
    asked = pb.AssessRiskRequest()
    eventually(lambda: len(service.ask.AssessRisk(asked, timeout=T).risks) == 2)


def limit(room: float | None, site_id: str = NANTES) -> pb.PutStorageLimitsRequest:
    one = pb.StorageLimit(site_id=site_id, storage=COLD, capacity_m3=room)
    return pb.PutStorageLimitsRequest(limits=[one])


def allotted(packs: int | None, item: str = "VACCINE") -> pb.PutGroupAllotmentsRequest:
    one = pb.GroupAllotment(item=code(item), supplier_id="supplier-1", packs=packs)
    return pb.PutGroupAllotmentsRequest(allotments=[one])


def prices(service: Running, plan_id: str) -> list[pb.LimitPrice]:
    page = service.ask.GetPlan(pb.GetPlanRequest(plan_id=plan_id, page_size=1), timeout=T)
    return list(page.limit_prices)


def test_a_cold_store_and_a_group_allotment_bind_the_plan_and_the_decision(
    tmp_path: Path,
) -> None:
    # A wide gap ends the solver early: plans in hard stores are improved after it.
    with running(tmp_path, LARREY_REPLENISHMENT_GAP="0.5") as service:
        a_vaccine_at_two_sites(service)
        assert service.ask.PutStorageLimits(limit(0.008), timeout=T).stored == 1
        assert service.ask.PutGroupAllotments(allotted(40), timeout=T).stored == 1
        plan = watch(service, start(service, seconds=20.0).plan_id)[-1]
        assert plan.state == pb.PLAN_STATE_PROPOSED, plan.failure
        found = lines(service, plan.plan_id)
        assert sum(line.packs for line in found) <= 40
        told = {(one.kind, one.site_id): one for one in prices(service, plan.plan_id)}
        assert plan.limits_priced
        store = told["STORAGE", NANTES]
        assert store.storage == COLD
        assert store.saves_eur > 0
        assert store.used <= store.limit * 1.0001
        assert store.limit == 0.008
        assert "one m3 more of cold storage would save" in store.sentence
        assert told["GROUP_ALLOTMENT", ""].supplier_id == "supplier-1"

        page = service.ask.GetPlan(pb.GetPlanRequest(plan_id=plan.plan_id), timeout=T)
        assert page.collisions
        for one in page.collisions:
            assert set(one.limits) <= {"GROUP_ALLOTMENT", "COLD_ROOM"}
            assert len(one.fields) == len(one.limits) >= 1
            assert one.sentence.endswith(".")
            assert 0 < one.missing_packs <= one.need_packs

        first = found[0]
        more = pb.LineVerdict(
            line_id=first.line_id,
            decision=pb.LINE_DECISION_CHANGED,
            packs=41,
            reason=pb.DECISION_REASON_CLINICAL,
        )
        with pytest.raises(grpc.RpcError) as error:
            decide(service, plan.plan_id, [more])
        refusal = refusal_of(error.value)
        assert refusal is not None
        assert refusal.reason == "ABOVE_CAP"
        assert "all sites of the group" in refusal.message

        service.ask.PutStorageLimits(limit(None), timeout=T)
        service.ask.PutGroupAllotments(allotted(None), timeout=T)
        free = watch(service, start(service).plan_id)[-1]
        assert sum(line.packs for line in lines(service, free.plan_id)) > 40
        assert prices(service, free.plan_id) == []


def test_limits_that_cannot_be_are_refused_whole(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_vaccine_at_two_sites(service)
        twice = limit(1.0)
        twice.limits.append(twice.limits[0])
        negative = limit(-1.0)
        pairs = [
            (service.ask.PutStorageLimits, limit(1.0, "750000001"), "SITE_UNKNOWN"),
            (service.ask.PutStorageLimits, twice, "LIMIT_TWICE"),
            (service.ask.PutStorageLimits, negative, "FIELD_INVALID"),
            (service.ask.PutGroupAllotments, allotted(3, "NOBODY"), "ITEM_UNKNOWN"),
            (service.ask.PutGroupAllotments, allotted(-3), "FIELD_INVALID"),
        ]
        for ask, request, reason in pairs:
            with pytest.raises(grpc.RpcError) as error:
                ask(request, timeout=T)
            refusal = refusal_of(error.value)
            assert refusal is not None
            assert refusal.reason == reason
            assert refusal.field
            assert refusal.message.endswith(".")
