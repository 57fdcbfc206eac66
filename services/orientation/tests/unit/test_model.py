"""The model on one patient and on many, with what a call gives and with what a hospital adds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.features import (
    AMBULANCE,
    CASE_VITALS,
    CHRONIC,
    COMPLAINT,
    COUNT,
    GROUP,
    VITALS,
    PatientInputs,
)
from services.orientation.domain.many import People, arrange, score_many
from services.orientation.tests.situations import shipped_model

VALUES = st.fixed_dictionaries(
    {}, optional={name: st.floats(5, 250) for name in CASE_VITALS.values()}
)
PEOPLE = st.builds(
    PatientInputs,
    st.one_of(st.none(), st.floats(0, 110)),
    st.sampled_from(["", "F", "M"]),
    st.lists(st.integers(0, shipped_model().complaints.unknown), max_size=5).map(tuple),
    VALUES,
    st.sampled_from([None, True, False]),
    st.one_of(st.none(), st.integers(0, 9)),
)


def many(people: list[PatientInputs]) -> People:
    model = shipped_model()
    unknown = model.complaints.unknown
    rows = [p.cells() for p in people]
    cells = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    told = np.array([[*p.complaints, *[unknown] * (5 - len(p.complaints))] for p in people])
    first, others = arrange(list(told.T), unknown)
    cells[COMPLAINT], cells[GROUP] = first, np.asarray(model.group_of)[first]
    cells[COUNT] = (others != unknown).sum(axis=1)
    return People(cells, others)


@given(st.lists(PEOPLE, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_one_patient_and_many_get_the_same_chances(people: list[PatientInputs]) -> None:
    scores = score_many(shipped_model(), many(people))
    for row, person in enumerate(people):
        one = shipped_model().score(person)
        assert scores["p_icu_vitals_history"][row] == pytest.approx(one.p_icu, abs=1e-9)
        assert scores["p_admission_vitals"][row] == pytest.approx(one.p_admission, abs=1e-9)


@given(PEOPLE)
@settings(max_examples=100, deadline=None)
def test_reasons_add_up_with_any_number_of_complaints(person: PatientInputs) -> None:
    score = shipped_model().score(person)
    assert score.base + sum(v for _, v in score.reasons) == pytest.approx(score.log_odds, abs=1e-9)


@given(PEOPLE)
@settings(max_examples=50, deadline=None)
def test_the_order_of_later_complaints_and_their_repeats_change_nothing(
    person: PatientInputs,
) -> None:
    first, later = person.complaints[:1], person.complaints[1:]
    turned = PatientInputs(
        person.age_years,
        person.sex,
        (*first, *reversed(later), *first),
        person.vitals,
        person.ambulance,
        person.chronic_conditions,
    )
    if first and first[0] != shipped_model().complaints.unknown:
        one, other = shipped_model().score(person), shipped_model().score(turned)
        assert one.p_icu == pytest.approx(other.p_icu, abs=1e-9)


def test_the_score_of_a_call_has_no_table_of_the_bedside_or_the_history() -> None:
    model = shipped_model()
    for outcome in (model.icu, model.admission, model.high_triage):
        tables, _ = outcome.pick("call")
        named = {t.first for t in tables.terms} | {t.second for t in tables.terms}
        assert not named & {*VITALS, AMBULANCE, CHRONIC, "pain"}


def test_what_is_known_chooses_the_tables() -> None:
    whole = dict.fromkeys(VITALS, 90.0)
    assert PatientInputs(50, "F").kind == "call"
    assert PatientInputs(50, "F", vitals={"pain": 5.0}).kind == "call"
    assert PatientInputs(50, "F", vitals={"spo2": 90.0}).kind == "partial"
    assert PatientInputs(50, "F", vitals=whole).kind == "vitals"
    assert PatientInputs(50, "F", ambulance=False).kind == "vitals"


def test_more_conditions_raise_the_chance_of_intensive_care() -> None:
    chest_pain = (shipped_model().complaints.cell(10501),)
    none, three = (
        shipped_model().score(PatientInputs(50, "F", chest_pain, chronic_conditions=n)).p_icu
        for n in (0, 3)
    )
    assert three > 1.5 * none


def test_less_oxygen_and_less_pressure_never_lower_the_score_of_their_own_table() -> None:
    for kind in ("partial", "vitals"):
        tables, _ = shipped_model().icu.pick(kind)
        alone = {t.first: np.asarray(t.entries[:-1]) for t in tables.terms if not t.second}
        assert (np.diff(alone["spo2"]) <= 1e-6).all()
        assert (np.diff(alone["systolic"][:36]) <= 1e-6).all()
        assert (np.diff(alone["heart_rate"][60:]) >= -1e-6).all()
