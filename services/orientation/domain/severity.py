"""How severe: the model's chance, the rules that may only raise, and what a human set."""

from __future__ import annotations

import functools
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from services.orientation.domain.features import CASE_VITALS, PatientInputs
from services.orientation.domain.model import ModelScore, Scorer
from services.orientation.domain.motives import Vocabulary
from services.orientation.domain.patients import Patient


class Band(IntEnum):
    """The gravest first; a smaller number is graver. Numbers equal those of the proto."""

    LIFE_THREAT = 1
    SEVERE = 2
    MODERATE = 3
    MILD = 4
    NOT_ENOUGH_DATA = 5


def graver(one: Band, other: Band) -> Band:
    return min(one, other)


# P(intensive care) from which a band starts; of all visits in the training file about
# 1 in 100 reaches the first, 1 in 10 the second, 1 in 3 the third.
LIFE_THREAT_FROM, SEVERE_FROM, MODERATE_FROM = 0.25, 0.06, 0.015
ADMISSION_MODERATE_FROM = 0.25
PRIORITY_FLOORS = {"P0": Band.LIFE_THREAT, "P1": Band.SEVERE}
CARE_FLOORS = {"R1": Band.LIFE_THREAT, "R2": Band.MODERATE}
ALWAYS_SMUR = frozenset(("P0", "R1"))


class Reason(NamedTuple):
    """`code` is a stable word; `log_odds` what the model adds to P(ICU), where it did."""

    code: str
    text: str
    log_odds: float | None = None


@dataclass(frozen=True, slots=True)
class RedFlag:
    """One row of the table of rules; every condition that is set must hold."""

    rule: str
    flag: str
    vital: str
    below: float | None
    from_: float | None
    age_from: float | None
    age_until: float | None
    floor: Band
    pathway: str
    text: str
    hazard: str

    def holds(self, patient: Patient, flags: frozenset[str]) -> bool:
        if self.flag and self.flag not in flags:
            return False
        if not self.aged(patient):
            return False
        if not self.vital:
            return bool(self.flag)
        value = patient.vitals.get(self.vital)
        if value is None:
            return False
        low = self.below is None or value < self.below
        return low and (self.from_ is None or value >= self.from_)

    def aged(self, patient: Patient) -> bool:
        if self.age_from is None and self.age_until is None:
            return True
        if patient.age_years is None:
            # Of unknown age: an adult rule holds (it may only raise), an infant's does not.
            return self.age_until is None
        above = self.age_from is None or patient.age_years >= self.age_from
        return above and (self.age_until is None or patient.age_years < self.age_until)


Placed = tuple[int, RedFlag]  # a rule and its place in the table


@dataclass(frozen=True, slots=True)
class RedFlags:
    """The table of rules, laid out so that a patient meets only those that could hold.

    Rules of a vital sign alone are kept by the stretches that their limits cut its scale
    into; the others by their flag.
    """

    rules: tuple[RedFlag, ...]
    _by_flag: Mapping[str, Sequence[Placed]] = field(repr=False)
    _by_vital: Mapping[str, tuple[list[float], list[list[Placed]]]] = field(repr=False)

    @staticmethod
    def of(rules: Sequence[RedFlag]) -> RedFlags:
        by_flag: dict[str, list[Placed]] = {}
        vital_alone: dict[str, list[Placed]] = {}
        for place, rule in enumerate(rules):
            if rule.flag:
                by_flag.setdefault(rule.flag, []).append((place, rule))
            elif rule.vital:
                vital_alone.setdefault(rule.vital, []).append((place, rule))
        by_vital = {name: _stretches(placed) for name, placed in vital_alone.items()}
        return RedFlags(tuple(rules), by_flag, by_vital)

    def fired(self, patient: Patient) -> list[RedFlag]:
        """Every rule that holds, in the order of the table."""
        flags = patient.flags
        found = []
        for flag in flags:
            found += [p for p in self._by_flag.get(flag, ()) if p[1].holds(patient, flags)]
        for name, value in patient.vitals.items():
            if name in self._by_vital:
                limits, stretches = self._by_vital[name]
                here = stretches[bisect_right(limits, value)]
                found += [placed for placed in here if placed[1].aged(patient)]
        found.sort()  # no two rules have the same place
        return [rule for _, rule in found]


def _stretches(placed: Sequence[Placed]) -> tuple[list[float], list[list[Placed]]]:
    """The limits of these rules in order, and who holds below, between and above them."""
    told = {limit for _, rule in placed for limit in (rule.below, rule.from_)}
    limits = sorted(limit for limit in told if limit is not None)
    stretches = [
        [
            (place, rule)
            for place, rule in placed
            if (rule.from_ is None or rule.from_ <= low)
            and (rule.below is None or low < rule.below)
        ]
        for low in (-math.inf, *limits)
    ]
    return limits, stretches


class Assessment(NamedTuple):
    """One patient's severity with everything that led to it."""

    patient: Patient
    band: Band
    p_icu: float | None
    p_admission: float | None
    reasons: tuple[Reason, ...]
    pathway: str
    syndrome_group: str
    rules: tuple[str, ...]
    model_used: bool
    enough: bool
    p_icu_interval: tuple[float, float] | None = None

    @property
    def order(self) -> tuple[int, float, str]:
        """The gravest patient first."""
        return (self.band, -(self.p_icu or 0.0), self.patient.patient_id)


def band_of(p_icu: float, p_admission: float) -> Band:
    if p_icu >= LIFE_THREAT_FROM:
        return Band.LIFE_THREAT
    if p_icu >= SEVERE_FROM:
        return Band.SEVERE
    if p_icu >= MODERATE_FROM or p_admission >= ADMISSION_MODERATE_FROM:
        return Band.MODERATE
    return Band.MILD


def inputs_of(patient: Patient, vocabulary: Vocabulary, model: Scorer) -> PatientInputs:
    """The patient as the model sees it."""
    cells = []
    for code in patient.complaints:
        complaint = vocabulary.complaints.get(code)
        cells.append(model.complaints.cell(code, complaint.group if complaint else ""))
    vitals = {CASE_VITALS[k]: v for k, v in patient.vitals.items() if k in CASE_VITALS}
    return PatientInputs(
        patient.age_years,
        patient.sex,
        tuple(cells),
        vitals,
        chronic_conditions=patient.chronic_conditions,
    )


def assess(
    patient: Patient,
    vocabulary: Vocabulary,
    rules: RedFlags,
    model: Scorer | None,
    *,
    priority: str = "",
    care_level: str = "",
) -> Assessment:
    """Scores one patient. Rules and humans may only raise what the model says.

    A human's P2, P3, NR, R3 or R4 lowers nothing: the machine has its own view and the
    human keeps the decision.
    """
    enough = bool(patient.complaints) or len(patient.vitals) >= 2
    score = None
    if model is not None and enough:
        score = model.score(inputs_of(patient, vocabulary, model))
    band = band_of(score.p_icu, score.p_admission) if score else Band.NOT_ENOUGH_DATA
    fired = rules.fired(patient)
    reasons = [Reason(rule.rule, rule.text) for rule in fired]
    for rule in fired:
        band = graver(band, rule.floor)
    for word, floors in (
        (priority, PRIORITY_FLOORS),
        (care_level, CARE_FLOORS),
        (patient.care_level, CARE_FLOORS),
    ):
        if word in floors:
            band = graver(band, floors[word])
            reasons.append(Reason(f"HUMAN_{word}", f"A human set {word}: never lowered"))
    told = tuple(dict.fromkeys(reasons))  # the care level may stand twice
    pathway = _pathway(patient.pathway, fired)
    return Assessment(
        patient,
        band,
        score.p_icu if score else None,
        score.p_admission if score else None,
        (*told, *_model_reasons(score)),
        pathway,
        patient.syndrome_group,
        tuple(rule.rule for rule in fired),
        score is not None,
        enough,
        score.interval if score else None,
    )


def _pathway(own: str, fired: Sequence[RedFlag]) -> str:
    """The motive's pathway; where it asks for nothing, the one of the gravest rule."""
    if own not in ("GENERAL", "ADVICE", ""):
        return own
    named = [rule for rule in fired if rule.pathway]
    return min(named, key=lambda r: r.floor).pathway if named else own or "GENERAL"


TEXTS = {
    "AGE": "Age",
    "SEX": "Sex",
    "MOTIVE": "Motive of the call",
    "MORE_COMPLAINTS": "What else is complained of",
    "GRAVEST_COMPLAINT": "The gravest of the complaints",
    "AMBULANCE": "Arrival by ambulance",
    "PAIN": "Pain",
    "CHRONIC": "Chronic conditions",
    "HEART_RATE": "Heart rate",
    "RESPIRATORY_RATE": "Respiratory rate",
    "SYSTOLIC": "Systolic blood pressure",
    "DIASTOLIC": "Diastolic blood pressure",
    "SPO2": "Oxygen saturation",
    "TEMPERATURE": "Temperature",
    "SHOCK_INDEX": "Heart rate against blood pressure",
    "PULSE_PRESSURE": "Pulse pressure",
    "BREATHING": "Breathing against saturation",
    "HEART_RATE_AND_TEMPERATURE": "Heart rate against temperature",
}
LEAST_SHOWN, ROUNDING = 0.005, 1e-9


def _model_reasons(score: ModelScore | None) -> list[Reason]:
    """The model's reasons, the weightiest first; with BASELINE they add up to its sum."""
    if score is None:
        return []
    shown = [Reason("BASELINE", "A person of 45 years of whom nothing else is known", score.base)]
    rest = 0.0
    weighed = zip(score.codes, score.added, strict=True)
    for size, code, value in sorted([(-abs(value), code, value) for code, value in weighed]):
        if size <= -LEAST_SHOWN:
            shown.append(Reason(code, _text(code, value > 0), value))
        else:
            rest += value
    if abs(rest) > ROUNDING:
        shown.append(Reason("SMALL_REASONS", "All other reasons together", rest))
    return shown


@functools.cache
def _text(code: str, raises: bool) -> str:
    name = TEXTS.get(code) or code.replace("_AND_", " with ").replace("_", " ").capitalize()
    return f"{name} {'raises' if raises else 'lowers'} the risk"
