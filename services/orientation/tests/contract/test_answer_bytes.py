"""The answer's bytes against the same answer made message by message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.case import EMPTY, merge
from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import Shortages
from services.orientation.domain.findings import REMEDIES, Finding
from services.orientation.domain.modes import Mode, Modes
from services.orientation.domain.orient import Answer, HumanDecision, Surroundings, orient
from services.orientation.domain.severity import Reason
from services.orientation.domain.synthetic import synthetic_layer, with_synthetic_beds
from services.orientation.domain.typed import TypedUpdate, read_typed
from services.orientation.tests.situations import NOW, a_call, reference, shipped_model
from services.orientation.wire.answers import BANDS, MODES, answer_to_bytes, scored_to_bytes
from services.orientation.wire.pieces import length
from services.orientation.wire.times import to_stamp

SITES = Directory.of(with_synthetic_beds(synthetic_layer(reference().sites), NOW))
PLACES = [(47.2, -1.55), (48.58, 7.75), (44.5, 3.5), (None, None)]
CALLS = st.builds(
    a_call,
    st.integers(1, 9),
    age_years=st.one_of(st.none(), st.floats(0, 99)),
    sex=st.sampled_from(["", "F", "M"]),
    complaint_codes=st.sampled_from([(), (10501,), (14150, 10501), (99999,)]),
    vitals=st.dictionaries(
        st.sampled_from(["heart_rate_bpm", "spo2_percent", "systolic_bp_mmhg", "glasgow"]),
        st.integers(10, 250).map(float),
    ),
    care_level=st.sampled_from(["", "R1", "R4"]),
)


def obvious(answer: Answer, version: str) -> pb.CaseAnswer:
    """Every message as an object, field by field."""
    case = answer.assessment
    shown = answer.mode is Mode.ON
    out = pb.CaseAnswer(
        case_id=answer.case_id,
        mode=MODES[answer.mode],
        missing=answer.missing,
        findings=[pb.Finding(code=f.code, path=f.path, remedy=f.remedy) for f in answer.findings],
        exercise=answer.exercise,
        waiting_for_case=answer.waiting_for_case,
        revision=answer.revision,
        syndrome_group=case.syndrome_group,
    )
    if (human := answer.human_decision) is not None:
        out.human_decision.decision_type = human.decision_type
        out.human_decision.resource_type = human.resource_type
        out.human_decision.orientation_type = human.orientation_type
        out.human_decision.finess_geo = human.finess_geo
        out.human_decision.operator_role = human.operator_role
        if human.decided is not None:
            out.human_decision.decided_time.CopyFrom(to_stamp(human.decided))
    if not shown:
        return out
    low, high = case.p_icu_interval or (None, None)
    out.severity.CopyFrom(
        pb.Severity(
            p_icu=case.p_icu,
            p_admission=case.p_admission,
            band=BANDS[case.band],
            model_version=version if case.model_used else "",
            model_used=case.model_used,
            p_icu_low=low,
            p_icu_high=high,
        )
    )
    out.why_not_nearest = answer.ranking.why_not_nearest
    out.reasons.extend(reasons(answer.reasons))
    for response in answer.responses:
        out.responses.add(
            decision_type=response.decision_type,
            resource_type=response.resource_type,
            vehicle_type=response.vehicle_type,
            reasons=reasons(response.reasons),
            expected_benefit=response.expected_benefit,
        )
    for option in answer.facilities:
        out.facilities.add(
            finess_geo=option.facility.finess_geo,
            name=option.facility.name,
            travel_min=option.travel_min,
            capabilities_met=option.met,
            capabilities_missing=option.missing,
            beds_free=option.beds_free,
            beds_age_min=option.beds_age_min,
            score_min=option.score_min,
            reasons=reasons(option.reasons),
            synthetic_capabilities=option.facility.synthetic,
            confidence=option.confidence,
        )
    return out


def reasons(told: tuple[Reason, ...]) -> list[pb.Reason]:
    return [pb.Reason(code=r.code, text=r.text, log_odds=r.log_odds) for r in told]


def answered(update: TypedUpdate, mode: Mode, *, model: bool, minutes: int) -> Answer:
    shipped = reference()
    state = merge(EMPTY, read_typed(update, shipped.lexicon))
    return orient(
        "fr.health.samu440.é.1",
        state,
        shipped.knowledge,
        Surroundings(SITES, Shortages(), modes=Modes({}, mode)),
        shipped_model() if model else None,
        now=NOW + timedelta(minutes=minutes),
    )


@given(
    CALLS,
    st.sampled_from(PLACES),
    st.sampled_from(list(Mode)),
    st.booleans(),
    st.integers(0, 500),
)
@settings(max_examples=60, deadline=None)
def test_the_bytes_are_those_of_the_messages(
    update: TypedUpdate, at: tuple[float | None, float | None], mode: Mode, model: bool, age: int
) -> None:
    placed = replace(update, latitude=at[0], longitude=at[1])
    answer = answered(placed, mode, model=model, minutes=age)
    human = HumanDecision("INTER", "SMUR", "", "440000001", "MEDECIN", NOW)
    for one in (answer, answer._replace(human_decision=human, waiting_for_case=True)):
        assert pb.CaseAnswer.FromString(answer_to_bytes(one, "v1")) == obvious(one, "v1")


def test_findings_of_a_message_stand_beside_its_answers() -> None:
    update = a_call(1)
    answer = answered(update, Mode.ON, model=True, minutes=0)
    found = Finding(sorted(REMEDIES)[0], "somewhere")
    sent = pb.ScoreCaseResponse.FromString(scored_to_bytes([answer, answer], [found], "v1"))
    assert list(sent.answers) == [obvious(answer, "v1")] * 2
    assert [(f.code, f.path) for f in sent.findings] == [(found.code, found.path)]


def test_numbers_of_nothing_and_counts_beyond_one_byte_come_through() -> None:
    answer = answered(a_call(1, latitude=47.2, longitude=-1.5), Mode.ON, model=False, minutes=0)
    first = answer.facilities[0]._replace(
        travel_min=0.0, score_min=-0.5, confidence=0.0, beds_free=300, beds_age_min=0.0
    )
    unknown = first._replace(beds_free=None, beds_age_min=None)
    none = first._replace(beds_free=0)
    many = answer._replace(ranking=answer.ranking._replace(options=(first, unknown, none)))
    assert pb.CaseAnswer.FromString(answer_to_bytes(many, "")) == obvious(many, "")


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 16_383, 16_384, 2_000_000])
def test_a_length_is_read_back_by_protobuf(value: int) -> None:
    sent = pb.CaseAnswer.FromString(b"\x60" + length(value))  # revision = 12
    assert sent.revision == value
