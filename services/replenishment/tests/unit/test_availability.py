"""The agency's list: its traps, and what it means for an item and its plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.adapters.ansm import read_listed
from services.replenishment.domain.assemble import assemble
from services.replenishment.domain.availability import (
    Availability,
    Listed,
    SupplyStatus,
    blocked,
    of_items,
    slowed,
    worst,
)
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known
from services.replenishment.tests.situations import MONDAY, known, tablets, terms
from shared.catalogue.codes import Code, CodeSystem
from shared.errors import Malformed

DATA = Path(__file__).parents[1] / "data"
LIST, PACKS = DATA / "CIS_CIP_Dispo_Spec.txt", DATA / "CIS_CIP_bdpm.txt"
DAY = date(2026, 1, 26)
SHORT = SupplyStatus(Availability.SHORTAGE, date(2025, 11, 12), DAY)
TENSE = SupplyStatus(Availability.TENSION, None, DAY)
A, B = Code(CodeSystem.CIP13, "3400955028284"), Code(CodeSystem.CIP13, "3400955028307")


def states(listed: Listed) -> dict[str, tuple[str, date | None]]:
    return {code.value: (s.availability.value, s.since) for code, s in listed.packs}


def test_the_official_extract_is_read_with_its_traps() -> None:
    listed = read_listed(LIST, PACKS)
    assert states(listed) == {
        "3400955028284": ("SHORTAGE", date(2025, 11, 12)),  # this pack alone of its speciality
        "3400956453979": ("TENSION", date(2025, 8, 13)),
        "3400930042205": ("TENSION", date(2026, 1, 9)),  # listed twice: the newer row
        "3400930853795": ("STOPPED", date(2025, 12, 29)),
        "3400936155589": ("TENSION", date(2022, 6, 9)),  # code 4, label tension
    }
    assert (listed.rows, listed.disagreeing, listed.without_packs) == (8, 1, 0)
    assert listed.source_day == DAY


def test_without_the_packs_only_rows_that_name_theirs_are_used_and_the_rest_is_told() -> None:
    listed = read_listed(LIST)
    assert list(states(listed)) == ["3400955028284"]
    assert listed.without_packs == 4


def write(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    file = folder / "list.txt"
    file.write_bytes("\n".join(rows).encode(encoding))
    return file


def row(code: str = "1", label: str = "Rupture de stock", updated: str = "26/01/2026") -> str:
    return "\t".join(("62308535", "3400955028284", code, label, "12/11/2025", updated, "", "x"))


def test_an_old_encoding_and_a_curly_apostrophe_are_read(tmp_path: Path) -> None:
    stopped = write(tmp_path, row("3", "Arrêt de commercialisation"), encoding="cp1252")
    assert states(read_listed(stopped))["3400955028284"][0] == "STOPPED"
    curly = write(tmp_path, row("2", "Tension d\u2019approvisionnement"))
    assert read_listed(curly).disagreeing == 0


def test_a_pack_that_is_back_is_not_listed_and_of_one_day_the_worse_row_counts(
    tmp_path: Path,
) -> None:
    back = write(tmp_path, row(updated="20/01/2026"), row("4", "Remise à disposition"))
    assert states(read_listed(back)) == {}
    same_day = write(tmp_path, row("4", "Remise à disposition"), row("2", "tension"), row())
    assert states(read_listed(same_day))["3400955028284"][0] == "SHORTAGE"


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ("62308535\t\t1", "columns"),
        (row().replace("62308535", "6230853X"), "column 1"),
        (row("9"), "column 3"),
        (row(updated="2026-01-26"), "column 6"),
        (row(updated=""), "column 6"),
        (row().replace("12/11/2025", "31/02/2025"), "column 5"),
        ("", "empty"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_line(
    tmp_path: Path, spoilt: str, told: str
) -> None:
    with pytest.raises(Malformed, match="ANSM_FILE") as refused:
        read_listed(write(tmp_path, spoilt))
    assert told in refused.value.message
    assert "line 1" in refused.value.message


def test_an_item_is_short_only_when_every_pack_of_it_is() -> None:
    both = replace(tablets(), codes=(A, B))
    assert of_items([both], {A: SHORT, B: SHORT})["PARACETAMOL"] == SHORT
    assert of_items([both], {A: SHORT, B: TENSE})["PARACETAMOL"] == TENSE
    partly = of_items([both], {A: SHORT})["PARACETAMOL"]
    assert (partly.availability, partly.partly) == (Availability.TENSION, True)
    assert of_items([both, tablets("OTHER")], {}) == {}


@given(st.lists(st.sampled_from(list(Availability)), min_size=1, max_size=5))
def test_a_pack_named_several_times_has_its_worst_status(kinds: list[Availability]) -> None:
    entries = [(A, replace(SHORT, availability=kind)) for kind in kinds]
    found = worst(entries)[A].availability
    assert found is max(kinds, key=list(Availability).index)


def listed_as(status: SupplyStatus | None, *, despite: bool = False) -> Known:
    one = known()
    offer = replace(
        terms(one.item), lead_weights=(0.95, 0.0, 0.05, 0.0), supplied_in_shortage=despite
    )
    return replace(one, terms=offer, status=status)


@pytest.mark.parametrize("kind", [Availability.SHORTAGE, Availability.STOPPED])
def test_what_cannot_be_had_is_not_ordered_and_says_why(kind: Availability) -> None:
    status = replace(SHORT, availability=kind)
    found = assemble([listed_as(status)], MONDAY, 28, None, Policy())
    assert found.positions == ()
    assert [at.item.item_id for at in found.blocked] == ["PARACETAMOL"]
    (why,) = found.left_out
    assert why.reason == f"SUPPLY_{kind.value}"
    assert "since 2025-11-12" in why.message
    assert "supplied_in_shortage" in why.message


@pytest.mark.parametrize("status", [TENSE, SHORT])
def test_what_is_ordered_all_the_same_is_flagged_and_counted_with_its_longest_lead(
    status: SupplyStatus,
) -> None:
    plain = assemble([listed_as(None)], MONDAY, 28, None, Policy())
    found = assemble([listed_as(status, despite=True)], MONDAY, 28, None, Policy())
    assert plain.problem.rows.lead.tolist() == [2]
    assert found.problem.rows.lead.tolist() == [4]
    assert f"SUPPLY_{status.availability.value}" in found.positions[0].flags
    assert plain.positions[0].flags == ()


def test_an_item_that_is_not_listed_keeps_its_terms() -> None:
    offer = terms(tablets())
    assert slowed(offer, None) is offer
    assert not blocked(None, offer)
    assert not blocked(TENSE, offer)
