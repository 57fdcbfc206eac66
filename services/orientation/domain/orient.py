"""The whole answer for one case: severity, responses, facilities, reasons, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.orientation.domain.case import CaseState
from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import Shortages
from services.orientation.domain.findings import Finding, tidy
from services.orientation.domain.model import Scorer
from services.orientation.domain.modes import Mode, Modes
from services.orientation.domain.motives import Vocabulary
from services.orientation.domain.pathways import Pathway, needs_of
from services.orientation.domain.patients import Patient, patients_of
from services.orientation.domain.places import Communes, department_of
from services.orientation.domain.quality import Where, contradictions, locate
from services.orientation.domain.ranking import FacilityOption, Journey, Ranking, rank
from services.orientation.domain.response import (
    LocalHabits,
    Response,
    ResponseTable,
    respond,
)
from services.orientation.domain.severity import Assessment, Band, Reason, RedFlags, assess
from services.orientation.domain.travel import Roads

PARIS = ZoneInfo("Europe/Paris")
# HubSante.attribution of a case that belongs to a mass-casualty plan
MASS_PLANS = frozenset(("DRM.MRU.PLANBLAN", "DRM.MRU.SSE"))
LEAST_BED_WEIGHT = 0.3
GRAVE = (Band.LIFE_THREAT, Band.SEVERE)
NO_RANKING = Ranking((), "")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The tables that an answer is made with; none of them changes while the service runs."""

    vocabulary: Vocabulary = field(repr=False)
    communes: Communes = field(repr=False)
    rules: RedFlags = field(repr=False)
    pathways: Mapping[str, Pathway] = field(repr=False)
    responses: ResponseTable = field(repr=False)
    habits: LocalHabits
    version: str = ""  # of the tables together, such as "rules-0123456789ab"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known now of facilities and shortages; replaced whole when it changes."""

    directory: Directory = field(repr=False)
    shortages: Shortages = field(repr=False)
    roads: Roads | None = field(default=None, repr=False)
    modes: Modes = field(default_factory=Modes, repr=False)


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """A decision that a human took; the last one received."""

    decision_type: str
    resource_type: str = ""
    orientation_type: str = ""
    finess_geo: str = ""
    operator_role: str = ""
    decided: datetime | None = None


class Answer(NamedTuple):
    """What is said about a case. `case_id` is the caller's own; nothing else names anybody."""

    case_id: str
    assessment: Assessment
    responses: tuple[Response, ...]
    ranking: Ranking
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]
    human_decision: HumanDecision | None
    exercise: bool
    waiting_for_case: bool
    revision: int
    department: str
    late: bool = False
    mode: Mode = Mode.ON

    @property
    def facilities(self) -> tuple[FacilityOption, ...]:
        return self.ranking.options

    @property
    def band(self) -> Band:
        return self.assessment.band


class Question(NamedTuple):
    """One case to be answered, as it is known now. With `late` only the rules speak."""

    case_id: str
    state: CaseState
    exercise: bool = False
    late: bool = False


def orient(
    case_id: str,
    state: CaseState,
    knowledge: Knowledge,
    surroundings: Surroundings,
    model: Scorer | None,
    *,
    now: datetime,
    exercise: bool = False,
    late: bool = False,
) -> Answer:
    """The answer for one case."""
    question = Question(case_id, state, exercise, late)
    return orient_all([question], knowledge, surroundings, model, now=now)[0]


def orient_all(
    questions: Sequence[Question],
    knowledge: Knowledge,
    surroundings: Surroundings,
    model: Scorer | None,
    *,
    now: datetime,
) -> list[Answer]:
    """The answers, in the order of the questions, each as if it had been asked alone.

    Step by step, each for all of them: what a step needs stays at hand in the processor, and
    thirty cases cost a third less than thirty times one. The mode of its SAMU goes with an
    answer: what is not to be shown is left out by who shows it.
    """
    people = [patients_of(q.state, knowledge.vocabulary) for q in questions]
    modes = [surroundings.modes.of(q.state.text("owner")) for q in questions]
    scorers = [None if mode is Mode.OFF else model for mode in modes]
    assessed = [
        _gravest(q, patients, knowledge, scorer)
        for q, patients, scorer in zip(questions, people, scorers, strict=True)
    ]
    sights = [_sight(q.state, knowledge, now) for q in questions]
    responses = [
        _respond(q.state, case, sight, knowledge)
        for q, case, sight in zip(questions, assessed, sights, strict=True)
    ]
    local = now.astimezone(PARIS)
    rankings = [
        _rank(
            q.state,
            case,
            sight.where,
            options,
            knowledge=knowledge,
            surroundings=surroundings,
            now=now,
            local=local,
        )
        for q, case, sight, options in zip(questions, assessed, sights, responses, strict=True)
    ]
    return [
        Answer(
            q.case_id,
            case,
            options,
            ranking,
            _reasons(case, len(patients), model_missing=scorer is None, late=q.late),
            _missing(q.state, case, located=sight.where.latitude is not None),
            tidy([*q.state.findings, *sight.findings]),
            _last_decision(q.state),
            q.exercise,
            not q.state.opened,
            q.state.revision,
            sight.department,
            q.late,
            mode,
        )
        for q, patients, mode, scorer, case, sight, options, ranking in zip(
            questions, people, modes, scorers, assessed, sights, responses, rankings, strict=True
        )
    ]


def _gravest(
    question: Question, patients: Sequence[Patient], knowledge: Knowledge, model: Scorer | None
) -> Assessment:
    """The assessment of the patient who is worst off."""
    state = question.state
    priority, care_level = state.text("priority"), state.text("care_level")
    assessed = [
        assess(
            patient,
            knowledge.vocabulary,
            knowledge.rules,
            None if question.late else model,
            priority=priority,
            care_level=care_level,
        )
        for patient in patients
    ]
    return assessed[0] if len(assessed) == 1 else min(assessed, key=lambda a: a.order)


class _Sight(NamedTuple):
    """Where a case is, and what is odd about it."""

    where: Where
    department: str
    findings: list[Finding]


def _sight(state: CaseState, knowledge: Knowledge, now: datetime) -> _Sight:
    where, findings = locate(state, knowledge.communes)
    findings += contradictions(state, now)
    return _Sight(where, department_of(state.text("owner")) or where.department, findings)


def _respond(
    state: CaseState, case: Assessment, sight: _Sight, knowledge: Knowledge
) -> tuple[Response, ...]:
    return respond(
        case,
        knowledge.responses,
        knowledge.habits,
        department=sight.department,
        priority=state.text("priority"),
        care_level=state.text("care_level"),
        engaged=_engaged(state),
    )


def _rank(
    state: CaseState,
    case: Assessment,
    where: Where,
    responses: Sequence[Response],
    *,
    knowledge: Knowledge,
    surroundings: Surroundings,
    now: datetime,
    local: datetime,
) -> Ranking:
    """Facilities for a case whose place is known; `local` is `now` on the clock of the region."""
    if where.latitude is None or where.longitude is None:
        return NO_RANKING
    needs, resources = needs_of(case, knowledge.pathways)
    journey = Journey(
        where.latitude,
        where.longitude,
        _carrier(responses),
        local.hour,
        now,
        max(LEAST_BED_WEIGHT, case.p_admission or 0.0),
        case.patient.age_years,
        case.band in GRAVE,
        state.text("attribution") in MASS_PLANS,
        local,
    )
    return rank(
        journey,
        surroundings.directory,
        surroundings.shortages,
        needs,
        resources,
        roads=surroundings.roads,
    )


def _engaged(state: CaseState) -> frozenset[str]:
    """Families of the vehicles that are on this case: SMUR, SIS, TSU ..."""
    vehicles = state.scope("vehicle")
    if not vehicles:
        return NONE_ENGAGED
    found = set()
    for facts in vehicles.values():
        kind = facts["type"].value if "type" in facts else ""
        status = facts["state"].value if "state" in facts else ""
        if isinstance(kind, str) and kind and status not in GONE:
            found.add(kind.partition(".")[0])
    return frozenset(found)


NONE_ENGAGED: frozenset[str] = frozenset()
GONE = frozenset(("ANNULE", "FINPEC", "RETOUR", "RET-BASE", "REN-BASE"))
CARRIERS = {"SMUR.VLM": "SMUR.AR", "SMUR.VL": "SMUR.AR"}


def _carrier(responses: Sequence[Response]) -> str:
    """The vehicle that would carry the patient: a doctor's car cannot."""
    first = next((r.vehicle_type for r in responses if r.vehicle_type), "TSU.AMB-GV")
    return CARRIERS.get(first, first)


def _reasons(
    case: Assessment, patients: int, *, model_missing: bool, late: bool
) -> tuple[Reason, ...]:
    told = list(case.reasons)
    if late:
        told.append(Reason("RULES_ONLY_LATE", "The time was up: rules alone, no model"))
    elif model_missing:
        told.append(Reason("RULES_ONLY_NO_MODEL", "No model is loaded: rules alone"))
    elif not case.enough:
        told.append(Reason("NOT_ENOUGH_DATA", "Too little is known for a probability"))
    if patients > 1:
        told.append(Reason("GRAVEST_PATIENT", f"The gravest of {patients} patients"))
    return tuple(told)


def _missing(state: CaseState, case: Assessment, *, located: bool) -> tuple[str, ...]:
    """Inputs that would help, in the order in which a call-taker would ask."""
    patient = case.patient
    asked = {
        "motive": not patient.complaints and not state.text("motive_code"),
        "age": patient.age_years is None,
        "position": not located,
        "sex": not patient.sex,
        "vital_signs": not patient.vitals,
        "chronic_conditions": patient.chronic_conditions is None,
    }
    return tuple(name for name, needed in asked.items() if needed)


def _last_decision(state: CaseState) -> HumanDecision | None:
    facts = [
        fact
        for key, fact in state.facts.items()
        if key.startswith("decision|") and isinstance(fact.value, str)
    ]
    if not facts:
        return None
    last = max(facts, key=lambda fact: fact.order())
    kept = json.loads(str(last.value))
    return HumanDecision(
        kept["decision_type"],
        kept["resource_type"],
        kept["orientation_type"],
        kept["finess_geo"],
        kept["operator_role"],
        last.said if last.said.year > 1 else None,
    )
