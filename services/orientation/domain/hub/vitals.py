"""Vital signs as people type them: "110-120", "12/mn", "13/8", "37,5", "96 %"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.orientation.domain.findings import Finding


@dataclass(frozen=True, slots=True)
class Kind:
    """Name in a case, what is possible, what is usual (both ends included)."""

    name: str
    possible: tuple[float, float]
    usual: tuple[float, float]


HEART_RATE = Kind("heart_rate_bpm", (15, 300), (60, 100))
RESPIRATORY_RATE = Kind("respiratory_rate_bpm", (3, 100), (12, 20))
SYSTOLIC = Kind("systolic_bp_mmhg", (30, 300), (100, 140))
DIASTOLIC = Kind("diastolic_bp_mmhg", (15, 200), (60, 90))
SPO2 = Kind("spo2_percent", (40, 100), (95, 100))
TEMPERATURE = Kind("temperature_c", (24, 44), (36, 38))
GLASGOW = Kind("glasgow", (3, 15), (15, 15))
GLUCOSE = Kind("glucose_g_l", (0.05, 12), (0.7, 1.8))
KINDS = {
    "FREQUENCE_CARDIAQUE": HEART_RATE,
    "FREQUENCE_RESPIRATOIRE": RESPIRATORY_RATE,
    "PRESSION_ARTERIELLE": SYSTOLIC,
    "SATURATION_OXYGENE": SPO2,
    "TEMPERATURE": TEMPERATURE,
    "GLASGOW": GLASGOW,
    "HEMOGLOCOTEST": GLUCOSE,
}
NUMBER = r"\d{1,4}(?:[.,]\d{1,3})?"
RANGE = re.compile(rf"^\s*({NUMBER})\s*(?:-|à|a)\s*({NUMBER})\s*(.*)$")
PRESSURE = re.compile(rf"^\s*({NUMBER})\s*[/\\-]\s*({NUMBER})\s*(.*)$")
SINGLE = re.compile(rf"^\s*({NUMBER})\s*(.*)$")
GLASGOW_PARTS = re.compile(r"^\s*[EY]([1-4])\s*V([1-5])\s*M([1-6])\s*$", re.IGNORECASE)
GLASGOW_TOTAL = re.compile(r"^\s*(\d{1,2})\s*/\s*15\s*$")
MMOL_PER_G = 5.551


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def read_vital(kind: str, value: object, path: str, findings: list[Finding]) -> dict[str, float]:
    """Name → value of what the text holds; empty with a finding when it holds nothing."""
    known = KINDS.get(kind)
    if known is None:
        findings.append(Finding("VITAL_UNKNOWN", path))
        return {}
    text = str(value)
    if len(text) > 64:
        findings.append(Finding("VITAL_UNREADABLE", path))
        return {}
    if known is SYSTOLIC:
        return _pressure(text, path, findings)
    if known is GLASGOW:
        parts = GLASGOW_PARTS.match(text) or GLASGOW_TOTAL.match(text)
        if parts:
            total = sum(int(part) for part in parts.groups())
            return _kept(known, float(total), path, findings)
    number = _one(known, text, path, findings)
    if number is None:
        return {}
    return _kept(known, _unit(known, number, text, path, findings), path, findings)


def _one(kind: Kind, text: str, path: str, findings: list[Finding]) -> float | None:
    found = RANGE.match(text)
    if found:
        findings.append(Finding("VITAL_RANGE", path))
        low, high = sorted((_number(found[1]), _number(found[2])))
        number, rest = _of_range(kind, low, high), found[3]
    else:
        single = SINGLE.match(text)
        if not single:
            findings.append(Finding("VITAL_UNREADABLE", path))
            return None
        number, rest = _number(single[1]), single[2]
    if rest.strip():
        findings.append(Finding("VITAL_UNIT_IN_TEXT", path))
    return number


def _of_range(kind: Kind, low: float, high: float) -> float:
    """The end that is further outside the usual band; the middle when both are inside."""
    below, above = kind.usual[0] - low, high - kind.usual[1]
    if max(below, above) <= 0:
        return (low + high) / 2
    return low if below > above else high


def _unit(kind: Kind, number: float, text: str, path: str, findings: list[Finding]) -> float:
    converted = number
    if kind is SPO2 and 0 < number <= 1:
        converted = number * 100
    elif kind is TEMPERATURE and 85 <= number <= 112:
        converted = (number - 32) / 1.8
    elif kind is GLUCOSE and ("mmol" in text.lower() or number > 12):
        # above 12 g/L nobody lives; mmol/L and mg/dL do reach such numbers
        converted = number / MMOL_PER_G if number <= 50 else number / 100
    if converted != number:
        findings.append(Finding("VITAL_UNIT_ASSUMED", path))
    return round(converted, 3)


def _pressure(text: str, path: str, findings: list[Finding]) -> dict[str, float]:
    found = PRESSURE.match(text)
    if not found:
        number = _one(SYSTOLIC, text, path, findings)
        if number is None:
            return {}
        return _kept(SYSTOLIC, _mmhg(number, path, findings), path, findings)
    first, second = _number(found[1]), _number(found[2])
    if found[3].strip():
        findings.append(Finding("VITAL_UNIT_IN_TEXT", path))
    if first <= second:  # "110-120" is a range of systolic pressures
        findings.append(Finding("VITAL_RANGE", path))
        systolic = _of_range(SYSTOLIC, _mmhg(first, path, findings), _mmhg(second, path, findings))
        return _kept(SYSTOLIC, systolic, path, findings)
    kept = _kept(SYSTOLIC, _mmhg(first, path, findings), path, findings)
    return kept | _kept(DIASTOLIC, _mmhg(second, path, findings), path, findings)


def _mmhg(number: float, path: str, findings: list[Finding]) -> float:
    """French callers say 13/8 for 130/80: what is below 30 is in centimetres."""
    if number >= 30:
        return number
    findings.append(Finding("VITAL_UNIT_ASSUMED", path))
    return number * 10


def _kept(kind: Kind, number: float, path: str, findings: list[Finding]) -> dict[str, float]:
    if kind.possible[0] <= number <= kind.possible[1]:
        return {kind.name: number}
    findings.append(Finding("VITAL_IMPOSSIBLE", path))
    return {}


def possible(name: str, value: float) -> bool:
    """Whether a living person can have this value; names that are not known pass."""
    limits = POSSIBLE.get(name)
    return limits is None or limits[0] <= value <= limits[1]


# Of two kinds with one name the first one counts.
POSSIBLE = {kind.name: kind.possible for kind in (DIASTOLIC, *reversed(KINDS.values()))}
