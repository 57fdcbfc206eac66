"""Answers to the wire, as bytes."""

from __future__ import annotations

from collections.abc import Iterable

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.findings import Finding
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Answer, HumanDecision
from services.orientation.domain.severity import Assessment, Band
from services.orientation.wire.pieces import (
    ANSWER_REASON,
    FRAME_ANSWER,
    RESPONSE_ANSWER,
    facility_piece,
    finding_piece,
    reason_piece,
    response_piece,
    sized,
)
from services.orientation.wire.times import to_stamp

BANDS = {
    Band.LIFE_THREAT: pb.SEVERITY_BAND_LIFE_THREAT,
    Band.SEVERE: pb.SEVERITY_BAND_SEVERE,
    Band.MODERATE: pb.SEVERITY_BAND_MODERATE,
    Band.MILD: pb.SEVERITY_BAND_MILD,
    Band.NOT_ENOUGH_DATA: pb.SEVERITY_BAND_NOT_ENOUGH_DATA,
}


MODES = {
    Mode.ON: pb.SUGGESTION_MODE_ON,
    Mode.SHADOW: pb.SUGGESTION_MODE_SHADOW,
    Mode.OFF: pb.SUGGESTION_MODE_OFF,
}


def scored_to_bytes(
    answers: Iterable[Answer], findings: Iterable[Finding], model_version: str
) -> bytes:
    """A serialised ScoreCaseResponse."""
    out = pb.ScoreCaseResponse(findings=[finding_to_wire(f) for f in findings])
    parts = [sized(RESPONSE_ANSWER, answer_to_bytes(a, model_version)) for a in answers]
    return b"".join([*parts, out.SerializeToString()])


def answer_frame(correlation_id: str, answer: bytes) -> bytes:
    """A serialised StreamCasesResponse around a serialised ScoreCaseResponse."""
    head = pb.StreamCasesResponse(correlation_id=correlation_id).SerializeToString()
    return head + sized(FRAME_ANSWER, answer)


def answer_to_bytes(answer: Answer, model_version: str) -> bytes:
    """A serialised CaseAnswer.

    While a SAMU has its suggestions stopped or in the shadow no suggestion is in it.
    """
    case = answer.assessment
    out = pb.CaseAnswer(
        case_id=answer.case_id,
        mode=MODES[answer.mode],
        missing=answer.missing,
        exercise=answer.exercise,
        waiting_for_case=answer.waiting_for_case,
        revision=answer.revision,
        syndrome_group=case.syndrome_group,
    )
    if answer.human_decision is not None:
        out.human_decision.CopyFrom(_human(answer.human_decision))
    shown = answer.mode is Mode.ON
    if shown:
        out.why_not_nearest = answer.ranking.why_not_nearest
        _fill(out.severity, case, model_version)
    parts = [out.SerializeToString()]
    if shown:
        parts += [response_piece(response) for response in answer.responses]
        parts += [facility_piece(option) for option in answer.facilities]
        parts += [reason_piece(ANSWER_REASON, reason) for reason in answer.reasons]
    parts += [finding_piece(finding) for finding in answer.findings]
    return b"".join(parts)


def _fill(out: pb.Severity, case: Assessment, model_version: str) -> None:
    if case.p_icu is not None:
        out.p_icu = case.p_icu
    if case.p_admission is not None:
        out.p_admission = case.p_admission
    out.band = BANDS[case.band]
    out.model_used = case.model_used
    if case.model_used:
        out.model_version = model_version
    if case.p_icu_interval is not None:
        out.p_icu_low, out.p_icu_high = case.p_icu_interval


def finding_to_wire(finding: Finding) -> pb.Finding:
    return pb.Finding(code=finding.code, path=finding.path, remedy=finding.remedy)


def _human(decision: HumanDecision) -> pb.HumanDecision:
    return pb.HumanDecision(
        decision_type=decision.decision_type,
        resource_type=decision.resource_type,
        orientation_type=decision.orientation_type,
        finess_geo=decision.finess_geo,
        operator_role=decision.operator_role,
        decided_time=to_stamp(decision.decided) if decision.decided else None,
    )
