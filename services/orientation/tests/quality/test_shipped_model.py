"""How good the shipped severity model is, and that its card tells the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.orientation.adapters.bundle import CARD
from services.orientation.adapters.reference import BUNDLE, DATA, load_complaints
from services.orientation.adapters.training.scores import auroc, calibration_error
from services.orientation.adapters.training.validate import split, validate
from services.orientation.adapters.training.visits import Visits, read_visits
from services.orientation.domain.features import (
    AMBULANCE,
    CASE_VITALS,
    COMPLAINT,
    GRIDS,
    Floats,
    PatientInputs,
)
from services.orientation.domain.many import chance, log_odds
from services.orientation.domain.model import TableSet
from services.orientation.tests.situations import shipped_model

# Published references on the year kept apart: a triage nurse 0.779, NEWS2 0.647.
# `corrected` allows for patients of intensive care hidden among the others (validate.py).
FLOORS = {
    "icu_call_auroc": 0.807,
    "icu_call_auroc_corrected": 0.815,
    "icu_vitals_auroc": 0.849,
    "icu_vitals_auroc_corrected": 0.858,
    "icu_vitals_auprc": 0.15,
    "grave_call_auroc": 0.857,
    "grave_vitals_auroc": 0.886,
    "icu_call_auroc_by_ambulance": 0.72,
    "icu_vitals_auroc_by_ambulance": 0.765,
    "admission_call_auroc": 0.801,
    "admission_vitals_auroc": 0.831,
    "high_triage_call_auroc": 0.76,
    "high_triage_vitals_auroc": 0.78,
}
CEILINGS = {
    "admission_call_ece": 0.009,
    "admission_vitals_ece": 0.011,
    "high_triage_call_ece": 0.018,
    "high_triage_vitals_ece": 0.018,
}


@pytest.fixture(scope="module")
def visits() -> Visits:
    return read_visits(DATA, load_complaints())


@pytest.fixture(scope="module")
def told() -> dict[str, float]:
    card = json.loads((BUNDLE / CARD).read_text(encoding="utf-8"))
    return {**card["validation"], **card["validation_by_subgroup"]}


def test_the_model_beats_its_floors_on_years_and_folds_it_did_not_see(
    told: dict[str, float], report: Callable[[str], None]
) -> None:
    for name, value in sorted(told.items()):
        report(f"{name} {value:.4f}")
    assert not {n: told[n] for n, floor in FLOORS.items() if told[n] < floor}
    assert not {n: told[n] for n, top in CEILINGS.items() if told[n] > top}


@pytest.mark.slow
def test_the_card_tells_the_figures_that_a_new_training_on_the_early_years_finds(
    visits: Visits, told: dict[str, float]
) -> None:
    """Of intensive care in a call; `larrey orientation train` finds all of them anew."""
    found = validate(load_complaints(), visits, kinds=("call",), folds=0)
    figures = found.figures | found.subgroups
    wanted = {name for name in told if name.startswith("icu_call_")}
    assert set(figures) == wanted
    assert len(wanted) > 10
    for name, value in figures.items():
        assert told[name] == pytest.approx(value, abs=0.003), name


def test_the_year_that_is_kept_apart_was_not_read(visits: Visits) -> None:
    assert (visits.year.min(), visits.year.max()) == (2015, 2021)


def test_the_service_and_the_training_give_the_same_score(visits: Visits) -> None:
    model = shipped_model()
    some = visits.where(np.arange(0, visits.count, 997))
    by_training = log_odds(
        model.icu.vitals[0], some.people, model.group_of, model.complaints.unknown
    )
    for row in range(some.count):
        cells = {name: int(column[row]) for name, column in some.cells.items()}
        vitals = {
            name: float(GRIDS[name].centres()[cells[name]])
            for name in CASE_VITALS.values()
            if cells[name] != GRIDS[name].unknown
        }
        age = cells["age"]
        person = PatientInputs(
            None if age == GRIDS["age"].unknown else float(age),
            {0: "F", 1: "M"}.get(cells["sex"], ""),
            (cells[COMPLAINT], *(int(c) for c in some.people.others[row])),
            vitals,
            {0: False, 1: True}.get(cells[AMBULANCE]),
        )
        if person.kind != "vitals":
            continue
        assert model.score(person).log_odds == pytest.approx(by_training[row], abs=1e-6)


def test_the_shipped_tables_are_calibrated_on_the_last_year(
    visits: Visits, report: Callable[[str], None]
) -> None:
    _, last = split(visits)
    model = shipped_model()
    for name in ("call", "vitals"):
        tables, curve = model.admission.pick(name)
        chances = chance(curve, odds(tables, last))
        error = calibration_error(last.admitted, chances)
        report(f"admission {name}: calibration error on 2021 {error:.4f}")
        assert error < 0.03
        assert auroc(last.admitted, chances) > 0.79
        icu, icu_curve = model.icu.pick(name)
        mean = float(chance(icu_curve, odds(icu, last)).mean())
        report(f"intensive care {name}: mean chance on 2021 {mean:.4f}")
        assert 0.015 < mean < 0.03  # 2.5 % in 2020, 2.7 % a year later by the publisher


def odds(tables: TableSet, visits: Visits) -> Floats:
    model = shipped_model()
    return log_odds(tables, visits.people, model.group_of, model.complaints.unknown)


def test_a_bundle_is_small_enough_to_travel() -> None:
    assert sum(path.stat().st_size for path in Path(BUNDLE).iterdir()) < 5_000_000
