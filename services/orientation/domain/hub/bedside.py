"""RS-BPV: the report from the bedside, the only message that carries vital signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.orientation.domain.case import case_field
from services.orientation.domain.hub.affair import take_birth, take_sex
from services.orientation.domain.hub.reading import Notebook, entries, part, text
from services.orientation.domain.hub.times import age_years, instant
from services.orientation.domain.hub.vitals import read_vital


def read_report(book: Notebook, body: Mapping[str, Any]) -> None:
    """Takes down age, sex and vital signs; names, texts and diagnoses are not looked at."""
    said = instant(body.get("creation"), book.at("creation"), book.findings)
    patient = part(body, "patient")
    who = text(patient, "patientId")
    age = age_years(patient.get("age"), book.at("patient.age"), book.findings)
    book.note(case_field("patient", who, "age_years"), age, said)
    day = said.date() if said else None
    take_birth(book, who, patient.get("birthDate"), day, "patient")
    take_sex(book, who, text(patient, "sex", 4))
    for index, sign in entries(part(body, "evaluation"), "parameter"):
        path = book.at(f"evaluation.parameter[{index}]")
        kind = text(sign, "type", 40)
        for name, value in read_vital(kind, sign.get("value"), path, book.findings).items():
            book.note(case_field("patient", who, name), value, said)
