"""Answers to the wire."""

from __future__ import annotations

from collections.abc import Iterable

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.findings import Finding
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Answer, HumanDecision
from services.orientation.domain.ranking import FacilityOption
from services.orientation.domain.response import Response
from services.orientation.domain.severity import Band, Reason
from services.orientation.wire.times import to_stamp

BANDS = {
    Band.LIFE_THREAT: pb.SEVERITY_BAND_LIFE_THREAT,
    Band.SEVERE: pb.SEVERITY_BAND_SEVERE,
    Band.MODERATE: pb.SEVERITY_BAND_MODERATE,
    Band.MILD: pb.SEVERITY_BAND_MILD,
    Band.NOT_ENOUGH_DATA: pb.SEVERITY_BAND_NOT_ENOUGH_DATA,
}


def scored_to_wire(
    answers: Iterable[Answer], findings: Iterable[Finding], model_version: str
) -> pb.ScoreCaseResponse:
    return pb.ScoreCaseResponse(
        answers=[answer_to_wire(answer, model_version) for answer in answers],
        findings=[finding_to_wire(finding) for finding in findings],
    )


def answer_to_wire(answer: Answer, model_version: str) -> pb.CaseAnswer:
    case = answer.assessment
    if answer.mode is not Mode.ON:
        return _withheld(answer)
    out = pb.CaseAnswer(
        case_id=answer.case_id,
        mode=pb.SUGGESTION_MODE_ON,
        severity=pb.Severity(
            p_icu=case.p_icu,
            p_admission=case.p_admission,
            band=BANDS[case.band],
            model_version=model_version if case.model_used else "",
            model_used=case.model_used,
            p_icu_low=case.p_icu_interval[0] if case.p_icu_interval else None,
            p_icu_high=case.p_icu_interval[1] if case.p_icu_interval else None,
        ),
        responses=[_response(response) for response in answer.responses],
        facilities=[_facility(option) for option in answer.facilities],
        reasons=[_reason(reason) for reason in answer.reasons],
        missing=answer.missing,
        findings=[finding_to_wire(finding) for finding in answer.findings],
        exercise=answer.exercise,
        waiting_for_case=answer.waiting_for_case,
        why_not_nearest=answer.ranking.why_not_nearest,
        revision=answer.revision,
        syndrome_group=case.syndrome_group,
    )
    if answer.human_decision is not None:
        out.human_decision.CopyFrom(_human(answer.human_decision))
    return out


MODES = {
    Mode.ON: pb.SUGGESTION_MODE_ON,
    Mode.SHADOW: pb.SUGGESTION_MODE_SHADOW,
    Mode.OFF: pb.SUGGESTION_MODE_OFF,
}


def _withheld(answer: Answer) -> pb.CaseAnswer:
    """What is shown while a SAMU has its suggestions stopped or in the shadow: no suggestion."""
    out = pb.CaseAnswer(
        case_id=answer.case_id,
        mode=MODES[answer.mode],
        missing=answer.missing,
        findings=[finding_to_wire(finding) for finding in answer.findings],
        exercise=answer.exercise,
        waiting_for_case=answer.waiting_for_case,
        revision=answer.revision,
        syndrome_group=answer.assessment.syndrome_group,
    )
    if answer.human_decision is not None:
        out.human_decision.CopyFrom(_human(answer.human_decision))
    return out


def _reason(reason: Reason) -> pb.Reason:
    return pb.Reason(code=reason.code, text=reason.text, log_odds=reason.log_odds)


def finding_to_wire(finding: Finding) -> pb.Finding:
    return pb.Finding(code=finding.code, path=finding.path, remedy=finding.remedy)


def _response(response: Response) -> pb.Response:
    return pb.Response(
        decision_type=response.decision_type,
        resource_type=response.resource_type,
        vehicle_type=response.vehicle_type,
        reasons=[_reason(reason) for reason in response.reasons],
        expected_benefit=response.expected_benefit,
    )


def _facility(option: FacilityOption) -> pb.FacilityOption:
    return pb.FacilityOption(
        finess_geo=option.facility.finess_geo,
        name=option.facility.name,
        travel_min=option.travel_min,
        capabilities_met=option.met,
        capabilities_missing=option.missing,
        beds_free=option.beds_free,
        beds_age_min=option.beds_age_min,
        score_min=option.score_min,
        reasons=[_reason(reason) for reason in option.reasons],
        synthetic_capabilities=option.facility.synthetic,
        confidence=option.confidence,
    )


def _human(decision: HumanDecision) -> pb.HumanDecision:
    return pb.HumanDecision(
        decision_type=decision.decision_type,
        resource_type=decision.resource_type,
        orientation_type=decision.orientation_type,
        finess_geo=decision.finess_geo,
        operator_role=decision.operator_role,
        decided_time=to_stamp(decision.decided) if decision.decided else None,
    )
