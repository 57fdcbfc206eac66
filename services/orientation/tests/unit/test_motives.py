"""The complaint vocabulary: whole codes of three generations."""

from __future__ import annotations

import csv

from services.orientation.adapters.reference import DATA
from services.orientation.tests.situations import reference

VOCABULARY = reference().knowledge.vocabulary


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_the_same_digits_mean_a_life_in_danger_or_a_certain_death() -> None:
    danger, death = VOCABULARY.motive("M20.00"), VOCABULARY.motive("M20.00.00")
    assert danger is not None
    assert death is not None
    assert (danger.nomenclature, danger.flag) == ("CISU 1.9", "VITAL_DISTRESS")
    assert (death.nomenclature, death.pathway, death.flag) == ("CISU 2.3", "DEATH", "")


def test_a_code_is_never_matched_by_its_beginning() -> None:
    for code in ("M20", "M20.", "M03.06.00", "M03.0", "M1"):
        assert VOCABULARY.motive(code) is None
        assert VOCABULARY.problems(code, "") == ("MOTIVE_UNKNOWN",)


def test_every_code_of_the_three_lists_has_a_meaning() -> None:
    current = {row["code"] for row in rows("hub/nomenclatures/HubSante.motif.csv")}
    mapping = rows("hub/nomenclatures/CISU-mapping-1.9-2.3.csv")
    cisu = {
        row[side]
        for row in mapping
        if "healthMotive" in row["json_path"]
        for side in ("from_code", "to_code")
    }
    assert set(VOCABULARY.motives) == current | cisu


def test_an_older_code_means_what_the_official_mapping_says() -> None:
    mapping = {
        row["from_code"]: row["to_code"]
        for row in rows("hub/nomenclatures/CISU-mapping-1.9-2.3.csv")
        if "healthMotive" in row["json_path"] and row["from_version"] == "1.9"
    }
    for old, new in mapping.items():
        one, other = VOCABULARY.motives[old], VOCABULARY.motives[new]
        if one.provenance.startswith("official mapping"):
            assert (one.pathway, one.syndrome_group, one.flag) == (
                other.pathway,
                other.syndrome_group,
                other.flag,
            )


def test_no_line_claims_a_doctor_who_never_saw_it() -> None:
    assert all(motive.needs_doctor_approval for motive in VOCABULARY.motives.values())
    assert all(motive.provenance for motive in VOCABULARY.motives.values())


def test_every_meaning_names_a_known_pathway_flag_and_complaint() -> None:
    known = reference().knowledge
    flags = {rule.flag for rule in known.rules.rules}
    for motive in VOCABULARY.motives.values():
        assert motive.pathway in known.pathways
        assert motive.flag == "" or motive.flag in flags
        assert motive.complaint_code is None or motive.complaint_code in VOCABULARY.complaints
    for meaning in (*VOCABULARY.groups.values(), *VOCABULARY.codes.values()):
        assert meaning.pathway in known.pathways
        assert meaning.flag in {*flags, "", "FEVER", "CHEST_PAIN"}


def test_a_code_of_another_list_is_used_and_said() -> None:
    assert VOCABULARY.problems("M17.03.01", "Douleur thoracique - cas d'usage n°1") == (
        "MOTIVE_OTHER_NOMENCLATURE",
    )


def test_a_label_may_say_more_but_not_something_else() -> None:
    longer = "Détresse vitale; Altération de la conscience; Dont inconscient, coma"
    assert VOCABULARY.problems("M01.02", longer) == ()
    assert VOCABULARY.problems("M02.01", "Douleur thoracique") == ("MOTIVE_LABEL_DIFFERS",)


def test_a_catch_all_motive_is_said_to_say_nothing() -> None:
    assert VOCABULARY.problems("M07.00", "Non renseigné") == ("MOTIVE_SAYS_NOTHING",)
