"""The training run: validate, fit on everything, compile, calibrate, check, hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from services.orientation.adapters.training.assemble import Workshop
from services.orientation.adapters.training.compiling import Mixture, rising_curve, with_interval
from services.orientation.adapters.training.cores import ADMISSION, ICU, Cores
from services.orientation.adapters.training.history import chronic_table
from services.orientation.adapters.training.validate import Validation, split, validate
from services.orientation.adapters.training.visits import Visits, read_visits
from services.orientation.domain.features import (
    AGE,
    CALL,
    CHRONIC,
    PARTIAL,
    VITALS_KIND,
    Complaints,
    Floats,
)
from services.orientation.domain.model import Curve, Outcome, SeverityModel, TableSet, Term

# Last year with intensive care and half of the gap to two years later: the share in
# intensive care kept rising, and half a step a year was the best guess on known years.
SCORED_YEAR = 2021.0
Part = tuple[TableSet, Curve]


@dataclass(frozen=True, slots=True)
class Trained:
    model: SeverityModel
    validation: Validation
    visits: int
    years: tuple[int, int]
    worst_table_gap: float  # largest difference between the cores and their tables


def train(folder: Path, complaints: Complaints, say: Callable[[str], None]) -> Trained:
    """Same folder, same libraries: same figures and the same tables."""
    visits = read_visits(folder, complaints)
    icu, admission = split(visits)
    say(f"{visits.count} visits; validating on years and folds that the cores do not see")
    validation = validate(complaints, visits)
    say("fitting on all years up to 2021")
    workshop = Workshop(complaints, icu, SCORED_YEAR)
    parts: dict[str, Part] = {}
    gaps = []
    for kind in (CALL, PARTIAL, VITALS_KIND):
        cores = workshop.icu_cores(kind, admission, ICU)
        lead = workshop.lead(cores.ridge)
        gaps.append(_gap(workshop, cores))
        tables = workshop.icu_score(cores, lead, workshop.borrowed(kind, admission))
        # the folds of whole bedside values also calibrate the tables for a part of them
        judged = CALL if kind == CALL else VITALS_KIND
        curve = _icu_curve(workshop, cores, validation, judged, admission)
        parts[f"icu_{kind}"] = tables, curve
        parts[f"icu_history_{kind}"] = _with_history(workshop, tables), curve
        graded = admission.where(~np.isnan(admission.high_triage))
        for name, taught, label in (
            ("admission", admission, admission.admitted),
            ("high_triage", graded, graded.high_triage),
        ):
            later = workshop.later(kind, taught, label, lead, ADMISSION)
            known = ~np.isnan(getattr(admission, LABELS[name]))
            folds = validation.fold_scores[f"{name}_{judged}"][known]
            parts[f"{name}_{kind}"] = later.tables, rising_curve(folds, label)
    model = SeverityModel(
        "",
        complaints,
        [int(g) for g in complaints.group_of_cell()],
        *(_outcome(parts, name) for name in ("icu", "admission", "high_triage", "icu_history")),
    )
    years = (int(visits.year.min()), int(visits.year.max()))
    return Trained(model, validation, visits.count, years, max(gaps))


LABELS = {"admission": "admitted", "high_triage": "high_triage"}


def _outcome(parts: dict[str, Part], name: str) -> Outcome:
    return Outcome(*(parts[f"{name}_{kind}"] for kind in (CALL, PARTIAL, VITALS_KIND)))


def _icu_curve(
    workshop: Workshop, cores: Cores, validation: Validation, kind: str, admission: Visits
) -> Curve:
    """P(ICU) = r * (1 - P(admitted)): the file knows intensive care and not admitted only.

    Borrowed parts come from folds that did not see the visit, the level from the ridge core.
    """
    stays_out = 1 - 1 / (1 + np.exp(-validation.fold_scores[f"admission_{kind}"]))
    score = validation.borrowed_scores[kind] + _first(workshop, cores, admission)
    chance = np.exp(score) * stays_out
    level = np.exp(cores.ridge.decide(admission.people, SCORED_YEAR)) * stays_out
    chance *= level.mean() / chance.mean()
    chance = np.clip(chance, 1e-5, 0.99)
    return with_interval(rising_curve(score, chance), score, chance)


def _first(workshop: Workshop, cores: Cores, visits: Visits) -> Floats:
    """The score of the first complaint alone."""
    return workshop.odds(workshop.icu_score(cores, Mixture(), None), visits.people)


def _with_history(workshop: Workshop, tables: TableSet) -> TableSet:
    """The same tables and one more, for a known number of chronic conditions."""
    score = workshop.odds(tables, workshop.icu.people)
    added = chronic_table(dict(workshop.icu.cells), workshop.icu.icu, score)
    entries = np.asarray(added, dtype=np.float32).ravel().astype(float).tolist()
    term = Term("CHRONIC", CHRONIC, AGE, added.shape[1], entries)
    return replace(tables, terms=(*tables.terms, term))


def _gap(workshop: Workshop, cores: Cores) -> float:
    """Visits of unknown age, sex or motive differ by design, hence the quantile."""
    tables = workshop.odds(workshop.icu_score(cores, Mixture(), None), workshop.icu.people)
    straight = cores.decide_first(workshop.icu.people, SCORED_YEAR, 0.0)
    return float(np.quantile(np.abs(straight - tables), 0.99))
