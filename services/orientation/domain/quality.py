"""Findings that only the whole case can show: what two messages say against each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from services.orientation.domain.case import CaseState, Fact
from services.orientation.domain.findings import Finding
from services.orientation.domain.places import FAR_KM, Communes, distance_km

CLOCK_SLACK = timedelta(minutes=5)
STATE_LATE, STATE_EARLY = timedelta(days=1), timedelta(hours=1)
AGE_SLACK_YEARS = 0.25


class Where(NamedTuple):
    """The place of a case as far as it can be believed."""

    latitude: float | None
    longitude: float | None
    department: str


def locate(state: CaseState, communes: Communes) -> tuple[Where, list[Finding]]:
    """The position said, else the middle of the commune, with what was odd about it."""
    findings: list[Finding] = []
    code = state.text("insee_code")
    commune = None
    if code:
        commune, problem = communes.find(code, state.text("commune_name"))
        if problem:
            findings.append(Finding(problem, "location.city.inseeCode"))
    department = commune.department if commune else ""
    middle = None
    if commune is not None and commune.latitude is not None and commune.longitude is not None:
        middle = (commune.latitude, commune.longitude)
    position = state.numbers("position")
    if len(position) == 2:
        if middle is not None and distance_km(*position, *middle) > FAR_KM:
            findings.append(Finding("POSITION_FAR_FROM_COMMUNE", "location.geometry.point.coord"))
        return Where(position[0], position[1], department), findings
    if middle is not None:
        findings.append(Finding("POSITION_FROM_COMMUNE", "location.geometry"))
        return Where(middle[0], middle[1], department), findings
    findings.append(Finding("POSITION_MISSING", "location"))
    return Where(None, None, department), findings


def contradictions(state: CaseState, now: datetime) -> list[Finding]:
    """Ages against birth dates, vehicle states against the case, the case against now."""
    findings: list[Finding] = []
    for facts in state.scope("patient").values():
        age, born = _number(facts, "age_years"), _number(facts, "age_from_birth")
        if age is not None and born is not None and _disagree(age, born):
            findings.append(Finding("AGE_BIRTH_DATE_DISAGREE", "patient[].detail.age"))
    if any(len(stamps) > 1 for stamps in state.scope("note").values()):
        findings.append(Finding("NOTE_ID_REPEATED", "medicalNote[].medicalNoteId"))
    created = _created(state)
    if created is not None:
        if created > now + CLOCK_SLACK:
            findings.append(Finding("CREATION_IN_FUTURE", "creation"))
        findings += _vehicle_dates(state, created)
    latest = now + CLOCK_SLACK
    if max((fact.said for fact in state.facts.values()), default=latest) > latest:
        findings.append(Finding("SAID_IN_FUTURE", "sentAt"))
    return findings


def _disagree(age: float, born: float) -> bool:
    """A whole number of years may lie up to a year below the age from the birth date."""
    rounded_down = 1.0 if age == int(age) else 0.0
    return not age - AGE_SLACK_YEARS <= born <= age + rounded_down + AGE_SLACK_YEARS


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    value = facts[name].value if name in facts else None
    return float(value) if isinstance(value, int | float) else None


def _created(state: CaseState) -> datetime | None:
    text = state.text("creation")
    return datetime.fromisoformat(text) if text else None


def _vehicle_dates(state: CaseState, created: datetime) -> list[Finding]:
    findings = []
    dates = [
        fact.said
        for kind in ("state", "vehicle")
        for facts in state.scope(kind).values()
        for fact in facts.values()
        if fact.said.year > 1
    ]
    if any(said > created + STATE_LATE for said in dates):
        findings.append(Finding("VEHICLE_STATE_LATE", "resource[].state[].datetime"))
    if any(said < created - STATE_EARLY for said in dates):
        findings.append(Finding("VEHICLE_STATE_EARLY", "resource[].state[].datetime"))
    return findings
