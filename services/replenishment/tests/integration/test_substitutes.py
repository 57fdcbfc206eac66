"""Substitutes: approved by name, shown where they are needed, never ordered by themselves."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.tests.integration.running import (
    Running,
    code,
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
from services.replenishment.tests.situations import monthly, site, stock, tablets, terms
from shared.rpc import refusal_of

T = 30.0
SCARCE, PLENTY, OTHER = tablets("SCARCE"), tablets("PLENTY"), tablets("OTHER")


def stocked(service: Running) -> None:
    """One item that lasts two days and one that lasts a year; a third is only registered."""
    service.ask.PutSites(put_sites(site()), timeout=T)
    service.ask.PutItems(put_items(SCARCE, PLENTY, OTHER), timeout=T)
    offers = [terms_to_wire(terms(item)) for item in (SCARCE, PLENTY)]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    service.ask.ReportStock(stream(stock(SCARCE, 20.0), stock(PLENTY, 3650.0)), timeout=T)
    for item in (SCARCE, PLENTY):
        service.publish(published(monthly(item, 300.0)))
    eventually(lambda: len(risks(service)) == 2)


def risks(service: Running) -> dict[str, pb.Risk]:
    answer = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T)
    return {risk.item_id: risk for risk in answer.risks}


def approve(service: Running, entries: dict[str, list[str]], by: str = "Dr B. Pharmacien") -> int:
    request = pb.PutSubstitutesRequest(approved_by=by)
    for item, others in entries.items():
        entry = request.entries.add(item=code(item))
        for other in others:
            entry.substitutes.add(item=code(other), ratio=2.0, note="half the dose")
    answer: pb.PutSubstitutesResponse = service.ask.PutSubstitutes(request, timeout=T)
    return answer.stored


def refused(service: Running, entries: dict[str, list[str]], by: str = "Dr B.") -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        approve(service, entries, by)
    refusal = refusal_of(error.value)
    assert refusal is not None
    return refusal.reason, refusal.field


def test_an_approved_substitute_is_shown_with_who_approved_it_and_is_not_ordered(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        stocked(service)
        assert list(risks(service)["SCARCE"].substitutes) == [], "none is invented"
        assert approve(service, {"SCARCE": ["PLENTY", "OTHER"], "PLENTY": ["SCARCE"]}) == 3
        found = risks(service)
        other, plenty = found["SCARCE"].substitutes
        assert (plenty.item_id, plenty.ratio, plenty.note) == ("PLENTY", 2.0, "half the dose")
        assert plenty.approved_by == "Dr B. Pharmacien"
        assert plenty.approved_time.ToSeconds() > 0
        assert plenty.days_of_cover > 300
        assert plenty.stockout_probability == 0.0
        assert (other.item_id, other.HasField("days_of_cover")) == ("OTHER", False)
        assert list(found["PLENTY"].substitutes) == [], "it needs none"

        plan = watch(service, start(service).plan_id)[-1]
        assert {line.item_id for line in lines(service, plan.plan_id)} == {"SCARCE"}

        assert approve(service, {"SCARCE": []}) == 0
        assert list(risks(service)["SCARCE"].substitutes) == []


def test_what_cannot_be_a_substitute_is_refused_and_keeps_what_was_there(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        stocked(service)
        approve(service, {"SCARCE": ["PLENTY"]})
        where = "entries[0].substitutes[0].item"
        assert refused(service, {"SCARCE": ["SCARCE"]}) == ("SUBSTITUTE_ITSELF", where)
        twice = {"SCARCE": ["OTHER", "OTHER"]}
        assert refused(service, twice)[0] == "SUBSTITUTE_TWICE"
        assert refused(service, {"SCARCE": ["NOBODY"]}) == ("ITEM_UNKNOWN", where)
        assert refused(service, {"SCARCE": ["OTHER"]}, by="") == ("FIELD_INVALID", "approved_by")
        assert [s.item_id for s in risks(service)["SCARCE"].substitutes] == ["PLENTY"]


def test_a_plan_names_the_substitutes_of_what_cannot_be_had(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        stocked(service)
        approve(service, {"SCARCE": ["PLENTY"]})
        listed = pb.PutSupplyStatusRequest(source_day={"year": 2026, "month": 1, "day": 5})
        listed.packs.add(pack=code(SCARCE), availability=pb.AVAILABILITY_SHORTAGE)
        service.ask.PutSupplyStatus(listed, timeout=T)
        plan = watch(service, start(service).plan_id)[-1]
        answer = service.ask.GetPlan(pb.GetPlanRequest(plan_id=plan.plan_id), timeout=T)
        assert list(answer.lines) == []
        (why,) = answer.no_suggestions
        assert "Approved substitutes: PLENTY (Dr B. Pharmacien)" in why.message
