"""What a human decided: compared with the suggestion, and written as an RS-EDA-MAJ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.orientation.domain.records import Suggestion
from services.orientation.domain.severity import Band

PARIS = ZoneInfo("Europe/Paris")
LIFETIME = timedelta(hours=24)  # the Hub keeps nothing longer


@dataclass(frozen=True, slots=True)
class Decision:
    """A named human's decision and what had been suggested when it was taken."""

    decision_id: str
    decided_by: str
    operator_role: str
    decision_type: str
    resource_type: str
    orientation_type: str
    finess_geo: str
    medical_transport: bool | None
    override_reason: int
    decided: datetime
    followed: bool
    suggestion: Suggestion
    patient_id: str = ""

    def content(self) -> tuple[object, ...]:
        """What makes two decisions with the same id the same decision."""
        return (
            self.decided_by,
            self.operator_role,
            self.decision_type,
            self.resource_type,
            self.orientation_type,
            self.finess_geo,
            self.medical_transport,
            self.override_reason,
            self.decided,
        )


def follows(
    suggestion: Suggestion, *, decision_type: str, resource_type: str, finess_geo: str
) -> bool:
    """Whether a decision is the first suggestion.

    PASPLUS adds nothing, so it contradicts nothing. ORIENT is about the destination
    alone. A resource of the same family counts: SMUR.ADULT is a SMUR.
    """
    if decision_type == "PASPLUS":
        return True
    same_place = not finess_geo or finess_geo == suggestion.finess_geo
    if decision_type == "ORIENT":
        return same_place
    if decision_type != suggestion.decision_type:
        return False
    return same_place and _same_resource(resource_type, suggestion.resource_type)


def _same_resource(one: str, other: str) -> bool:
    if not one or not other:
        return True
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def triage_proxy(band: Band, resource_type: str) -> str:
    """How a band compares with what a human sent: "under", "over" or "agrees".

    A stand-in for under- and over-triage until outcomes are known: intensive care sent to a
    case that was called at most moderate, or none to one that was called a danger to life.
    """
    intensive = resource_type.startswith("SMUR")
    if intensive and band in (Band.MODERATE, Band.MILD):
        return "under"
    return "over" if not intensive and band is Band.LIFE_THREAT else "agrees"


def hub_time(instant: datetime) -> str:
    """The Hub refuses Z and fractions of a second."""
    return instant.astimezone(PARIS).replace(microsecond=0).isoformat()


def export(
    case_id: str, decisions: Sequence[Decision], *, sender: str, recipient: str, now: datetime
) -> dict[str, Any]:
    """EDXL-DE envelope with one RS-EDA-MAJ that holds every decision of the case."""
    update = {"caseId": case_id, "decision": [_decision(d) for d in decisions]}
    text = json.dumps(update, sort_keys=True)
    unique = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    message_id = f"{sender}_{unique}"
    sent = hub_time(now)
    message = {
        "messageId": message_id,
        "sender": {"name": sender, "URI": f"hubex:{sender}"},
        "sentAt": sent,
        "kind": "Update",
        "status": "Actual",
        "recipient": [{"name": recipient, "URI": f"hubex:{recipient}"}],
        "createCaseHealthUpdate": update,
    }
    return {
        "distributionID": message_id,
        "senderID": sender,
        "dateTimeSent": sent,
        "dateTimeExpires": hub_time(now + LIFETIME),
        "distributionStatus": "Actual",
        "distributionKind": "Update",
        "descriptor": {
            "language": "fr-FR",
            "explicitAddress": {
                "explicitAddressScheme": "hubex",
                "explicitAddressValue": recipient,
            },
        },
        "content": [{"jsonContent": {"embeddedJsonContent": {"message": message}}}],
    }


def mark_exercise(envelope: dict[str, Any]) -> dict[str, Any]:
    """The same message marked as an exercise, so that no one acts on it."""
    inner = envelope["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
    inner["status"] = envelope["distributionStatus"] = "Exercise"
    return envelope


def _decision(decision: Decision) -> dict[str, Any]:
    out: dict[str, Any] = {
        "creation": hub_time(decision.decided),
        "operator": {"label": decision.decided_by, "role": decision.operator_role},
        "decisionType": decision.decision_type,
    }
    if decision.patient_id:
        out["patientId"] = decision.patient_id
    if decision.resource_type:
        out["resourceType"] = decision.resource_type
    if decision.medical_transport is not None:
        out["medicalTransport"] = decision.medical_transport
    if decision.orientation_type:
        out["orientationType"] = decision.orientation_type
    if decision.finess_geo:
        place = {"source": "FINESS_GEOGRAPHIQUE", "value": decision.finess_geo}
        out["destination"] = {"externalLocationId": [place]}
    return out
