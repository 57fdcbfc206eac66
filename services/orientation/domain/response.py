"""Which response suits: a ranked list with reasons. An intensive care team is never hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.orientation.domain.severity import ALWAYS_SMUR, Assessment, Band, Reason

CHILD_UNTIL = 16
MOST_RESPONSES = 5
SAS_LEVELS = frozenset(("R3", "R4"))  # continuity of care, advice
CARRYING = frozenset(("TSU", "SIS"))
CHILD = Reason("CHILD", "A child: the paediatric team where there is one")
ALREADY_ENGAGED = Reason("ALREADY_ENGAGED", "A vehicle of this kind is already engaged")


class Response(NamedTuple):
    """`expected_benefit`: the chance that the patient needs what this brings, if known."""

    decision_type: str
    resource_type: str
    vehicle_type: str
    reasons: tuple[Reason, ...]
    expected_benefit: float | None = None


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """A row of the table; `pathway` and `band` may be "*"."""

    pathway: str
    band: str
    rank: int
    decision_type: str
    resource_type: str
    vehicle_type: str
    text: str


@dataclass(frozen=True, slots=True)
class ResponseTable:
    """The table of responses; the rows that a case gets are chosen once for each kind of case."""

    rules: tuple[ResponseRule, ...]
    _known: dict[tuple[str, Band], tuple[tuple[ResponseRule, Reason], ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def chosen(self, pathway: str, band: Band) -> tuple[tuple[ResponseRule, Reason], ...]:
        """Rows for a pathway, the best first, with what is said of them."""
        known = self._known.get((pathway, band))
        if known is None:
            code = f"BAND_{band.name}"
            rows = _chosen(self.rules, pathway, band)
            known = tuple((rule, Reason(code, rule.text)) for rule in rows)
            self._known[pathway, band] = known
        return known


def _chosen(rules: Sequence[ResponseRule], pathway: str, band: Band) -> list[ResponseRule]:
    """Rows of the pathway, else the general ones; a severe case adds the general ones."""
    own = [r for r in rules if r.pathway == pathway and r.band in (band.name, "*")]
    general = [r for r in rules if r.pathway == "*" and r.band == band.name]
    if pathway == "DEATH" and band >= Band.MODERATE:
        general = []
    if pathway == "ADVICE" and band < Band.MODERATE:
        own = []
    ranked = sorted(own, key=lambda r: r.rank) + sorted(general, key=lambda r: r.rank)
    seen: set[tuple[str, str]] = set()
    kept = []
    for rule in ranked:
        key = (rule.decision_type, rule.resource_type)
        if key not in seen:
            seen.add(key)
            kept.append(rule)
    if band is Band.LIFE_THREAT:  # nothing milder stands before the intensive care team
        kept.sort(key=lambda r: not r.resource_type.startswith("SMUR"))
    return kept


@dataclass(frozen=True, slots=True)
class LocalHabits:
    """What differs between two neighbouring SAMUs: department → who is sent first, by word.

    "TSU" sends private ambulances before fire ambulances for what is not severe, "SIS"
    the other way round.
    """

    first_carrier: Mapping[str, str]

    def carrier(self, department: str) -> str:
        return self.first_carrier.get(department, "TSU")


def respond(
    case: Assessment,
    rules: ResponseTable,
    habits: LocalHabits,
    *,
    department: str = "",
    priority: str = "",
    care_level: str = "",
    engaged: frozenset[str] = frozenset(),
) -> tuple[Response, ...]:
    """The best first. P0 or R1 always has SMUR among the options, R3 or R4 a doctor's slot."""
    found = [
        _response(case, rule, why, engaged) for rule, why in rules.chosen(case.pathway, case.band)
    ]
    _put_carrier_first(found, habits.carrier(department), case.band)
    human = {priority, care_level, case.patient.care_level} & ALWAYS_SMUR
    needs_smur = bool(human) or case.band is Band.LIFE_THREAT
    if needs_smur and not any(r.resource_type.startswith("SMUR") for r in found):
        why = f"A human set {min(human)}" if human else "Life in danger"
        found.insert(0, _smur(case, why))
    found = found[:MOST_RESPONSES]
    deferrable = {care_level, case.patient.care_level} & SAS_LEVELS
    if deferrable and case.band > Band.SEVERE and not any(map(_at_a_doctor, found)):
        found = [*found[: MOST_RESPONSES - 1], _appointment(case, min(deferrable))]
    return tuple(found)


def benefit(case: Assessment, decision_type: str, resource_type: str) -> float | None:
    """Chance that what a response brings is needed: of intensive care for SMUR, of a hospital
    for what carries there, of neither for advice at home. None when the model did not answer.
    """
    if case.p_icu is None or case.p_admission is None:
        return None
    if resource_type.startswith("SMUR"):
        return case.p_icu
    if decision_type in ("CONSEIL", "PMT"):
        return 1.0 - max(case.p_icu, case.p_admission)
    if resource_type.partition(".")[0] in CARRYING:
        return case.p_admission
    return None


def _child(case: Assessment) -> bool:
    return case.patient.age_years is not None and case.patient.age_years < CHILD_UNTIL


def _response(
    case: Assessment, rule: ResponseRule, why: Reason, engaged: frozenset[str]
) -> Response:
    resource, vehicle = rule.resource_type, rule.vehicle_type
    reasons: tuple[Reason, ...] = (why,)
    if resource == "SMUR" and _child(case):
        resource, vehicle = "SMUR.PED", "SMUR.AR-PED"
        reasons += (CHILD,)
    if engaged and (vehicle.partition(".")[0] or resource.partition(".")[0]) in engaged:
        reasons += (ALREADY_ENGAGED,)
    helps = benefit(case, rule.decision_type, resource)
    return Response(rule.decision_type, resource, vehicle, reasons, helps)


def _smur(case: Assessment, why: str) -> Response:
    child = _child(case)
    return Response(
        "INTER",
        "SMUR.PED" if child else "SMUR",
        "SMUR.AR-PED" if child else "SMUR.AR",
        (Reason("SMUR_ALWAYS_OFFERED", f"{why}: the intensive care team is always offered"),),
        case.p_icu,
    )


def _at_a_doctor(response: Response) -> bool:
    return response.resource_type == "LIBERAL.MG"


def _appointment(case: Assessment, level: str) -> Response:
    """A slot at a doctor's frees the emergency department; it never stands first by itself."""
    text = f"A human set {level}: an appointment at a doctor's (SAS) may do"
    helps = benefit(case, "CONSEIL", "LIBERAL.MG")
    return Response("CONSEIL", "LIBERAL.MG", "", (Reason("SAS_APPOINTMENT", text),), helps)


def _put_carrier_first(found: list[Response], carrier: str, band: Band) -> None:
    """Swaps fire and private ambulance where the department sends the other one first."""
    if band in (Band.LIFE_THREAT, Band.SEVERE):
        return
    places = {r.resource_type: i for i, r in enumerate(found) if r.resource_type in ("TSU", "SIS")}
    if len(places) == 2:
        first, second = sorted(places.values())
        if found[first].resource_type != carrier:
            found[first], found[second] = found[second], found[first]
