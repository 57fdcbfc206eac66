"""Whole answers: quality findings, missing inputs, several patients."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from services.orientation.domain.case import CaseUpdate, merge_all
from services.orientation.domain.hub.reader import read_payload
from services.orientation.domain.orient import Answer, orient
from services.orientation.domain.severity import Band
from services.orientation.tests.situations import NOW, example, reference, synthetic_france

CASE_ID = "fr.health.samu440.TEST.2"


def answer_to(*messages: dict[str, Any] | bytes) -> Answer:
    shipped = reference()
    updates: list[CaseUpdate] = []
    for message in messages:
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        updates += read_payload(payload, shipped.lexicon).updates
    return orient(
        updates[0].case_id,
        merge_all(updates),
        shipped.knowledge,
        synthetic_france(),
        None,
        now=NOW,
    )


def codes(answer: Answer) -> set[str]:
    return {finding.code for finding in answer.findings}


def affair(**fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "caseId": CASE_ID,
        "creation": "2026-01-05T08:00:00+01:00",
        "owner": "fr.health.samu440",
        "qualification": {"healthMotive": {"code": "M03.06", "label": "Douleur thoracique"}},
        "location": {"city": {"name": "Nantes", "inseeCode": "44109"}},
    }
    return {"createCaseHealth": body | fields}


def at(latitude: float, longitude: float, **city: str) -> dict[str, Any]:
    coord = {"lat": latitude, "lon": longitude, "precision": "ADRESSE"}
    return {
        "city": {"name": "Nantes", "inseeCode": "44109"} | city,
        "geometry": {"point": {"coord": coord}},
    }


def patient(**detail: Any) -> list[dict[str, Any]]:
    return [
        {
            "patientId": "fr.health.samu440.patient.TEST.2.1",
            "detail": {k: v for k, v in detail.items() if k == "age"},
            "identity": {
                "strictFeatures": {k: v for k, v in detail.items() if k in ("sex", "birthDate")}
            },
        }
    ]


def test_a_postcode_in_the_place_of_an_insee_code_is_found_and_understood() -> None:
    answer = answer_to(affair(location={"city": {"name": "Guichen", "inseeCode": "35580"}}))
    assert {"INSEE_IS_POSTCODE", "POSITION_FROM_COMMUNE"} <= codes(answer)
    assert answer.facilities


def test_a_corsican_code_is_used_although_the_schema_refuses_it() -> None:
    answer = answer_to(affair(location={"city": {"name": "Ajaccio", "inseeCode": "2A004"}}))
    assert "INSEE_CORSICAN" in codes(answer)
    assert "FIELD_INVALID" not in codes(answer)
    assert answer.facilities[0].facility.finess_geo.startswith("2A")


def test_a_lost_digit_in_a_latitude_is_found_and_the_commune_is_used() -> None:
    answer = answer_to(affair(location=at(7.2184, -1.5536)))
    assert {"POSITION_IMPLAUSIBLE", "POSITION_FROM_COMMUNE"} <= codes(answer)
    assert answer.facilities[0].travel_min < 60


def test_a_position_far_from_its_commune_is_said() -> None:
    assert "POSITION_FAR_FROM_COMMUNE" in codes(answer_to(affair(location=at(48.85, 2.35))))


def test_no_age_and_no_place_is_answered_with_what_is_missing() -> None:
    answer = answer_to(affair(location={}))
    assert {"age", "position", "sex", "vital_signs"} <= set(answer.missing)
    assert "POSITION_MISSING" in codes(answer)
    assert answer.responses
    assert answer.facilities == ()


def test_an_age_that_contradicts_the_birth_date_is_found() -> None:
    odd = answer_to(affair(patient=patient(age="P60Y", birthDate="1999-05-01")))
    fine = answer_to(affair(patient=patient(age="P26Y", birthDate="1999-05-01")))
    assert "AGE_BIRTH_DATE_DISAGREE" in codes(odd)
    assert "AGE_BIRTH_DATE_DISAGREE" not in codes(fine)


def test_an_age_comes_from_the_birth_date_and_the_birth_date_is_not_kept() -> None:
    shipped = reference()
    payload = json.dumps(affair(patient=patient(birthDate="1999-05-01", sex="F"))).encode()
    state = merge_all(read_payload(payload, shipped.lexicon).updates)
    kept = {key: fact.value for key, fact in state.facts.items()}
    assert not any("1999" in str(value) for value in kept.values())
    assert 26 < float(str(kept["patient|fr.health.samu440.patient.TEST.2.1|age_from_birth"])) < 27


def test_a_creation_in_the_future_is_found() -> None:
    assert "CREATION_IN_FUTURE" in codes(answer_to(affair(creation="2027-01-05T08:00:00+01:00")))


def test_a_vehicle_state_dated_months_later_is_found() -> None:
    late = {
        "resourcesStatus": {
            "caseId": CASE_ID,
            "resourceId": "fr.health.samu440.resource.VLM4",
            "state": {"status": "DEPART", "datetime": "2026-04-05T08:10:00+02:00"},
        }
    }
    assert "VEHICLE_STATE_LATE" in codes(answer_to(affair(), late))
    assert "VEHICLE_STATE_LATE" in codes(answer_to(late, affair()))


def test_one_note_id_for_two_notes_is_found_within_and_across_messages() -> None:
    def note(minute: int) -> dict[str, Any]:
        return {
            "medicalNoteId": "fr.health.samu440.medicalNote.0001",
            "operator": {"role": "ARM"},
            "creation": f"2026-01-05T08:{minute:02d}:00+01:00",
            "freetext": "x",
        }

    update = {"createCaseHealthUpdate": {"caseId": CASE_ID, "medicalNote": [note(9)]}}
    within = answer_to(affair(medicalNote=[note(1), note(2)]))
    across = answer_to(affair(medicalNote=[note(1)]), update)
    again = answer_to(affair(medicalNote=[note(1)]), affair(medicalNote=[note(1)]))
    assert "NOTE_ID_REPEATED" in codes(within)
    assert "NOTE_ID_REPEATED" in codes(across)
    assert "NOTE_ID_REPEATED" not in codes(again)


def test_an_unknown_finess_is_a_finding_and_no_refusal() -> None:
    decision = [
        {
            "creation": "2026-01-05T08:10:00+01:00",
            "operator": {"role": "MEDECIN"},
            "decisionType": "ORIENT",
            "destination": {
                "externalLocationId": [{"source": "FINESS_GEOGRAPHIQUE", "value": "999999999"}]
            },
        }
    ]
    answer = answer_to(affair(decision=decision))
    assert "FINESS_UNKNOWN" in codes(answer)
    assert answer.human_decision is not None
    assert answer.human_decision.decision_type == "ORIENT"


def test_an_update_before_its_case_is_kept_and_says_that_it_waits() -> None:
    update = example("RS-EDA-MAJ_Incendie_RaymondeLECCIA.06.json")
    early = answer_to(update)
    assert early.waiting_for_case
    assert early.band is Band.LIFE_THREAT


def test_the_gravest_of_several_patients_speaks_for_the_case() -> None:
    answer = answer_to(
        example("RS-EDA_partageDossier_EnfantsNguyen.01.json"),
        example("RS-EDA-MAJ_partageDossier_EnfantsNguyen.03a.json"),
    )
    assert answer.band is Band.LIFE_THREAT  # one child was set R1, the other R2
    assert "GRAVEST_PATIENT" in {reason.code for reason in answer.reasons}


def test_a_human_can_still_raise_what_was_decided_before() -> None:
    raised = {
        "createCaseHealthUpdate": {
            "caseId": CASE_ID,
            "qualification": {"details": {"priority": "P0", "careLevel": "R1"}},
        }
    }
    answer = answer_to(affair(), raised)
    assert answer.band is Band.LIFE_THREAT
    assert answer.responses[0].resource_type.startswith("SMUR")


def test_a_closed_loop_of_findings_each_has_a_remedy() -> None:
    answer = answer_to(affair(location=at(7.2, -1.5), creation="hier"))
    assert answer.findings
    assert all(finding.remedy and finding.path for finding in answer.findings)


def test_the_answer_is_the_same_a_minute_later() -> None:
    shipped = reference()
    payload = json.dumps(affair()).encode()
    state = merge_all(read_payload(payload, shipped.lexicon).updates)
    one, other = (
        orient("c", state, shipped.knowledge, synthetic_france(), None, now=now)
        for now in (NOW, NOW + timedelta(minutes=1))
    )
    assert one == other
