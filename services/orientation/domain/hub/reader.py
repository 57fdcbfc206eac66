"""The door for messages of the Hub Santé: bytes in, case updates and findings out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.orientation.domain.case import NEVER, CaseUpdate, Dating
from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.hub.affair import read_affair
from services.orientation.domain.hub.bedside import read_report
from services.orientation.domain.hub.envelope import ROOTS, Opened, open_payload
from services.orientation.domain.hub.reading import Lexicon, Notebook, entries, number, part
from services.orientation.domain.hub.schema import Violation, quick_pattern
from services.orientation.domain.hub.times import instant
from services.orientation.domain.hub.vehicles import read_engaged, read_state
from services.orientation.domain.places import CORSICAN, plausible
from shared.errors import Malformed

CASE_ID = re.compile(quick_pattern(r"^([a-zA-Z0-9_-]+\.?){4,10}$"))
OPENING = frozenset(("createCaseHealth", "createCase"))
MOST_SCHEMA_FINDINGS = 40
READERS: dict[str, Callable[[Notebook, Mapping[str, Any]], None]] = {
    "createCaseHealth": read_affair,
    "createCaseHealthUpdate": read_affair,
    "createCase": read_affair,
    "interventionReport": read_report,
    "resourcesInfo": read_engaged,
    "resourcesInfoCisu": read_engaged,
    "resourcesEngagement": read_engaged,
    "resourcesStatus": read_state,
}
# About a case, yet nothing in them moves a score.
ABOUT_A_CASE = frozenset((*READERS, "resourcesRequest", "resourcesResponse", "documentLink"))
SCHEMA_CODES = {
    "missing": "FIELD_MISSING",
    "unknown": "FIELD_UNKNOWN",
    "type": "FIELD_INVALID",
    "value": "FIELD_INVALID",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one payload says: updates of cases, and findings that belong to no case."""

    updates: tuple[CaseUpdate, ...]
    findings: tuple[Finding, ...]


def read_payload(payload: bytes, lexicon: Lexicon) -> Reading:
    """Reads one payload whole.

    Refuses TooMuch MESSAGE_TOO_LARGE; Malformed MESSAGE_NOT_JSON, ENVELOPE_INVALID,
    MESSAGE_UNKNOWN, SCHEMA_INVALID (it cannot be told which case is meant). Anything
    less becomes a finding: an emergency call is answered, not argued with.
    """
    updates: list[CaseUpdate] = []
    findings: list[Finding] = []
    for message in open_payload(payload, lexicon.schemas):
        if message.root in ABOUT_A_CASE:
            updates.append(_update(message, lexicon))
        else:
            findings += _aside(message, lexicon)
    return Reading(tuple(updates), tidy(findings))


def _update(message: Opened, lexicon: Lexicon) -> CaseUpdate:
    case_id = _case_id(message)
    said, dating = _dating(message)
    book = Notebook(lexicon, message.path, said, dating)
    book.findings += [*message.findings, *schema_findings(message, lexicon)]
    reader = READERS.get(message.root)
    if reader is None:
        book.find("MESSAGE_NOT_SCORED", "")
    else:
        reader(book, message.body)
    if any(fact.dating is Dating.UNDATED for fact in book.facts):
        book.find("UPDATE_TIME_UNKNOWN", "")
    return CaseUpdate(
        case_id,
        _update_id(message),
        tuple(book.facts),
        tidy(book.findings),
        opens=message.root in OPENING,
        exercise=message.exercise,
    )


def _case_id(message: Opened) -> str:
    value = message.body.get("caseId")
    path = f"{message.path}.caseId"
    if value is None:
        raise Malformed(
            "SCHEMA_INVALID",
            f"{path} is missing, so the case is not known. Add the shared id of the case.",
            field=path,
        )
    if not isinstance(value, str) or len(value) > 128 or not CASE_ID.fullmatch(value):
        raise Malformed(
            "SCHEMA_INVALID",
            f"{path} must be a text of up to 10 words joined by dots, such as "
            "fr.health.samu440.ABC123. Correct it.",
            field=path,
        )
    return value


def _dating(message: Opened) -> tuple[datetime, Dating]:
    """When the message was said: its envelope, else the newest instant it carries."""
    if message.sent is not None:
        return message.sent, Dating.DATED
    body = message.body
    aside: list[Finding] = []
    times = [instant(body.get("creation"), "", aside)]
    if message.root not in OPENING:
        for name in ("medicalNote", "decision"):
            times += [instant(entry.get("creation"), "", aside) for _, entry in entries(body, name)]
        for _, resource in entries(body, "resource"):
            times.append(instant(resource.get("datetime"), "", aside))
        times.append(instant(part(body, "state").get("datetime"), "", aside))
        for name in ("request", "response"):
            times.append(instant(part(body, name).get("datetime"), "", aside))
    known = [time for time in times if time is not None]
    if message.root in OPENING:
        return (max(known, default=NEVER), Dating.OPENING)
    return (max(known), Dating.DATED) if known else (NEVER, Dating.UNDATED)


def _update_id(message: Opened) -> str:
    """The same message again has the same id, whatever its blanks."""
    plain = json.dumps([message.root, message.body, str(message.sent)], sort_keys=True)
    return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


def schema_findings(message: Opened, lexicon: Lexicon) -> list[Finding]:
    schema = ROOTS[message.root]
    if not schema:
        return []
    broken: list[Violation] = []
    lexicon.schemas[schema](message.body, message.path, broken)
    found = [
        Finding(SCHEMA_CODES[v.kind], v.path) for v in broken if not _corsican(message.body, v.path)
    ]
    if len(found) > MOST_SCHEMA_FINDINGS:
        found = [*found[:MOST_SCHEMA_FINDINGS], Finding("MORE_FINDINGS", message.path)]
    return found


def _corsican(body: Mapping[str, Any], path: str) -> bool:
    """The schema's pattern refuses real Corsican codes: that is the schema's fault."""
    if not path.endswith("location.city.inseeCode"):
        return False
    code = part(body, "location", "city").get("inseeCode")
    return isinstance(code, str) and CORSICAN.fullmatch(code) is not None


def _aside(message: Opened, lexicon: Lexicon) -> list[Finding]:
    """A message that is about no case: checked, answered with findings, set aside."""
    findings = [*message.findings, *schema_findings(message, lexicon)]
    findings.append(Finding("MESSAGE_NOT_SCORED", message.path))
    for index, position in entries(message.body, "position"):
        coord = part(position, "coord")
        latitude, longitude = number(coord, "lat"), number(coord, "lon")
        if latitude is not None and longitude is not None and not plausible(latitude, longitude):
            path = f"{message.path}.position[{index}].coord"
            findings.append(Finding("POSITION_IMPLAUSIBLE", path))
    return findings
