"""What a pathway needs of a facility: capabilities with the minutes that lacking one costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.orientation.domain.severity import Assessment, Band

CHILD_UNTIL = 16


class Need(NamedTuple):
    """Any one of `codes` will do; without one the patient loses about `penalty_min`."""

    codes: tuple[str, ...]
    penalty_min: float


@dataclass(frozen=True, slots=True)
class Pathway:
    name: str
    label: str
    needs: tuple[Need, ...]
    critical_resources: tuple[str, ...]


EMERGENCY_DEPARTMENT = Need(("157", "249"), 40.0)
RESUSCITATION = Need(("160",), 25.0)
INTENSIVE_CARE = Need(("127", "351"), 15.0)


def needs_of(
    case: Assessment, pathways: Mapping[str, Pathway]
) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    """(needs, critical resources) of a case: its pathway, its age and its gravity."""
    pathway = pathways.get(case.pathway)
    needs = list(pathway.needs) if pathway else []
    resources = list(pathway.critical_resources) if pathway else []
    named = {code for need in needs for code in need.codes}
    if case.band is Band.LIFE_THREAT:
        needs += [n for n in (RESUSCITATION, INTENSIVE_CARE) if not named & set(n.codes)]
    age = case.patient.age_years
    if age is not None and age < CHILD_UNTIL:
        needs += pathways["CHILD"].needs
        if case.band in (Band.LIFE_THREAT, Band.SEVERE):
            needs += pathways["CHILD_SEVERE"].needs
    return (EMERGENCY_DEPARTMENT, *needs), tuple(resources)
