"""From bytes to the messages inside: an EDXL-DE envelope, or a bare root key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from services.orientation.domain.findings import Finding
from services.orientation.domain.hub.schema import Check, Violation
from services.orientation.domain.hub.times import instant
from shared.errors import Malformed, TooMuch

MOST_BYTES = 1024 * 1024
ENVELOPE = "EDXL-DE-envelope-only"
HEADER = "RC-DE"
# root key → schema of the value under it; "" where the Hub publishes none
ROOTS: dict[str, str] = {
    "createCaseHealth": "RS-EDA",
    "createCaseHealthUpdate": "RS-EDA-MAJ",
    "createCase": "RC-EDA",
    "interventionReport": "RS-BPV",
    "resourcesInfo": "RS-RI",
    "resourcesInfoCisu": "RC-RI",
    "resourcesStatus": "RS-SR",
    "resourcesEngagement": "RS-ER",
    "resourcesRequest": "RS-DR",
    "resourcesResponse": "RS-RR",
    "rpis": "RS-RPIS",
    "appointment": "RS-SAS-RDV",
    "documentLink": "RS-URL",
    "error": "RS-ERROR",
    "reference": "RC-REF",
    "geoPositionsUpdate": "GEO-POS",
    "geoResourcesRequest": "GEO-REQ",
    "geoResourcesDetails": "GEO-RES",
    "technical": "",
    "technicalNoreq": "",
}
HEADER_FIELDS = frozenset(("messageId", "sender", "sentAt", "kind", "status", "recipient"))
ENVELOPE_FIELDS = frozenset(
    [
        "distributionID",
        "senderID",
        "dateTimeSent",
        "dateTimeExpires",
        "distributionStatus",
        "distributionKind",
        "descriptor",
        "content",
    ]
)
EXERCISE = "Exercise"
NO_HEADER = "technicalNoreq"  # the Hub's own test message, the only one without
INNER = "jsonContent.embeddedJsonContent.message"
WORDS = {
    "missing": "is missing: add it",
    "unknown": "is not known to the schema: remove it",
    "type": "has the wrong JSON type",
    "value": "breaks the schema: correct it",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """One message taken out of its envelope; `path` is where its body stands."""

    root: str
    body: Mapping[str, Any] = field(repr=False)
    path: str
    sent: datetime | None
    exercise: bool
    findings: tuple[Finding, ...]


def open_payload(payload: bytes, schemas: Mapping[str, Check]) -> tuple[Opened, ...]:
    """Every message in `payload`.

    Refuses TooMuch MESSAGE_TOO_LARGE; Malformed MESSAGE_NOT_JSON, ENVELOPE_INVALID,
    MESSAGE_UNKNOWN, SCHEMA_INVALID.
    """
    tree = _parsed(payload)
    known = [key for key in tree if key in ROOTS]
    if known and not ENVELOPE_FIELDS & set(tree):
        return (_opened(tree, known, "", None, exercise=False, findings=[]),)
    if not ENVELOPE_FIELDS & set(tree):
        raise _unknown("")
    return _unwrapped(tree, schemas)


def _parsed(payload: bytes) -> dict[str, Any]:
    if len(payload) > MOST_BYTES:
        raise TooMuch(
            "MESSAGE_TOO_LARGE",
            f"The message has more than {MOST_BYTES} bytes. Leave attachments out and send "
            "one case at a time.",
            field="hub_json",
        )
    try:
        tree = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed(
            "MESSAGE_NOT_JSON",
            "The message is not JSON in UTF-8. Send the JSON of the Hub Santé as it is.",
            field="hub_json",
        ) from None  # the parser's own error holds the whole message
    if not isinstance(tree, dict):
        raise Malformed(
            "SCHEMA_INVALID",
            "The message must be a JSON object: an EDXL-DE envelope, or one root key such as "
            "createCaseHealth.",
            field="hub_json",
        )
    return tree


def _no_constant(_: str) -> NoReturn:
    raise ValueError("a number that JSON does not know")


def _unknown(path: str) -> Malformed:
    return Malformed(
        "MESSAGE_UNKNOWN",
        "No known root key was found. Send an EDXL-DE envelope, or one root key such as "
        "createCaseHealth or createCaseHealthUpdate.",
        field=path or "hub_json",
    )


def _refuse_envelope(broken: list[Violation]) -> None:
    if not broken:
        return
    # What is missing explains what is too much, so it comes first.
    broken = sorted(broken, key=lambda v: (v.kind != "missing", v.path))
    listed = "; ".join(f"{v.path} {WORDS[v.kind]}" for v in broken[:12])
    raise Malformed(
        "ENVELOPE_INVALID",
        f"The envelope breaks EDXL-DE or its RC-DE header: {listed}.",
        field=broken[0].path,
    )


def _unwrapped(tree: dict[str, Any], schemas: Mapping[str, Check]) -> tuple[Opened, ...]:
    broken: list[Violation] = []
    schemas[ENVELOPE](tree, "", broken)
    _refuse_envelope(broken)
    messages = []
    for index, entry in enumerate(tree["content"]):
        path = f"content[{index}].{INNER}"
        message = entry["jsonContent"]["embeddedJsonContent"].get("message")
        if not isinstance(message, dict):
            _refuse_envelope([Violation("missing", path)])
        if NO_HEADER not in message:
            schemas[HEADER](message, path, broken)
        messages.append((path, message))
    _refuse_envelope(broken)
    return tuple(_from_envelope(tree, message, path) for path, message in messages)


def _from_envelope(tree: dict[str, Any], message: dict[str, Any], path: str) -> Opened:
    findings: list[Finding] = []
    sent = instant(message.get("sentAt"), f"{path}.sentAt", findings)
    if sent is None:
        sent = instant(tree.get("dateTimeSent"), "dateTimeSent", findings)
    exercise = EXERCISE in (tree.get("distributionStatus"), message.get("status"))
    roots = [key for key in message if key not in HEADER_FIELDS]
    return _opened(message, roots, path, sent, exercise=exercise, findings=findings)


def _opened(
    holder: Mapping[str, Any],
    roots: list[str],
    path: str,
    sent: datetime | None,
    *,
    exercise: bool,
    findings: list[Finding],
) -> Opened:
    if len(roots) != 1 or roots[0] not in ROOTS:
        raise _unknown(path)
    root = roots[0]
    where = f"{path}.{root}" if path else root
    body = holder[root]
    if not isinstance(body, dict):
        raise Malformed(
            "SCHEMA_INVALID",
            f"{where} must be a JSON object. Send it as the schema describes it.",
            field=where,
        )
    return Opened(root, body, where, sent, exercise, tuple(findings))
