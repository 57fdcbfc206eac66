"""Which response: ranked, and an intensive care team is never hidden."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.patients import Patient
from services.orientation.domain.response import LocalHabits, Response, respond
from services.orientation.domain.severity import Band, assess
from services.orientation.tests.situations import reference, shipped_model

KNOWLEDGE = reference().knowledge


def responses(
    patient: Patient,
    *,
    habits: LocalHabits | None = None,
    engaged: frozenset[str] = frozenset(),
    department: str = "",
    **human: str,
) -> tuple[Response, ...]:
    case = assess(patient, KNOWLEDGE.vocabulary, KNOWLEDGE.rules, None, **human)
    return respond(
        case,
        KNOWLEDGE.responses,
        habits or LocalHabits({}),
        engaged=engaged,
        department=department,
        **human,
    )


@given(
    st.sampled_from(sorted(KNOWLEDGE.pathways)),
    st.sampled_from(["P0", "P1", "P3", ""]),
    st.sampled_from(["R1", "R2", "R4", ""]),
    st.one_of(st.none(), st.floats(0, 100)),
)
@settings(max_examples=200, deadline=None)
def test_p0_or_r1_always_offers_an_intensive_care_team_first(
    pathway: str, priority: str, level: str, age: float | None
) -> None:
    found = responses(Patient("", age, pathway=pathway), priority=priority, care_level=level)
    assert found
    assert all(response.reasons for response in found)
    if priority == "P0" or level == "R1":
        assert found[0].resource_type.startswith("SMUR")


@given(st.sampled_from(sorted(KNOWLEDGE.pathways)), st.sampled_from(["ARREST", "STROKE_SIGNS", ""]))
def test_every_pathway_has_an_answer_with_codes_that_the_hub_knows(pathway: str, flag: str) -> None:
    flags = frozenset({flag} - {""})
    for response in responses(Patient("", 40, pathway=pathway, flags=flags)):
        assert response.resource_type in reference().resource_types
        assert response.vehicle_type in {*reference().lexicon.vehicle_types, ""}
        assert response.decision_type in {"CONSEIL", "PMT", "INTER", "ORIENT"}


def test_a_child_in_danger_gets_the_paediatric_team() -> None:
    found = responses(Patient("", 3, flags=frozenset({"ARREST"}), pathway="ARREST"))
    assert (found[0].resource_type, found[0].vehicle_type) == ("SMUR.PED", "SMUR.AR-PED")


def test_too_little_known_is_never_answered_with_advice_alone() -> None:
    found = responses(Patient(""))
    assert found[0].decision_type == "INTER"


def test_two_neighbouring_samus_may_send_different_carriers_first() -> None:
    patient = Patient("", 40, flags=frozenset({"SERIOUS"}))
    habits = LocalHabits({"68": "SIS"})
    one = responses(patient, habits=habits, department="67")
    other = responses(patient, habits=habits, department="68")
    assert one[0].resource_type == "TSU"
    assert other[0].resource_type == "SIS"
    assert {r.resource_type for r in one} == {r.resource_type for r in other}


@pytest.mark.parametrize("band", list(Band))
def test_every_band_has_a_general_answer(band: Band) -> None:
    assert [r for r in KNOWLEDGE.responses.rules if r.pathway == "*" and r.band == band.name]


def test_a_vehicle_that_is_on_its_way_is_mentioned() -> None:
    found = responses(Patient("", 50, flags=frozenset({"ARREST"})), engaged=frozenset({"SMUR"}))
    assert "ALREADY_ENGAGED" in {r.code for r in found[0].reasons}


def test_each_response_says_how_likely_what_it_brings_is_needed() -> None:
    model = shipped_model()
    case = assess(
        Patient(
            "",
            70,
            complaints=(10501,),
            flags=frozenset({"CHEST_PAIN"}),
            pathway="CHEST_PAIN",
        ),
        KNOWLEDGE.vocabulary,
        KNOWLEDGE.rules,
        model,
    )
    found = {r.resource_type: r for r in respond(case, KNOWLEDGE.responses, LocalHabits({}))}
    assert found["SMUR"].expected_benefit == case.p_icu
    assert found["TSU"].expected_benefit == case.p_admission
    alone = responses(Patient("", 70, pathway="CHEST_PAIN"))
    assert all(response.expected_benefit is None for response in alone)


@given(st.sampled_from(sorted(KNOWLEDGE.pathways)), st.sampled_from(["R3", "R4"]))
def test_r3_or_r4_always_offers_an_appointment_unless_it_is_severe(
    pathway: str, level: str
) -> None:
    patient = Patient("", 40, complaints=(10501,), pathway=pathway)
    found = responses(patient, care_level=level)
    offered = [r.resource_type for r in found]
    band = assess(patient, KNOWLEDGE.vocabulary, KNOWLEDGE.rules, None).band
    assert band > Band.SEVERE
    assert "LIBERAL.MG" in offered
    without = responses(patient)
    assert found[0] == without[0]
    severe = responses(
        Patient("", 40, flags=frozenset({"ARREST"}), pathway=pathway), care_level=level
    )
    assert "SAS_APPOINTMENT" not in {r.code for response in severe for r in response.reasons}
