"""The written-out model against the plain one."""

from __future__ import annotations

import functools
import math

import pytest
from hypothesis import example, given, settings

from services.orientation.domain.compiled import CompiledModel, chance_of
from services.orientation.domain.features import VITALS, PatientInputs
from services.orientation.domain.model import Curve, probability
from services.orientation.tests.situations import shipped_model
from services.orientation.tests.unit.test_model import PEOPLE


@functools.cache
def compiled() -> CompiledModel:
    return CompiledModel.of(shipped_model())


@given(PEOPLE)
@example(PatientInputs(math.nan, "O", (), dict.fromkeys(VITALS, math.nan)))
@example(PatientInputs(-1.0, "F", (3,), dict.fromkeys(VITALS, -1e9)))
@example(PatientInputs(200.0, "M", (3, 4), dict.fromkeys(VITALS, 1e9), ambulance=True))
@settings(max_examples=300, deadline=None)
def test_the_compiled_model_says_what_the_plain_one_says(person: PatientInputs) -> None:
    fast, plain = compiled().score(person), shipped_model().score(person)
    assert fast.log_odds == pytest.approx(plain.log_odds, abs=2e-6)
    assert fast.p_icu == pytest.approx(plain.p_icu, abs=2e-6)
    assert fast.p_admission == pytest.approx(plain.p_admission, abs=2e-6)
    assert dict(fast.reasons) == pytest.approx(dict(plain.reasons), abs=2e-6)
    assert fast.base == plain.base
    assert fast.vitals_used == plain.vitals_used


@given(PEOPLE)
@settings(max_examples=50, deadline=None)
def test_compiled_reasons_add_up_exactly(person: PatientInputs) -> None:
    score = compiled().score(person)
    assert score.base + sum(v for _, v in score.reasons) == pytest.approx(score.log_odds, abs=2e-6)


def test_a_curve_is_the_same_below_between_on_and_above_its_knots() -> None:
    curve = Curve((-2.0, 0.0, 1.0), (-3.0, -1.0, 2.0))
    assert curve.interval(0.0) is None
    fast = chance_of(curve)
    for x in (-9.0, -2.0, -1.3, 0.0, 0.5, 1.0, 7.0):
        assert fast(x) == pytest.approx(probability(curve(x)), abs=1e-12)
