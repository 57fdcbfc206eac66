"""Validation inside the years up to 2021: later years for intensive care, folds for admission.

Intensive care: trained on 2015-2018; the patients of 2019-2020 are set against all visits
of 2021, who hide a few of their own kind: that lowers every model's figure alike. The
same year is given to both sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from services.orientation.adapters.training.cores import ADMISSION, ICU, Recipe
from services.orientation.adapters.training.scores import auprc_at, auroc, calibration_error
from services.orientation.adapters.training.teach import admission_teaching, icu_teaching
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import AGE, SEX, Complaints, Floats

TRAINED_UNTIL = 2018
FOLDS = 5
ICU_SHARE = 0.024  # of all visits in a year known whole; sets the weight in the AUPRC


@dataclass(frozen=True, slots=True)
class Validation:
    """Figures to print and to ship; `admission_fold_scores` also feed the calibration."""

    figures: dict[str, float]
    subgroups: dict[str, float]
    admission_fold_scores: dict[str, Floats] = field(repr=False)


def split(visits: Visits) -> tuple[Visits, Visits]:
    """(2015-2020 with intensive care or not admitted, 2021 with admission)."""
    return visits.where(~np.isnan(visits.icu)), visits.where(~np.isnan(visits.admitted))


def validate(complaints: Complaints, visits: Visits) -> Validation:
    icu, admission = split(visits)
    figures: dict[str, float] = {}
    subgroups: dict[str, float] = {}
    early = icu.where(icu.year <= TRAINED_UNTIL)
    late = icu.where((icu.year > TRAINED_UNTIL) & (icu.icu == 1))
    teaching = icu_teaching(complaints, early, admission)
    for name in ("call", "vitals"):
        cores = teaching.fit(complaints, ICU, vitals=name == "vitals")
        found, others = cores.decide(late, TRAINED_UNTIL), cores.decide(admission, TRAINED_UNTIL)
        label = np.r_[np.ones(len(found)), np.zeros(len(others))]
        score = np.r_[found, others]
        figures[f"icu_{name}_auroc"] = auroc(label, score)
        figures[f"icu_{name}_auroc_corrected"] = without_hidden(figures[f"icu_{name}_auroc"])
        figures[f"icu_{name}_auprc"] = auprc_at(label, score, ICU_SHARE)
        for group, mask in _groups(late, admission).items():
            subgroups[f"icu_{name}_auroc_{group}"] = auroc(label[mask], score[mask])
    folds = {}
    for name in ("call", "vitals"):
        fold_scores = _folds(complaints, icu, admission, vitals=name == "vitals")
        folds[name] = fold_scores
        chance = 1 / (1 + np.exp(-fold_scores))
        figures[f"admission_{name}_auroc"] = auroc(admission.admitted, fold_scores)
        figures[f"admission_{name}_ece"] = calibration_error(admission.admitted, chance)
        for group, mask in _groups(admission).items():
            subgroups[f"admission_{name}_auroc_{group}"] = auroc(
                admission.admitted[mask], fold_scores[mask]
            )
    return Validation(figures, subgroups, folds)


def without_hidden(seen: float, share: float = ICU_SHARE) -> float:
    """The AUROC had the others held no intensive care: hiding some is linear in it."""
    return (seen - share / 2) / (1 - share)


def _folds(complaints: Complaints, icu: Visits, admission: Visits, *, vitals: bool) -> Floats:
    """Scores of every 2021 visit by cores that never saw it."""
    fold = np.random.default_rng(5).permutation(admission.count) % FOLDS
    scores = np.empty(admission.count)
    recipe = Recipe(ADMISSION.strength, seeds=(1,))
    for k in range(FOLDS):
        seen = admission.where(fold != k)
        cores = admission_teaching(complaints, icu, seen).fit(complaints, recipe, vitals=vitals)
        scores[fold == k] = cores.decide(admission.where(fold == k), 2021.0)
    return scores


def _groups(*parts: Visits) -> dict[str, np.ndarray]:
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
    }
