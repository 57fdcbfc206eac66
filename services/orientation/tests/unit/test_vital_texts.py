"""Vital signs as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orientation.domain.findings import REMEDIES, Finding
from services.orientation.domain.hub.vitals import KINDS, possible, read_vital


def read(kind: str, text: object) -> tuple[dict[str, float], set[str]]:
    findings: list[Finding] = []
    return read_vital(kind, text, "path", findings), {f.code for f in findings}


@pytest.mark.parametrize(
    ("kind", "text", "value", "codes"),
    [
        ("FREQUENCE_CARDIAQUE", "88", {"heart_rate_bpm": 88.0}, set()),
        ("FREQUENCE_CARDIAQUE", "62-96", {"heart_rate_bpm": 79.0}, {"VITAL_RANGE"}),
        ("FREQUENCE_CARDIAQUE", "110-120", {"heart_rate_bpm": 120.0}, {"VITAL_RANGE"}),
        ("FREQUENCE_CARDIAQUE", "35-50", {"heart_rate_bpm": 35.0}, {"VITAL_RANGE"}),
        ("FREQUENCE_RESPIRATOIRE", "12/mn", {"respiratory_rate_bpm": 12.0}, {"VITAL_UNIT_IN_TEXT"}),
        ("PRESSION_ARTERIELLE", "118", {"systolic_bp_mmhg": 118.0}, set()),
        (
            "PRESSION_ARTERIELLE",
            "130/80",
            {"systolic_bp_mmhg": 130.0, "diastolic_bp_mmhg": 80.0},
            set(),
        ),
        (
            "PRESSION_ARTERIELLE",
            "13/8",
            {"systolic_bp_mmhg": 130.0, "diastolic_bp_mmhg": 80.0},
            {"VITAL_UNIT_ASSUMED"},
        ),
        ("PRESSION_ARTERIELLE", "110-120", {"systolic_bp_mmhg": 115.0}, {"VITAL_RANGE"}),
        ("TEMPERATURE", "37,5", {"temperature_c": 37.5}, set()),
        ("TEMPERATURE", "99.5", {"temperature_c": 37.5}, {"VITAL_UNIT_ASSUMED"}),
        ("TEMPERATURE", "375", {}, {"VITAL_IMPOSSIBLE"}),
        ("SATURATION_OXYGENE", "96 %", {"spo2_percent": 96.0}, {"VITAL_UNIT_IN_TEXT"}),
        ("SATURATION_OXYGENE", "0,91", {"spo2_percent": 91.0}, {"VITAL_UNIT_ASSUMED"}),
        ("GLASGOW", "E4V5M6", {"glasgow": 15.0}, set()),
        ("GLASGOW", "8/15", {"glasgow": 8.0}, set()),
        ("HEMOGLOCOTEST", "0,45", {"glucose_g_l": 0.45}, set()),
        ("FREQUENCE_CARDIAQUE", "filant", {}, {"VITAL_UNREADABLE"}),
        ("FREQUENCE_CARDIAQUE", "", {}, {"VITAL_UNREADABLE"}),
        ("FREQUENCE_CARDIAQUE", "0", {}, {"VITAL_IMPOSSIBLE"}),
        ("AUTRE", "12", {}, {"VITAL_UNKNOWN"}),
    ],
)
def test_a_vital_sign_is_read_as_a_nurse_would_read_it(
    kind: str, text: str, value: dict[str, float], codes: set[str]
) -> None:
    assert read(kind, text) == (value, codes)


@given(st.sampled_from(sorted(KINDS)), st.one_of(st.text(max_size=80), st.integers(), st.none()))
def test_whatever_is_typed_gives_a_possible_value_or_a_finding(kind: str, text: object) -> None:
    values, codes = read(kind, text)
    assert values or codes
    assert codes <= set(REMEDIES)
    assert all(possible(name, value) for name, value in values.items())
