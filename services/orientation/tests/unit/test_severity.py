"""Severity: rules and humans may only raise, and reasons add up."""

from __future__ import annotations

import csv
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.adapters.reference import DATA
from services.orientation.domain.features import GRIDS, PatientInputs
from services.orientation.domain.patients import Patient
from services.orientation.domain.severity import Assessment, Band, RedFlags, assess, inputs_of
from services.orientation.tests.situations import reference, shipped_model

KNOWLEDGE = reference().knowledge
RULES = KNOWLEDGE.rules.rules
FLAGS = sorted(reference().flags)
CODES = sorted(KNOWLEDGE.vocabulary.complaints)
VITALS = st.fixed_dictionaries(
    {},
    optional={
        "heart_rate_bpm": st.floats(15, 300),
        "respiratory_rate_bpm": st.floats(3, 100),
        "systolic_bp_mmhg": st.floats(30, 300),
        "spo2_percent": st.floats(40, 100),
        "temperature_c": st.floats(24, 44),
        "glasgow": st.integers(3, 15).map(float),
        "glucose_g_l": st.floats(0.05, 12),
    },
)
PATIENTS = st.builds(
    Patient,
    st.just(""),
    st.one_of(st.none(), st.floats(0, 110)),
    st.sampled_from(["", "F", "M", "O"]),
    st.lists(st.sampled_from(CODES), max_size=3).map(tuple),
    VITALS,
    st.sampled_from(["", "R1", "R2", "R3", "R4"]),
    st.frozensets(st.sampled_from(FLAGS), max_size=3),
)


def judged(patient: Patient, *, rules: bool = True, model: bool = True, **human: str) -> Assessment:
    return assess(
        patient,
        KNOWLEDGE.vocabulary,
        KNOWLEDGE.rules if rules else RedFlags.of(()),
        shipped_model() if model else None,
        **human,
    )


@given(PATIENTS)
@settings(max_examples=200, deadline=None)
def test_rules_only_ever_raise(patient: Patient) -> None:
    assert judged(patient).band <= judged(patient, rules=False).band


@given(PATIENTS)
@settings(max_examples=300, deadline=None)
def test_the_table_of_rules_fires_what_one_rule_after_the_other_does(patient: Patient) -> None:
    flags = patient.flags
    assert KNOWLEDGE.rules.fired(patient) == [r for r in RULES if r.holds(patient, flags)]


@pytest.mark.parametrize(
    "limit", sorted({(r.vital, x) for r in RULES for x in (r.below, r.from_) if x})
)
def test_a_rule_holds_from_its_limit_on_and_below_it(limit: tuple[str, float]) -> None:
    vital, value = limit
    for at in (value - 0.01, value, value + 0.01):
        patient = Patient("", 40, vitals={vital: at})
        wanted = [r for r in RULES if r.holds(patient, frozenset())]
        assert KNOWLEDGE.rules.fired(patient) == wanted


@given(PATIENTS, st.sampled_from(["P0", "P1", "P3", "NR", ""]), st.sampled_from(["R1", "R4", ""]))
@settings(max_examples=200, deadline=None)
def test_what_a_human_set_is_never_lowered(patient: Patient, priority: str, level: str) -> None:
    band = judged(patient, priority=priority, care_level=level).band
    assert band <= judged(patient).band
    if priority == "P0" or level == "R1":
        assert band is Band.LIFE_THREAT
    if priority == "P1":
        assert band <= Band.SEVERE


@given(PATIENTS)
@settings(max_examples=100, deadline=None)
def test_without_a_model_the_rules_still_answer(patient: Patient) -> None:
    alone = judged(patient, model=False)
    assert alone.p_icu is None
    assert not alone.model_used
    assert alone.rules == judged(patient).rules


@given(PATIENTS)
@settings(max_examples=200, deadline=None)
def test_reasons_add_up_to_the_score(patient: Patient) -> None:
    case = judged(patient)
    told = [reason.log_odds for reason in case.reasons if reason.log_odds is not None]
    if not case.model_used:
        assert not told
        return
    model = shipped_model()
    score = model.score(inputs_of(patient, KNOWLEDGE.vocabulary, model))
    assert math.isclose(sum(told), score.log_odds, abs_tol=1e-9)
    assert 0 < score.p_icu < 1
    assert 0 < score.p_admission < 1


@pytest.mark.parametrize(
    ("flag", "band"),
    [
        ("ARREST", Band.LIFE_THREAT),
        ("UNCONSCIOUS", Band.LIFE_THREAT),
        ("CHOKING", Band.LIFE_THREAT),
        ("HEAVY_BLEEDING", Band.LIFE_THREAT),
        ("ANAPHYLAXIS", Band.LIFE_THREAT),
        ("SEVERE_BREATHING", Band.LIFE_THREAT),
        ("STROKE_SIGNS", Band.SEVERE),
        ("IMMINENT_BIRTH", Band.SEVERE),
        ("SERIOUS", Band.MODERATE),
    ],
)
def test_a_red_flag_alone_sets_the_floor(flag: str, band: Band) -> None:
    case = judged(Patient("", flags=frozenset({flag})))
    assert case.band is band
    assert f"RULE_{flag}" in case.rules


@pytest.mark.parametrize(
    ("age", "vitals", "rule", "band"),
    [
        (0.1, {"temperature_c": 38.0}, "RULE_INFANT_FEVER_MEASURED", Band.SEVERE),
        (40, {"spo2_percent": 84.0}, "RULE_SPO2_VERY_LOW", Band.LIFE_THREAT),
        (40, {"systolic_bp_mmhg": 89.0}, "RULE_PRESSURE_LOW", Band.SEVERE),
        (40, {"glasgow": 8.0}, "RULE_COMA", Band.LIFE_THREAT),
        (5, {"respiratory_rate_bpm": 50.0}, "RULE_BREATHING_FAST_CHILD", Band.SEVERE),
        (None, {"respiratory_rate_bpm": 30.0}, "RULE_BREATHING_FAST", Band.SEVERE),
    ],
)
def test_an_alarming_vital_sign_sets_the_floor(
    age: float | None, vitals: dict[str, float], rule: str, band: Band
) -> None:
    case = judged(Patient("", age, vitals=vitals))
    assert rule in case.rules
    assert case.band is band


def test_a_fast_breath_is_no_alarm_in_an_infant() -> None:
    assert not judged(Patient("", 0.5, vitals={"respiratory_rate_bpm": 40.0})).rules


def test_a_fever_of_a_grown_up_is_no_red_flag() -> None:
    assert "RULE_INFANT_FEVER" not in judged(Patient("", 30, flags=frozenset({"FEVER"}))).rules
    assert "RULE_INFANT_FEVER" in judged(Patient("", 0.1, flags=frozenset({"FEVER"}))).rules


def test_every_rule_stands_against_a_hazard_of_the_log() -> None:
    with (DATA / "hazards.csv").open(encoding="utf-8") as handle:
        log = {row["hazard"]: row["what stands against it"] for row in csv.DictReader(handle)}
    assert {rule.hazard for rule in RULES} <= set(log)
    named = {word for text in log.values() for word in re.findall(r"RULE_\w+", text)}
    assert named <= {rule.rule for rule in RULES}
    assert len({rule.rule for rule in RULES}) == len(RULES)


def test_nothing_known_is_answered_as_too_little_and_never_as_zero() -> None:
    case = judged(Patient(""))
    assert case.band is Band.NOT_ENOUGH_DATA
    assert case.p_icu is None


def test_an_arrest_is_graver_than_a_toothache() -> None:
    arrest, tooth = (judged(Patient("", 50, "M", (code,))) for code in (58370, 15001))
    assert arrest.p_icu is not None
    assert tooth.p_icu is not None
    assert arrest.p_icu > 20 * tooth.p_icu


@given(st.sampled_from(sorted(GRIDS)), st.one_of(st.none(), st.floats(-1e6, 1e6)))
def test_one_value_and_many_fall_into_the_same_cell(name: str, value: float | None) -> None:
    grid = GRIDS[name]
    many = grid.cells(np.array([np.nan if value is None else value]))
    assert grid.cell(value) == many[0]
    assert 0 <= grid.cell(value) < grid.size


def test_a_second_graver_complaint_can_only_raise_the_score() -> None:
    model = shipped_model()
    tooth, arrest = model.complaints.cell(15001), model.complaints.cell(58370)
    alone = model.score(PatientInputs(50, "M", (tooth,)))
    both = model.score(PatientInputs(50, "M", (tooth, arrest)))
    same = model.score(PatientInputs(50, "M", (tooth, tooth)))
    assert both.p_icu > alone.p_icu
    assert same.p_icu == alone.p_icu
