"""What a patient turned out to need, by the diagnosis that nobody had when the call came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.orientation.domain.facilities import Facility
from services.orientation.domain.pathways import EMERGENCY_DEPARTMENT, Need

CHILD_UNTIL = 16
CHILD = Need(("249", "088"), 15.0)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A row of the table: every ICD-10 code that begins with `prefix`. A non-clinician's draft."""

    prefix: str
    label: str
    needs: tuple[Need, ...]
    grave: bool


def truth_of(
    code: str, age_years: float | None, table: Sequence[Diagnosis]
) -> tuple[tuple[Need, ...], bool]:
    """(needs, grave) of a diagnosis; the longest prefix that fits speaks for it."""
    needs = [EMERGENCY_DEPARTMENT]
    fitting = [row for row in table if code.startswith(row.prefix)]
    row = max(fitting, key=lambda r: len(r.prefix), default=None)
    if row is not None:
        needs += row.needs
    if age_years is not None and age_years < CHILD_UNTIL:
        needs.append(CHILD)
    return tuple(needs), row is not None and row.grave


def within_reach(needs: Sequence[Need], facilities: Sequence[Facility]) -> tuple[Need, ...]:
    """The needs that one site of the region can meet together, the gravest kept first.

    What no site of the region has would count against every way of orienting alike.
    """
    kept: list[Need] = []
    able = list(facilities)
    for need in sorted(needs, key=lambda n: -n.penalty_min):
        having = [f for f in able if not f.capabilities.isdisjoint(need.codes)]
        if having:
            kept.append(need)
            able = having
    return tuple(kept)
