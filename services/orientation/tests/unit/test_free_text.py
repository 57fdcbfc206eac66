"""Free text may only add findings: it lowers nothing, raises nothing and is kept nowhere."""

from __future__ import annotations

import json

import pytest

from services.orientation.adapters.store.texts import state_to_text
from services.orientation.domain.case import merge_all
from services.orientation.domain.findings import REMEDIES, TEXT_FLAGS
from services.orientation.domain.hub.reader import read_payload
from services.orientation.tests.situations import reference
from services.orientation.tests.unit.test_answers import affair, answer_to, codes

PHRASES = reference().lexicon.phrases


def note(text: str) -> dict[str, object]:
    return {
        "medicalNoteId": "fr.health.samu440.medicalNote.0001",
        "operator": {"role": "ARM"},
        "creation": "2026-01-05T08:01:00+01:00",
        "freetext": text,
    }


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("La victime est INCONSCIENTE (plaie)", {"UNCONSCIOUS"}),
        ("Arrêt cardiaque, massage cardiaque en cours", {"ARREST"}),
        ("bouche déviée depuis 20 min, hémiplégie droite", {"STROKE_SIGNS"}),
        ("Pas d'hémorragie, consciente", set()),
        ("conscient, sans cyanose ni marbrures", set()),
        ("comateux", set()),
        ("", set()),
    ],
)
def test_phrases_are_found_whole_and_not_when_they_are_denied(text: str, flags: set[str]) -> None:
    assert PHRASES.flags_in(text) == flags


def test_a_note_adds_a_finding_and_moves_nothing_else() -> None:
    quiet = answer_to(affair(medicalNote=[note("douleur au genou")]))
    loud = answer_to(affair(medicalNote=[note("douleur au genou, inconscient")]))
    assert codes(loud) - codes(quiet) == {"TEXT_SUGGESTS_UNCONSCIOUS"}
    assert loud.assessment == quiet.assessment
    assert loud.responses == quiet.responses


def test_no_word_of_a_note_is_kept() -> None:
    payload = json.dumps(affair(medicalNote=[note("Morel est inconscient")])).encode()
    state = merge_all(read_payload(payload, reference().lexicon).updates)
    kept = state_to_text(state).replace("TEXT_SUGGESTS_UNCONSCIOUS", "")
    assert "Morel" not in kept
    assert "inconscient" not in kept.lower()


def test_every_phrase_points_at_a_flag_of_the_rules_that_has_a_remedy() -> None:
    pointed = {flag for _, flag in PHRASES.rows}
    assert pointed <= reference().flags
    assert pointed == set(TEXT_FLAGS)
    assert all(f"TEXT_SUGGESTS_{flag}" in REMEDIES for flag in pointed)
