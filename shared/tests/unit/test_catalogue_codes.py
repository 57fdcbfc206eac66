"""Codes and FINESS numbers: every single typing error is caught, every spelling is one pack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue.codes import Code, CodeSystem, check_finess, ean_key, parse_code
from shared.errors import Malformed

DIGITS7 = st.text("0123456789", min_size=7, max_size=7)
DOLIPRANE = "3400935955838"  # a public CIP13 of the BDPM


def cip13(cip7: str) -> str:
    return "34009" + cip7 + ean_key("34009" + cip7)


def test_a_published_pack_code_is_accepted() -> None:
    assert parse_code(CodeSystem.CIP13, DOLIPRANE).value == DOLIPRANE


@given(DIGITS7)
def test_cip7_cip13_and_gtin14_of_one_pack_are_one_code(cip7: str) -> None:
    full = cip13(cip7)
    names = {
        parse_code(CodeSystem.CIP7, cip7),
        parse_code(CodeSystem.CIP13, full),
        parse_code(CodeSystem.GTIN14, "0" + full),
    }
    assert names == {Code(CodeSystem.CIP13, full)}


@given(DIGITS7, st.integers(5, 12), st.integers(1, 9))
def test_one_mistyped_digit_is_always_refused(cip7: str, place: int, shift: int) -> None:
    right = cip13(cip7)
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    with pytest.raises(Malformed) as refusal:
        parse_code(CodeSystem.CIP13, wrong, field="item.code")
    assert refusal.value.reason == "CHECK_DIGIT_WRONG"
    assert refusal.value.field == "item.code"


def test_a_dispensing_unit_is_not_taken_for_a_pack() -> None:
    ucd = "3400892611044"
    assert parse_code(CodeSystem.UCD13, ucd).system is CodeSystem.UCD13
    with pytest.raises(Malformed, match="starts with 34009"):
        parse_code(CodeSystem.CIP13, ucd)


@pytest.mark.parametrize(
    ("system", "text"),
    [
        (CodeSystem.CIP13, "340093595583"),
        (CodeSystem.CIP13, "34009359558X8"),
        (CodeSystem.CIP7, "359558"),
        (CodeSystem.GTIN14, "٠٣٤٠٠٩٣٥٩٥٥٨٣٨"),
        (CodeSystem.LOCAL, "a b/c"),
        (CodeSystem.LOCAL, ""),
    ],
)
def test_a_code_of_the_wrong_form_is_refused(system: CodeSystem, text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse_code(system, text)
    assert refusal.value.reason == "CODE_MALFORMED"


@pytest.mark.parametrize("finess", ["440000271", "2A0000022", " 68 0020096 "])
def test_real_finess_numbers_are_accepted(finess: str) -> None:
    assert check_finess(finess) == finess.replace(" ", "")


@pytest.mark.parametrize(
    ("finess", "reason"),
    [
        ("440000272", "FINESS_KEY_WRONG"),
        ("40000271", "SITE_MALFORMED"),
        ("4400OO271", "SITE_MALFORMED"),
        ("", "SITE_MALFORMED"),
    ],
)
def test_a_wrong_finess_number_is_refused(finess: str, reason: str) -> None:
    with pytest.raises(Malformed) as refusal:
        check_finess(finess)
    assert refusal.value.reason == reason
