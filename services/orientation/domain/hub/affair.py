"""RS-EDA, RS-EDA-MAJ and RC-EDA: what they say of a case, its patients and decisions.

Names, phones and addresses are not looked at, so they cannot be kept. Free text is looked at
for red flags and dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from services.orientation.domain.case import case_field
from services.orientation.domain.hub.reading import Notebook, entries, number, part, text
from services.orientation.domain.hub.times import age_on, age_years, instant
from services.orientation.domain.places import plausible

PRIORITIES = frozenset(("P0", "P1", "P3", "NR"))
CARE_LEVELS = frozenset(("R1", "R2", "R3", "R4"))
SEXES = frozenset(("M", "F", "O"))
DEFAULT_PRIORITY = "P2"
FINESS = re.compile(r"[0-9][0-9AB][0-9]{7}")
FINESS_SOURCES = frozenset(("FINESS_GEOGRAPHIQUE", "FINESS_ADMINISTRATIF"))


def read_affair(book: Notebook, body: Mapping[str, Any]) -> None:
    """Takes down everything of one affair message."""
    creation = instant(body.get("creation"), book.at("creation"), book.findings)
    if creation is not None:
        book.note("creation", creation.isoformat())
    book.note("owner", text(body, "owner", 64))
    book.note("intervention_type", text(body, "interventionType", 16))
    _qualification(book, part(body, "qualification"))
    _location(book, part(body, "location"))
    day = creation.date() if creation else (book.said.date() if book.said.year > 1 else None)
    for index, patient in entries(body, "patient"):
        _patient(book, patient, f"patient[{index}]", day)
    _notes(book, body)
    for index, decision in entries(body, "decision"):
        _decision(book, decision, f"decision[{index}]")


def _qualification(book: Notebook, qualification: Mapping[str, Any]) -> None:
    motive = part(qualification, "healthMotive")
    _motive(book, motive, "qualification.healthMotive")
    fact = text(part(qualification, "whatsHappen"), "code", 16)
    if fact and fact not in book.lexicon.facts:
        book.find("FACT_UNKNOWN", "qualification.whatsHappen.code")
    details = part(qualification, "details")
    priority = text(details, "priority", 8)
    take_priority(book, priority, "qualification.details.priority")
    take_care_level(book, "care_level", text(details, "careLevel", 8), "qualification.details")
    book.note("status", text(details, "status", 16))
    book.note("attribution", text(details, "attribution", 32))


def _motive(book: Notebook, motive: Mapping[str, Any], path: str) -> None:
    code, label = text(motive, "code", 16), text(motive, "label", 200)
    if not code:
        return
    for problem in book.lexicon.vocabulary.problems(code, label):
        where = "label" if problem == "MOTIVE_LABEL_DIFFERS" else "code"
        book.find(problem, f"{path}.{where}")
    book.note("motive_code", code)


def take_priority(book: Notebook, priority: str, path: str) -> None:
    """P2 is the Hub's default: it is never taken down, so it can lower nothing."""
    if priority == DEFAULT_PRIORITY:
        book.find("PRIORITY_DEFAULT", path)
    elif priority in PRIORITIES:
        book.note("priority", priority)
    elif priority:
        book.find("PRIORITY_UNKNOWN", path)


def take_care_level(book: Notebook, name: str, level: str, path: str) -> None:
    if level in CARE_LEVELS:
        book.note(name, level)
    elif level:
        book.find("CARE_LEVEL_UNKNOWN", f"{path}.careLevel")


def _location(book: Notebook, location: Mapping[str, Any]) -> None:
    city = part(location, "city")
    book.note("insee_code", text(city, "inseeCode", 16))
    book.note("commune_name", text(city, "name", 80))
    coord = part(location, "geometry", "point", "coord")
    take_position(book, number(coord, "lat"), number(coord, "lon"), "location.geometry.point.coord")
    for index, place in entries(location, "externalLocationId"):
        _finess(book, place, f"location.externalLocationId[{index}]")


def take_position(
    book: Notebook, latitude: float | None, longitude: float | None, path: str
) -> None:
    if latitude is None or longitude is None:
        return
    if plausible(latitude, longitude):
        book.note("position", (latitude, longitude))
    else:
        book.find("POSITION_IMPLAUSIBLE", path)


def _finess(book: Notebook, place: Mapping[str, Any], path: str) -> str:
    """The FINESS number of a place, "" when it is named in another way."""
    value = text(place, "value", 16)
    if text(place, "source", 32) not in FINESS_SOURCES or not FINESS.fullmatch(value):
        return ""
    if value not in book.lexicon.finess:
        book.find("FINESS_UNKNOWN", f"{path}.value")
    return value


def _patient(book: Notebook, patient: Mapping[str, Any], path: str, day: date | None) -> None:
    who = text(patient, "patientId")
    detail, strict = part(patient, "detail"), part(patient, "identity", "strictFeatures")
    age = age_years(detail.get("age"), book.at(f"{path}.detail.age"), book.findings)
    book.note(case_field("patient", who, "age_years"), age)
    take_birth(book, who, strict.get("birthDate"), day, f"{path}.identity.strictFeatures")
    take_sex(book, who, text(strict, "sex", 4))
    level = text(detail, "careLevel", 8)
    take_care_level(book, case_field("patient", who, "care_level"), level, f"{path}.detail")
    if not age and not strict:
        book.note(case_field("patient", who, "named"), True)


def take_birth(book: Notebook, who: str, born: object, day: date | None, path: str) -> None:
    years = age_on(born, day, book.at(f"{path}.birthDate"), book.findings)
    book.note(case_field("patient", who, "age_from_birth"), years)


def take_sex(book: Notebook, who: str, sex: str) -> None:
    if sex in SEXES:
        book.note(case_field("patient", who, "sex"), sex)


def _notes(book: Notebook, body: Mapping[str, Any]) -> None:
    seen: dict[str, int] = {}
    for index, note in entries(body, "medicalNote"):
        _free_text(book, note.get("freetext"), f"medicalNote[{index}].freetext")
        key = text(note, "medicalNoteId")
        if key and key in seen:
            book.find("NOTE_ID_REPEATED", f"medicalNote[{index}].medicalNoteId")
        elif key:
            # the id alone, hashed by its place in time: the same note sent again is fine
            seen[key] = index
            said = instant(note.get("creation"), book.at(f"medicalNote[{index}].creation"), [])
            book.note(case_field("note", key, _stamp(said)), True, said)


def _free_text(book: Notebook, told: object, path: str) -> None:
    """Points at red flags; the text itself goes no further than this function."""
    parts = told if isinstance(told, list) else [told]
    for part_ in parts:
        if isinstance(part_, str):
            for flag in sorted(book.lexicon.phrases.flags_in(part_)):
                book.find(f"TEXT_SUGGESTS_{flag}", path)


def _stamp(said: datetime | None) -> str:
    return said.isoformat() if said else "undated"


def _decision(book: Notebook, decision: Mapping[str, Any], path: str) -> None:
    said = instant(decision.get("creation"), book.at(f"{path}.creation"), book.findings)
    kind = text(decision, "decisionType", 16)
    if not kind:
        return
    finess = ""
    for index, place in entries(part(decision, "destination"), "externalLocationId"):
        finess = _finess(book, place, f"{path}.destination.externalLocationId[{index}]") or finess
    transport = decision.get("medicalTransport")
    kept = {
        "decision_type": kind,
        "resource_type": text(decision, "resourceType", 32),
        "orientation_type": text(decision, "orientationType", 16),
        "finess_geo": finess,
        "operator_role": text(part(decision, "operator"), "role", 16),
        "patient_id": text(decision, "patientId"),
        "medical_transport": transport if isinstance(transport, bool) else None,
    }
    value = json.dumps(kept, sort_keys=True)
    book.note(case_field("decision", f"{_stamp(said)} {kept['patient_id']}", kind), value, said)
