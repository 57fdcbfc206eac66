"""Bad input on the running service: each kind gets an answer and a finding, or a clear refusal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import grpc
import pytest

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.tests.integration.asking import (
    CHU,
    NOW,
    eventually,
    hub,
    one,
    refused,
    typed,
)
from services.orientation.tests.integration.conftest import Running, Start
from shared.rpc import refusal_of

Message = dict[str, Any]


def affair(case: str, **fields: Any) -> Message:
    body: Message = {
        "caseId": case,
        "creation": "2026-01-05T08:00:00+01:00",
        "owner": "fr.health.samu440",
        "qualification": {"healthMotive": {"code": "M03.06", "label": "Douleur thoracique"}},
        "location": {"city": {"name": "Nantes", "inseeCode": "44109"}},
    }
    return {"createCaseHealth": body | fields}


def somebody(case: str, **detail: Any) -> list[Message]:
    strict = {k: v for k, v in detail.items() if k in ("sex", "birthDate")}
    known = {k: v for k, v in detail.items() if k == "age"}
    return [{"patientId": f"{case}.1", "detail": known, "identity": {"strictFeatures": strict}}]


def bedside(case: str, **values: Any) -> Message:
    told = [{"type": kind, "value": value} for kind, value in values.items()]
    who = {"patientId": f"{case}.1"}
    return {
        "interventionReport": {"caseId": case, "patient": who, "evaluation": {"parameter": told}}
    }


def vehicle(case: str, when: str) -> Message:
    state = {"status": "DEPART", "datetime": when}
    return {"resourcesStatus": {"caseId": case, "resourceId": "fr.health.VLM4", "state": state}}


def place(latitude: float, longitude: float) -> Message:
    coord = {"lat": latitude, "lon": longitude, "precision": "ADRESSE"}
    return {
        "city": {"name": "Nantes", "inseeCode": "44109"},
        "geometry": {"point": {"coord": coord}},
    }


def note(case: str, minute: int) -> Message:
    when = f"2026-01-05T08:{minute:02d}:00+01:00"
    made = {"medicalNoteId": "same", "operator": {"role": "ARM"}, "creation": when, "freetext": "x"}
    return {"createCaseHealthUpdate": {"caseId": case, "medicalNote": [made]}}


def sent_to(case: str, finess: str) -> list[Message]:
    where = {"externalLocationId": [{"source": "FINESS_GEOGRAPHIQUE", "value": finess}]}
    return [
        {
            "creation": "2026-01-05T08:10:00+01:00",
            "operator": {"role": "MEDECIN"},
            "decisionType": "ORIENT",
            "destination": where,
        }
    ]


def kinds() -> list[tuple[str, str, list[Message]]]:
    """(what is wrong, finding, messages) of every kind that a message of the Hub can have."""

    def one_of(code: str, make: Any) -> tuple[str, str, list[Message]]:
        case = f"fr.health.samu440.BAD.{code.lower()}"
        return case, code, make(case)

    return [
        one_of("VITAL_UNREADABLE", lambda c: [affair(c), bedside(c, FREQUENCE_CARDIAQUE="filant")]),
        one_of("VITAL_IMPOSSIBLE", lambda c: [affair(c), bedside(c, FREQUENCE_CARDIAQUE="1200")]),
        one_of("VITAL_UNKNOWN", lambda c: [affair(c), bedside(c, HUMEUR="3")]),
        one_of(
            "AGE_BIRTH_DATE_DISAGREE",
            lambda c: [affair(c, patient=somebody(c, age="P60Y", birthDate="1999-05-01"))],
        ),
        one_of("AGE_UNREADABLE", lambda c: [affair(c, patient=somebody(c, age="soixante"))]),
        one_of("POSITION_IMPLAUSIBLE", lambda c: [affair(c, location=place(7.2184, -1.5536))]),
        one_of(
            "INSEE_IS_POSTCODE",
            lambda c: [affair(c, location={"city": {"name": "Guichen", "inseeCode": "35580"}})],
        ),
        one_of(
            "INSEE_CORSICAN",
            lambda c: [affair(c, location={"city": {"name": "Ajaccio", "inseeCode": "2A004"}})],
        ),
        one_of("FINESS_UNKNOWN", lambda c: [affair(c, decision=sent_to(c, "999999999"))]),
        one_of(
            "VEHICLE_STATE_LATE", lambda c: [affair(c), vehicle(c, "2026-04-05T08:10:00+02:00")]
        ),
        one_of("NOTE_ID_REPEATED", lambda c: [affair(c), note(c, 1), note(c, 2)]),
        one_of("MOTIVE_UNKNOWN", lambda c: [affair(c, qualification=motive("M99.99"))]),
    ]


def motive(code: str) -> Message:
    return {"healthMotive": {"code": code, "label": "?"}}


def answered(running: Running, messages: list[Message]) -> pb.CaseAnswer:
    return [one(running, hub(json.dumps(message).encode())) for message in messages][-1]


def test_every_kind_of_bad_message_is_answered_with_its_finding(start: Start) -> None:
    running = start()
    for case, code, messages in kinds():
        answer = answered(running, messages)
        assert answer.case_id == case
        assert answer.responses, code
        found = {finding.code: finding.remedy for finding in answer.findings}
        assert code in found, (code, sorted(found))
        assert len(found[code]) > 20


def test_an_update_before_its_case_waits_and_is_taken_along_when_the_case_comes(
    start: Start,
) -> None:
    running, case = start(), "fr.health.samu440.BAD.early"
    early = answered(running, [bedside(case, SATURATION_O2="78")])
    assert early.waiting_for_case
    whole = answered(running, [affair(case, patient=somebody(case, age="P60Y"))])
    assert not whole.waiting_for_case
    assert whole.revision == 2
    assert whole.severity.band <= early.severity.band


def test_the_same_message_twice_counts_once(start: Start) -> None:
    running = start()
    assert [one(running, typed(1, age_years=40.0)).revision for _ in range(3)] == [1, 1, 1]


def test_two_cases_swapped_are_found_on_both(start: Start) -> None:
    running = start()
    man: Message = {"age_years": 80.0, "sex": "M", "motive_code": "M03.06"}
    girl: Message = {"age_years": 6.0, "sex": "F", "latitude": 48.1173, "longitude": -1.6778}
    one(running, typed(1, case_id="A", **man))
    one(running, typed(1, case_id="B", **girl))
    crossed = (
        one(running, typed(2, case_id="A", **girl)),
        one(running, typed(2, case_id="B", **man)),
    )
    for answer in crossed:
        assert "CASES_MAY_BE_SWAPPED" in {finding.code for finding in answer.findings}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("typed.vitals.spo2_percent", {"vitals": {"spo2_percent": 140.0}}),
        ("typed.age_years", {"age_years": 250.0}),
        ("typed.priority", {"priority": "P9"}),
    ],
)
def test_a_typed_value_out_of_range_is_refused_with_its_field(
    start: Start, field: str, said: Message
) -> None:
    error = refused(lambda: start().stub.ScoreCase(typed(1, **said), timeout=10))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    refusal = refusal_of(error)
    assert refusal is not None
    assert refusal.field == field


def test_a_capacity_feed_that_stopped_is_shown_as_old_and_hardly_counts(start: Start) -> None:
    running = start()
    count = pb.BedCount(capacity_status="02", temporality="01", beds=9)
    count.updated_time.FromDatetime(NOW - timedelta(hours=9))
    report = pb.FacilityReport(finess_geo=CHU, beds=[count])
    told = running.stub.ReportCapacity(
        iter([pb.ReportCapacityRequest(facilities=[report])]), timeout=10
    )
    assert (told.accepted, list(told.refusals)) == (1, [])

    def old() -> bool:
        answer = one(running, typed(1, motive_code="M03.06"))
        shown = [f for f in answer.facilities if f.finess_geo == CHU]
        return bool(shown) and "BEDS_OLD" in {r.code for r in shown[0].reasons}

    eventually(old, "the age of the count")
