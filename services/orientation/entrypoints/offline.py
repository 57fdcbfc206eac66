"""Scoring of files: no server, no store; the same rules and the same model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.orientation.domain.case import CaseUpdate, merge_all
from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.hub.reader import read_payload
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.model import Scorer
from services.orientation.domain.orient import Answer, Knowledge, Surroundings, orient
from services.orientation.domain.ranking import FacilityOption
from services.orientation.domain.severity import Reason
from shared.clock import Clock
from shared.errors import Malformed, Refusal

UNREADABLE = "FILE_UNREADABLE"


@dataclass(frozen=True, slots=True)
class Offline:
    """What is needed to answer without a service."""

    knowledge: Knowledge = field(repr=False)
    lexicon: Lexicon = field(repr=False)
    surroundings: Surroundings = field(repr=False)
    model: Scorer | None
    clock: Clock


def score_files(offline: Offline, paths: Sequence[Path]) -> dict[str, Any]:
    """One answer a case after all its messages, in the order of the case ids.

    A message that is refused is told under `refused` and stops no other. A file that cannot
    be read stops everything, and so does a call of which every message is refused.
    """
    updates: dict[tuple[bool, str], list[CaseUpdate]] = {}
    findings: list[Finding] = []
    refused: list[Refusal] = []
    for path in paths:
        try:
            reading = _read(path, offline.lexicon)
        except Refusal as refusal:
            if refusal.reason == UNREADABLE:
                raise
            refused.append(refusal)
            continue
        findings += reading.findings
        for update in reading.updates:
            updates.setdefault((update.exercise, update.case_id), []).append(update)
    if len(refused) == len(paths):
        raise refused[0]
    now = offline.clock.now()
    answers = [
        orient(
            case_id,
            merge_all(updates[exercise, case_id]),
            offline.knowledge,
            offline.surroundings,
            offline.model,
            now=now,
            exercise=exercise,
        )
        for exercise, case_id in sorted(updates)
    ]
    return {
        "answers": [as_json(answer) for answer in answers],
        "findings": [_finding(finding) for finding in tidy(findings)],
        "refused": [
            {"code": refusal.reason, "path": refusal.field, "remedy": refusal.message}
            for refusal in refused
        ],
        "model_version": offline.model.version if offline.model else "",
    }


def _read(path: Path, lexicon: Lexicon) -> Any:
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise Malformed(
            UNREADABLE,
            "The file cannot be read. Check its path and rights.",
            field=str(path),
        ) from error
    try:
        return read_payload(payload, lexicon)
    except Refusal as refusal:
        raise type(refusal)(
            refusal.reason, refusal.message, field=f"{path}: {refusal.field}"
        ) from refusal


def as_json(answer: Answer) -> dict[str, Any]:
    """The keys of the command's contract, and a few more beside them."""
    case, human = answer.assessment, answer.human_decision
    decision = None
    if human is not None:
        decision = {
            "decision_type": human.decision_type,
            "resource_type": human.resource_type,
            "orientation_type": human.orientation_type,
            "finess_geo": human.finess_geo,
            "operator_role": human.operator_role,
            "decided_time": human.decided.isoformat() if human.decided else None,
        }
    return {
        "case_id": answer.case_id,
        "severity": {
            "p_icu": case.p_icu,
            "p_admission": case.p_admission,
            "band": case.band.name,
            "model_used": case.model_used,
            "p_icu_interval": list(case.p_icu_interval) if case.p_icu_interval else None,
        },
        "responses": [
            {
                "decision_type": response.decision_type,
                "resource_type": response.resource_type,
                "vehicle_type": response.vehicle_type,
                "expected_benefit": response.expected_benefit,
                "reasons": [_reason(reason) for reason in response.reasons],
            }
            for response in answer.responses
        ],
        "facilities": [_facility(option) for option in answer.facilities],
        "reasons": [_reason(reason) for reason in answer.reasons],
        "missing": list(answer.missing),
        "findings": [_finding(finding) for finding in answer.findings],
        "human_decision": decision,
        "exercise": answer.exercise,
        "waiting_for_case": answer.waiting_for_case,
        "why_not_nearest": answer.ranking.why_not_nearest,
        "syndrome_group": case.syndrome_group,
        "pathway": case.pathway,
        "revision": answer.revision,
    }


def _reason(reason: Reason) -> dict[str, Any]:
    told: dict[str, Any] = {"code": reason.code, "text": reason.text}
    if reason.log_odds is not None:
        told["log_odds"] = reason.log_odds
    return told


def _finding(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "path": finding.path, "remedy": finding.remedy}


def _facility(option: FacilityOption) -> dict[str, Any]:
    return {
        "finess_geo": option.facility.finess_geo,
        "name": option.facility.name,
        "capabilities_met": list(option.met),
        "capabilities_missing": list(option.missing),
        "travel_min": round(option.travel_min, 2),
        "score_min": round(option.score_min, 2),
        "confidence": round(option.confidence, 3),
        "beds_free": option.beds_free,
        "beds_age_min": option.beds_age_min,
        "synthetic_capabilities": option.facility.synthetic,
        "reasons": [_reason(reason) for reason in option.reasons],
    }
