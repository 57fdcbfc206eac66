"""The service as a caller meets it: real gRPC, real store, real events."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from prometheus_client import generate_latest

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.replenishment.v1 import events_pb2 as supply
from services.orientation.adapters.checking import HubCheck
from services.orientation.adapters.reference import DATA
from services.orientation.tests.integration.asking import (
    CHU,
    NOW,
    eventually,
    heard,
    hub,
    one,
    refused,
    typed,
)
from services.orientation.tests.integration.conftest import Running, Start
from services.orientation.tests.situations import a_call, every_example, example
from shared.events import event_of, topic_of
from shared.rpc import refusal_of


class TestScoreCase:
    def test_a_call_is_answered_with_severity_response_facilities_and_reasons(
        self, start: Start
    ) -> None:
        answer = one(start(), typed(1, motive_code="M03.06", age_years=62.0, sex="M"))
        assert 0 < answer.severity.p_icu < 1
        assert answer.severity.model_used
        assert answer.severity.model_version.startswith("glass-")
        assert answer.severity.band == pb.SEVERITY_BAND_SEVERE
        assert answer.responses[0].resource_type == "SMUR"
        assert answer.facilities[0].reasons
        assert answer.facilities[0].synthetic_capabilities
        assert {"MOTIVE", "AGE", "RULE_CHEST_PAIN"} <= {r.code for r in answer.reasons}

    def test_every_official_example_is_answered_in_any_order(self, start: Start) -> None:
        def band_by_case(running: Running, *, backwards: bool) -> dict[str, int]:
            last: dict[str, int] = {}
            for path in sorted(every_example(), reverse=backwards):
                response = running.stub.ScoreCase(hub(path.read_bytes()), timeout=10)
                assert response.answers or response.findings
                last |= {a.case_id: a.severity.band for a in response.answers}
            return last

        forwards = band_by_case(start("one"), backwards=False)
        backwards = band_by_case(start("two"), backwards=True)
        assert forwards == backwards
        assert len(forwards) >= 10

    def test_a_refusal_names_reason_field_and_remedy(self, start: Start) -> None:
        running = start()
        error = refused(lambda: running.stub.ScoreCase(hub(b"not json"), timeout=5))
        refusal = refusal_of(error)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal is not None
        assert (refusal.reason, refusal.field) == ("MESSAGE_NOT_JSON", "hub_json")

    def test_ten_megabytes_are_refused_and_the_service_goes_on(self, start: Start) -> None:
        running = start()
        for size in (2, 10):
            big = hub(b" " * (size * 1024 * 1024))
            error = refused(partial(running.stub.ScoreCase, big, timeout=10))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert one(running, typed(1)).responses

    def test_a_deadline_of_a_millisecond_is_told_as_such(self, start: Start) -> None:
        running = start()
        error = refused(lambda: running.stub.ScoreCase(typed(1), timeout=0.001))
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    def test_a_road_router_that_is_away_costs_no_answer(self, start: Start) -> None:
        running = start(LARREY_ROADS_URL="osrm+http://127.0.0.1:9")  # nobody listens there
        answer = one(running, typed(1, motive_code="M03.06", age_years=62.0))
        assert "distance model" in answer.facilities[0].reasons[0].text

    def test_a_case_survives_a_restart_of_the_service(self, start: Start) -> None:
        one(start("same"), typed(1, motive_code="M01.01"))
        answer = one(start("same"), typed(2, age_years=40.0))
        assert answer.revision == 2
        assert answer.severity.band == pb.SEVERITY_BAND_LIFE_THREAT

    def test_a_case_is_told_once_and_an_exercise_never(self, start: Start) -> None:
        running = start()
        for minute in (1, 2, 2):
            one(running, typed(minute, motive_code="M03.06"))
        one(running, typed(3, motive_code="M01.01", exercise=True))
        eventually(
            lambda: len(heard(running, events_pb2.CaseOriented)) == 1, "the fact of the case"
        )
        fact = heard(running, events_pb2.CaseOriented)[0]
        assert fact.syndrome_group == "cardiac"

    def test_facts_of_calls_that_share_a_transaction_carry_each_its_own_trace(
        self, start: Start
    ) -> None:
        running = start()
        traces = {f"00-{number:032x}-{number:016x}-01" for number in range(1, 25)}
        waiting = [
            running.stub.ScoreCase.future(
                typed(1, motive_code="M03.06", case_id=f"fr.health.samu440.TRACED.{trace}"),
                metadata=(("traceparent", trace),),
                timeout=30,
            )
            for trace in traces
        ]
        for call in waiting:
            call.result()
        subscription = running.parts.log.subscribe("traces", [topic_of(events_pb2.CaseOriented)])
        found: list[str] = []

        def all_came() -> bool:
            found.extend(d.event.headers["traceparent"] for d in subscription.poll(0.2, 50))
            return len(found) >= len(traces)

        eventually(all_came, "the facts")
        subscription.close()
        assert sorted(found) == sorted(traces)

    def test_without_its_model_the_service_says_that_it_rests_on_rules(
        self, start: Start, tmp_path: Any
    ) -> None:
        running = start(LARREY_MODEL_BUNDLE=str(tmp_path / "nothing"))
        answer = one(running, typed(1, motive_code="M01.01", age_years=40.0))
        assert not answer.severity.model_used
        assert not answer.severity.HasField("p_icu")
        assert answer.severity.band == pb.SEVERITY_BAND_LIFE_THREAT
        assert "RULES_ONLY_NO_MODEL" in {r.code for r in answer.reasons}


class TestTheLoop:
    def test_a_foreseen_shortage_lowers_the_site_until_it_is_lifted(self, start: Start) -> None:
        running = start()
        chest_pain = typed(1, motive_code="M03.06", age_years=62.0)
        before = one(running, chest_pain)
        assert before.facilities[0].finess_geo == CHU

        def tell(minute: int, *, lifted: bool) -> None:
            event = supply.ShortageForeseen(
                item_id="ALTEPLASE",
                site_id=CHU,
                label="Alteplase 50 mg",
                critical_resource="THROMBOLYTIC",
                probability=0.95,
                lifted=lifted,
            )
            event.foreseen_time.FromDatetime(NOW + timedelta(minutes=minute))
            log = running.parts.log
            log.publish([event_of(event, clock=running.parts.clock)])

        def first() -> str:
            return str(one(running, chest_pain).facilities[0].finess_geo)

        tell(1, lifted=False)
        eventually(lambda: first() != CHU, "the shortage")
        answer = one(running, chest_pain)
        lowered = [f for f in answer.facilities if f.finess_geo == CHU]
        assert "SHORTAGE_THROMBOLYTIC" in {r.code for r in lowered[0].reasons}
        assert "may run out" in answer.why_not_nearest
        fever = one(running, typed(1, case_id="fr.health.samu440.TEST.8", motive_code="M03.14"))
        assert not any("SHORTAGE" in r.code for f in fever.facilities for r in f.reasons)
        tell(2, lifted=True)
        eventually(lambda: first() == CHU, "the end of the shortage")


class TestReportCapacity:
    def test_reported_beds_are_used_with_their_age_and_bad_rows_are_told(
        self, start: Start
    ) -> None:
        running = start()
        good = pb.FacilityReport(finess_geo=CHU)
        good.beds.add(capacity_status="02", temporality="01", beds=4).updated_time.FromDatetime(
            NOW - timedelta(minutes=30)
        )
        negative = pb.FacilityReport(finess_geo=CHU)
        negative.beds.add(capacity_status="02", temporality="01", beds=-4)
        short = pb.FacilityReport(finess_geo="44")
        requests = [
            pb.ReportCapacityRequest(facilities=[good, negative]),
            pb.ReportCapacityRequest(facilities=[short]),
        ]
        response = running.stub.ReportCapacity(iter(requests), timeout=10)
        assert (response.accepted, response.refused) == (1, 2)
        reasons = [(r.row, r.reason) for r in response.refusals]
        assert reasons == [(1, "COUNT_NEGATIVE"), (2, "SITE_MALFORMED")]
        answer = one(running, typed(1, motive_code="M03.06", age_years=62.0))
        chu = next(f for f in answer.facilities if f.finess_geo == CHU)
        assert chu.beds_free == 4
        assert 29 < chu.beds_age_min < 32
        eventually(
            lambda: len(heard(running, events_pb2.FacilityCapacityReported)) == 1, "the report"
        )


class TestDecisions:
    def request(self, **fields: Any) -> pb.RecordDecisionRequest:
        request = pb.RecordDecisionRequest(
            case_id=a_call().case_id,
            decision_id="d-1",
            decided_by="dr-17",
            operator_role="MEDECIN",
            decision_type="INTER",
            resource_type="SMUR",
        )
        request.decided_time.FromDatetime(NOW)
        for name, value in fields.items():
            setattr(request, name, value)
        return request

    def test_a_decision_is_recorded_shown_told_and_exported(self, start: Start) -> None:
        running = start()
        one(running, typed(1, motive_code="M01.01"))
        response = running.stub.RecordDecision(self.request(), timeout=5)
        assert response.followed
        assert response.suggested_resource_type == "SMUR"
        answer = one(running, typed(2, age_years=50.0))
        assert answer.human_decision.decision_type == "INTER"
        exported = running.stub.ExportDecision(
            pb.ExportDecisionRequest(case_id=a_call().case_id), timeout=5
        )
        envelope = json.loads(exported.hub_json)
        assert HubCheck(DATA / "hub" / "schemas").problems(envelope) == []
        eventually(
            lambda: len(heard(running, events_pb2.DecisionRecorded)) == 1, "the decision's fact"
        )
        again = one(running, hub(exported.hub_json))
        assert again.human_decision.decision_type == "INTER"

    def test_overruling_needs_a_reason_and_unknown_cases_are_missing(self, start: Start) -> None:
        running = start()
        one(running, typed(1, motive_code="M01.01"))
        other = self.request(decision_type="CONSEIL", resource_type="LIBERAL.MG")
        error = refused(lambda: running.stub.RecordDecision(other, timeout=5))
        refusal = refusal_of(error)
        assert refusal is not None
        assert (refusal.reason, refusal.field) == ("REASON_NEEDED", "override_reason")
        unknown = self.request(case_id="fr.health.samu440.NOBODY.1")
        error = refused(lambda: running.stub.RecordDecision(unknown, timeout=5))
        assert error.code() is grpc.StatusCode.NOT_FOUND
        machine = self.request(operator_role="SOFTWARE")
        error = refused(lambda: running.stub.RecordDecision(machine, timeout=5))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


class TestWatching:
    def test_staff_see_bands_findings_overrides_age_of_counts_and_the_model(
        self, start: Start
    ) -> None:
        running = start()
        one(running, typed(1, motive_code="M01.01", priority="P2"))
        text = generate_latest(running.parts.telemetry.registry).decode()
        for line in (
            'larrey_orientation_answers_total{band="LIFE_THREAT",exercise="false"} 1.0',
            'larrey_orientation_findings_total{code="PRIORITY_DEFAULT"} 1.0',
            'larrey_orientation_model{version="glass-',
            "larrey_orientation_capacity_age_minutes",
            "larrey_orientation_overrides",
            "larrey_orientation_rules_only",
        ):
            assert line in text

    def test_no_log_line_holds_a_payload(
        self, start: Start, capfd: pytest.CaptureFixture[str]
    ) -> None:
        running = start()
        secret = example("RS-EDA_partageDossier_DidierMorel.01a.json")
        one(running, hub(secret))
        refused(lambda: running.stub.ScoreCase(hub(secret[:-2]), timeout=5))
        told = "".join(capfd.readouterr())
        assert not any(word in told for word in ("Morel", "DRFR157702400400055", "scie"))
