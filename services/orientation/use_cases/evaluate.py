"""Scores visits with a trained model and, where outcomes are known, says how well it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from services.orientation.domain.accuracy import accuracy, auroc, missed_at_nurse_volume
from services.orientation.domain.features import AGE, AMBULANCE, CHRONIC, GRIDS, GROUP, SEX, Floats
from services.orientation.domain.many import People

Mask = npt.NDArray[np.bool_]
OUTCOMES = ("icu", "admission", "high_triage")
FEWEST_CASES = 5  # a subgroup with fewer cases says nothing about a ranking


def figures(
    people: People,
    outcomes: Mapping[str, Floats],
    graded: Mask,
    scores: Mapping[str, Floats],
    groups: Sequence[str],
) -> dict[str, object]:
    """Accuracy by outcome and score. Empty when no outcome is known."""
    found: dict[str, object] = {}
    for outcome in OUTCOMES:
        label = outcomes[outcome]
        known = ~np.isnan(label)
        if not known.any():
            continue
        some, truth = people.where(known), label[known]
        told: dict[str, object] = {}
        for column in _columns(outcome, some, scores):
            chance = scores[column][known]
            told[column] = {
                **accuracy(truth, chance),
                "missed_at_nurse_volume": missed_at_nurse_volume(truth, chance, graded[known]),
                "ambulance_arrivals": _among(some.cells[AMBULANCE] == 1, truth, chance),
                "subgroups": _subgroups(some, truth, chance, groups),
            }
        found[outcome] = told
    return found


def _columns(outcome: str, people: People, scores: Mapping[str, Floats]) -> list[str]:
    columns = [f"p_{outcome}_call", f"p_{outcome}_vitals"]
    told = people.cells[CHRONIC] != GRIDS[CHRONIC].unknown
    if told.any():
        more = [f"{column}_history" for column in columns]
        columns += [column for column in more if column in scores]
    return columns


def _among(mask: Mask, label: Floats, chance: Floats) -> dict[str, float | int]:
    return accuracy(label[mask], chance[mask])


def _subgroups(
    people: People, label: Floats, chance: Floats, groups: Sequence[str]
) -> dict[str, dict[str, float | int]]:
    """Groups too small to rank within are told by their counts alone."""
    age, sex = people.cells[AGE], people.cells[SEX]
    masks: dict[str, Mask] = {
        "age_under_16": age < 16,
        "age_16_to_64": (age >= 16) & (age < 65),
        "age_65_and_over": (age >= 65) & (age < GRIDS[AGE].unknown),
        "sex_women": sex == 0,
        "sex_men": sex == 1,
    }
    for number, name in enumerate(groups):
        masks[f"complaint_{name}"] = people.cells[GROUP] == number
    out = {}
    for name, mask in masks.items():
        cases = int(label[mask].sum())
        row: dict[str, float | int] = {"visits": int(mask.sum()), "cases": cases}
        if cases >= FEWEST_CASES:
            row["auroc"] = auroc(label[mask], chance[mask])
            row["rate"] = float(label[mask].mean())
            row["mean_chance"] = float(chance[mask].mean())
        out[name] = row
    return out
