"""The training run: validate, fit on everything, compile, calibrate, check, hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.orientation.adapters.training.compiling import compile_cores, decide, rising_curve
from services.orientation.adapters.training.cores import ADMISSION, ICU
from services.orientation.adapters.training.teach import admission_teaching, icu_teaching
from services.orientation.adapters.training.validate import Validation, split, validate
from services.orientation.adapters.training.visits import Visits, read_visits
from services.orientation.domain.features import Complaints, Floats
from services.orientation.domain.model import Outcome, SeverityModel

# Last year of the file and half of the gap to the year after the next: the share in
# intensive care kept rising, and half a step a year was the best guess on known years.
SCORED_YEAR = 2021.0


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
    gaps: list[float] = []
    say("fitting on all years up to 2021")
    adm = _admission(complaints, icu, admission, validation, gaps)
    outcome = _icu(complaints, icu, admission, validation, gaps)
    model = SeverityModel(
        "",
        complaints,
        [int(g) for g in complaints.group_of_cell()],
        outcome,
        adm,
    )
    years = (int(visits.year.min()), int(visits.year.max()))
    return Trained(model, validation, visits.count, years, max(gaps))


def _admission(
    complaints: Complaints,
    icu: Visits,
    admission: Visits,
    validation: Validation,
    gaps: list[float],
) -> Outcome:
    teaching = admission_teaching(complaints, icu, admission)
    parts = {}
    for name in ("call", "vitals"):
        cores = teaching.fit(complaints, ADMISSION, vitals=name == "vitals")
        tables = compile_cores(cores, complaints, admission.cells, SCORED_YEAR)
        gaps.append(_gap(cores.decide(admission, SCORED_YEAR), decide(tables, admission.cells)))
        folds = validation.admission_fold_scores[name]
        parts[name] = (tables, rising_curve(folds, admission.admitted))
    (call, call_curve), (vitals, vitals_curve) = parts["call"], parts["vitals"]
    return Outcome(call, vitals, call_curve, vitals_curve)


def _icu(
    complaints: Complaints,
    icu: Visits,
    admission: Visits,
    validation: Validation,
    gaps: list[float],
) -> Outcome:
    """P(ICU) = r * (1 - P(admitted)): the file knows intensive care and not admitted only."""
    teaching = icu_teaching(complaints, icu, admission)
    parts = {}
    for name in ("call", "vitals"):
        cores = teaching.fit(complaints, ICU, vitals=name == "vitals")
        tables = compile_cores(cores, complaints, icu.cells, SCORED_YEAR)
        score = decide(tables, admission.cells)
        gaps.append(_gap(cores.decide(admission, SCORED_YEAR), score))
        stays_out = 1 - 1 / (1 + np.exp(-validation.admission_fold_scores[name]))
        chance = np.exp(score) * stays_out
        level = np.exp(cores.ridge.decide(admission.cells, SCORED_YEAR)) * stays_out
        chance *= level.mean() / chance.mean()
        parts[name] = (tables, rising_curve(score, np.clip(chance, 1e-5, 0.99)))
    (call, call_curve), (vitals, vitals_curve) = parts["call"], parts["vitals"]
    return Outcome(call, vitals, call_curve, vitals_curve)


def _gap(cores: Floats, tables: Floats) -> float:
    """Visits of unknown age, sex or motive differ by design, hence the quantile."""
    return float(np.quantile(np.abs(cores - tables), 0.99))
