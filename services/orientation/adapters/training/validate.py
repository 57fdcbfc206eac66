"""Validation inside the years up to 2021: later years for intensive care, folds for the rest.

Intensive care: trained on 2015-2018; the patients of 2019-2020 are set against all visits
of 2021, who hide a few of their own kind: that lowers every model's figure alike. The
same year is given to both sides. Those years know one complaint only; what further complaints
are worth shows in the visits of 2021 that were admitted with a grave diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.orientation.adapters.training.assemble import Workshop, out_of_fold
from services.orientation.adapters.training.compiling import Mixture
from services.orientation.adapters.training.cores import ADMISSION, ICU, Cores, Recipe
from services.orientation.adapters.training.scores import auprc_at, auroc, calibration_error
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import (
    AGE,
    CALL,
    GROUP,
    SEX,
    VITALS_KIND,
    Complaints,
    Floats,
)

TRAINED_UNTIL = 2018
FOLDS = 5
FEWEST_CASES = 20  # of a subgroup: fewer say nothing
ICU_SHARE = 0.024  # of all visits in a year known whole; sets the weight in the AUPRC


@dataclass(frozen=True, slots=True)
class Validation:
    """Figures to print and to ship; the fold scores also feed the calibration."""

    figures: dict[str, float]
    subgroups: dict[str, float]
    fold_scores: Mapping[str, Floats] = field(repr=False)  # by outcome and kind, of 2021
    borrowed_scores: Mapping[str, Floats] = field(repr=False)  # what more complaints add to ICU


def split(visits: Visits) -> tuple[Visits, Visits]:
    """(2015-2020 with intensive care or not admitted, 2021 with admission)."""
    return visits.where(~np.isnan(visits.icu)), visits.where(~np.isnan(visits.admitted))


@dataclass(slots=True)
class _Found:
    """What the validation fills in, for `kind` of score after the other."""

    kind: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    subgroups: dict[str, float] = field(default_factory=dict)
    scores: dict[str, Floats] = field(default_factory=dict)
    more: dict[str, Floats] = field(default_factory=dict)


def validate(
    complaints: Complaints,
    visits: Visits,
    kinds: Sequence[str] = (CALL, VITALS_KIND),
    folds: int = FOLDS,
) -> Validation:
    """Without folds (0) only intensive care in the later years is judged: a tenth of the work."""
    icu, admission = split(visits)
    found = _Found()
    early = Workshop(complaints, icu.where(icu.year <= TRAINED_UNTIL), TRAINED_UNTIL)
    late = icu.where((icu.year > TRAINED_UNTIL) & (icu.icu == 1))
    for kind in kinds:
        found.kind = kind
        cores = early.icu_cores(kind, admission, ICU)
        alone = _later_years(early, cores, (late, admission), found)
        if not folds:
            continue
        _folds(early, cores, admission, folds, found)
        found.more[kind] = found.scores[f"icu_{kind}"] - alone
        _told(complaints, admission, found)
    return Validation(found.figures, found.subgroups, found.scores, found.more)


def _later_years(
    workshop: Workshop, cores: Cores, sides: tuple[Visits, Visits], into: _Found
) -> Floats:
    """Returns the scores of the second side."""
    kind, figures = into.kind, into.figures
    tables = workshop.icu_score(cores, Mixture(), None)
    found, others = (workshop.odds(tables, side.people) for side in sides)
    label = np.r_[np.ones(len(found)), np.zeros(len(others))]
    score = np.r_[found, others]
    figures[f"icu_{kind}_auroc"] = auroc(label, score)
    figures[f"icu_{kind}_auroc_corrected"] = without_hidden(figures[f"icu_{kind}_auroc"])
    figures[f"icu_{kind}_auprc"] = auprc_at(label, score, ICU_SHARE)
    for group, mask in _groups(workshop.complaints, *sides).items():
        _ranked(into, f"icu_{kind}_auroc_{group}", label[mask], score[mask])
    return others


def without_hidden(seen: float, share: float = ICU_SHARE) -> float:
    """The AUROC had the others held no intensive care: hiding some is linear in it."""
    return (seen - share / 2) / (1 - share)


def _folds(workshop: Workshop, cores: Cores, admission: Visits, folds: int, into: _Found) -> None:
    """Scores of every 2021 visit by parts that never saw its outcome."""
    kind, lead = into.kind, workshop.lead(cores.ridge)
    recipe = Recipe(ADMISSION.strength, ADMISSION.rounds, seeds=(1,))
    names = ("icu", "admission", "high_triage")
    for name in names:
        into.scores[f"{name}_{kind}"] = np.full(admission.count, np.nan)
    for seen, rest in out_of_fold(admission.count, folds, seed=5):
        teachers, pupils = admission.where(seen), admission.where(rest).people
        borrowed = workshop.borrowed(kind, teachers)
        graded = teachers.where(~np.isnan(teachers.high_triage))
        tables = (
            workshop.icu_score(cores, lead, borrowed),
            workshop.later(kind, teachers, teachers.admitted, lead, recipe).tables,
            workshop.later(kind, graded, graded.high_triage, lead, recipe).tables,
        )
        for name, table in zip(names, tables, strict=True):
            into.scores[f"{name}_{kind}"][rest] = workshop.odds(table, pupils)


def _told(complaints: Complaints, admission: Visits, into: _Found) -> None:
    kind, figures = into.kind, into.figures
    figures[f"grave_{kind}_auroc"] = auroc(admission.grave, into.scores[f"icu_{kind}"])
    for name, outcome in (
        ("admission", admission.admitted),
        ("high_triage", admission.high_triage),
    ):
        known = ~np.isnan(outcome)
        score, label = into.scores[f"{name}_{kind}"][known], outcome[known]
        figures[f"{name}_{kind}_auroc"] = auroc(label, score)
        figures[f"{name}_{kind}_ece"] = calibration_error(label, 1 / (1 + np.exp(-score)))
    for group, mask in _groups(complaints, admission).items():
        label, score = admission.admitted[mask], into.scores[f"admission_{kind}"][mask]
        _ranked(into, f"admission_{kind}_auroc_{group}", label, score)


def _ranked(into: _Found, name: str, label: Floats, score: Floats) -> None:
    """A group with few cases says nothing about a ranking and is left out."""
    if label.sum() >= FEWEST_CASES and len(label) - label.sum() >= FEWEST_CASES:
        into.subgroups[name] = auroc(label, score)


def _groups(complaints: Complaints, *parts: Visits) -> dict[str, np.ndarray]:
    """By age, sex, way of arrival and group of the first complaint."""
    group = np.concatenate([p.cells[GROUP] for p in parts])
    age = np.concatenate([p.cells[AGE] for p in parts])
    sex = np.concatenate([p.cells[SEX] for p in parts])
    ambulance = np.concatenate([p.ambulance for p in parts])
    return {
        "under_16": age < 16,
        "16_to_64": (age >= 16) & (age < 65),
        "65_and_over": (age >= 65) & (age < 95),
        "women": sex == 0,
        "men": sex == 1,
        "by_ambulance": ambulance == 1,
        "on_their_own": ambulance == 0,
    } | {f"complaint_{name}": group == number for number, name in enumerate(complaints.groups)}
