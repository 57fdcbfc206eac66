"""The agency's list, from its file through the command to plans and risks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from typer.testing import CliRunner

from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.entrypoints.cli import app
from services.replenishment.tests.integration.running import (
    Running,
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
from shared.catalogue.codes import Code, CodeSystem

T = 30.0
DATA = Path(__file__).parents[1] / "data"
SHORT = replace(tablets("GEMCITABINE"), codes=(Code(CodeSystem.CIP13, "3400955028284"),))
TENSE = replace(tablets("PIPERACILLIN"), codes=(Code(CodeSystem.CIP13, "3400956453979"),))
ITEMS = (SHORT, TENSE, tablets())


def stocked(service: Running) -> None:
    service.ask.PutSites(put_sites(site()), timeout=T)
    service.ask.PutItems(put_items(*ITEMS), timeout=T)
    offers = [terms_to_wire(terms(item)) for item in ITEMS]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    service.ask.ReportStock(stream(*(stock(item, 60.0) for item in ITEMS)), timeout=T)
    for item in ITEMS:
        service.publish(published(monthly(item, 300.0)))
    eventually(lambda: len(risks(service)) == len(ITEMS))


def risks(service: Running) -> dict[str, pb.Risk]:
    answer = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T)
    return {risk.item_id: risk for risk in answer.risks}


def test_the_list_is_sent_by_the_command_and_changes_risks_and_plans(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        stocked(service)
        sent = CliRunner().invoke(
            app,
            [
                "supply-status",
                f"--file={DATA / 'CIS_CIP_Dispo_Spec.txt'}",
                f"--packs={DATA / 'CIS_CIP_bdpm.txt'}",
                f"--address={service.address}",
            ],
        )
        assert sent.exit_code == 0, sent.output
        told = " ".join(sent.output.split())
        assert "2 items of the catalogue are concerned, 3 packs are of no item" in told
        assert "code and label disagree" in told

        found = risks(service)
        assert found["GEMCITABINE"].availability == pb.AVAILABILITY_SHORTAGE
        assert "since 2025-11-12" in found["GEMCITABINE"].availability_sentence
        assert found["PIPERACILLIN"].availability == pb.AVAILABILITY_TENSION
        assert found["PARACETAMOL"].availability == pb.AVAILABILITY_UNSPECIFIED

        plan = watch(service, start(service).plan_id)[-1]
        ordered = lines(service, plan.plan_id)
        assert {line.item_id for line in ordered} == {"PIPERACILLIN", "PARACETAMOL"}
        answer = service.ask.GetPlan(pb.GetPlanRequest(plan_id=plan.plan_id), timeout=T)
        assert [(n.item_id, n.reason) for n in answer.no_suggestions] == [
            ("GEMCITABINE", "SUPPLY_SHORTAGE")
        ]
        tense = next(line for line in ordered if line.item_id == "PIPERACILLIN")
        why = service.ask.ExplainLine(
            pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=tense.line_id), timeout=T
        )
        assert "SUPPLY_TENSION" in why.limits

        service.ask.PutSupplyStatus(
            pb.PutSupplyStatusRequest(source_day={"year": 2026, "month": 2, "day": 2}), timeout=T
        )
        assert risks(service)["GEMCITABINE"].availability == pb.AVAILABILITY_UNSPECIFIED


def test_a_supplier_that_delivers_all_the_same_is_ordered_from_with_a_flag(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        stocked(service)
        offer = terms_to_wire(replace(terms(SHORT), supplied_in_shortage=True))
        service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=[offer]), timeout=T)
        listed = pb.PutSupplyStatusRequest(source_day={"year": 2026, "month": 1, "day": 5})
        listed.packs.add(
            pack={"system": "CODE_SYSTEM_CIP7", "code": "5502828"},
            availability=pb.AVAILABILITY_SHORTAGE,
        )
        assert service.ask.PutSupplyStatus(listed, timeout=T).items == 1
        plan = watch(service, start(service).plan_id)[-1]
        mine = [li for li in lines(service, plan.plan_id) if li.item_id == "GEMCITABINE"]
        assert mine
        why = service.ask.ExplainLine(
            pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=mine[0].line_id), timeout=T
        )
        assert "SUPPLY_SHORTAGE" in why.limits
        assert "still delivers" in why.sentence


def test_a_wrong_file_sends_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("cis;code\n1;2\n")
    sent = CliRunner().invoke(app, ["supply-status", f"--file={wrong}", "--address=127.0.0.1:9"])
    assert sent.exit_code != 0
    assert getattr(sent.exception, "reason", "") == "ANSM_FILE"
