"""What operations staff count of an answer: fixed words and figures, nothing of the case."""

from __future__ import annotations

from typing import NamedTuple

from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Answer
from services.orientation.domain.severity import Band


class Measured(NamedTuple):
    """`beds_age_min` is the age of the count of the first facility shown, in minutes.

    `rules_only` says why rules answered alone; empty where the model spoke or may be silent.
    """

    band: Band
    exercise: bool
    findings: tuple[str, ...]
    beds_age_min: float | None
    p_icu: float | None
    rules_only: str


def measured(answer: Answer, *, model_missing: bool) -> Measured:
    """What is counted of an answer; the first cause why rules spoke alone."""
    why = ""
    if answer.late:
        why = "late"
    elif answer.mode is not Mode.ON:
        why = f"mode_{answer.mode.value.lower()}"
    elif model_missing:
        why = "no_model"
    facilities = answer.facilities
    return Measured(
        answer.band,
        answer.exercise,
        tuple([finding.code for finding in answer.findings]),
        facilities[0].beds_age_min if facilities else None,
        answer.assessment.p_icu,
        why,
    )
