"""Instants and ages as the Hub writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from services.orientation.domain.findings import Finding

AGE = re.compile(r"P(\d{1,3})([YMWD])")
DAYS = {"Y": 365.25, "M": 30.44, "W": 7.0, "D": 1.0}


def instant(value: object, path: str, findings: list[Finding]) -> datetime | None:
    """The instant in UTC, or None with a finding."""
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(str(value))
    except ValueError:
        findings.append(Finding("TIME_UNREADABLE", path))
        return None
    if read.tzinfo is None:
        findings.append(Finding("TIME_WITHOUT_OFFSET", path))
        return None
    try:
        return read.astimezone(UTC)
    except OverflowError:
        findings.append(Finding("TIME_UNREADABLE", path))
        return None


def age_years(value: object, path: str, findings: list[Finding]) -> float | None:
    """Years of an age such as P55Y, P3M, P2D, or of a bare number of years (RS-BPV)."""
    if value is None:
        return None
    text = str(value).strip()
    found = AGE.fullmatch(text)
    if found:
        years = int(found[1]) * DAYS[found[2]] / DAYS["Y"]
        years = float(found[1]) if found[2] == "Y" else round(years, 4)
    elif re.fullmatch(r"\d{1,3}", text):
        years = float(text)
    else:
        findings.append(Finding("AGE_UNREADABLE", path))
        return None
    if years > 130:
        findings.append(Finding("AGE_IMPOSSIBLE", path))
        return None
    return years


def age_on(born: object, day: date | None, path: str, findings: list[Finding]) -> float | None:
    """Years from a birth date to `day`. The birth date itself is never kept."""
    if born is None or day is None:
        return None
    try:
        birth = date.fromisoformat(str(born))
    except ValueError:
        findings.append(Finding("BIRTH_DATE_UNREADABLE", path))
        return None
    years = (day - birth).days / 365.25
    if not 0 <= years <= 130:
        findings.append(Finding("BIRTH_DATE_UNREADABLE", path))
        return None
    return round(years, 3)
