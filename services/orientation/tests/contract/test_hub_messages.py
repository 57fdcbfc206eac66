"""The official messages of the Hub: each is answered, each invalid one refused by name."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orientation.adapters.reference import DATA
from services.orientation.adapters.store.texts import state_to_text
from services.orientation.domain.case import CaseUpdate, merge_all
from services.orientation.domain.hub.envelope import MOST_BYTES, ROOTS
from services.orientation.domain.hub.reader import ABOUT_A_CASE, read_payload
from services.orientation.domain.hub.schema import quick_pattern
from services.orientation.domain.orient import orient
from services.orientation.domain.records import state_from_text
from services.orientation.tests.situations import (
    INVALID,
    NOW,
    every_example,
    example,
    reference,
    synthetic_france,
)
from shared.errors import Malformed, Refusal, TooMuch

LEXICON = reference().lexicon
SCHEMAS = DATA / "hub" / "schemas"


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", every_example(), ids=name_of)
def test_every_official_example_is_read_and_answered(path: Path) -> None:
    reading = read_payload(path.read_bytes(), LEXICON)
    assert reading.updates or reading.findings
    for update in reading.updates:
        answer = orient(
            update.case_id,
            merge_all([update]),
            reference().knowledge,
            synthetic_france(),
            None,
            now=NOW,
        )
        assert answer.responses
        assert answer.reasons
        assert "FIELD_INVALID" not in {f.code for f in answer.findings}


def test_every_root_key_of_the_hub_has_an_example_and_is_known() -> None:
    seen = set()
    for path in every_example():
        tree = json.loads(path.read_bytes())
        seen |= set(tree) & set(ROOTS)
    assert seen >= ABOUT_A_CASE
    assert {schema for schema in ROOTS.values() if schema} == {
        path.name.removesuffix(".schema.json")
        for path in SCHEMAS.glob("*.json")
        if not path.name.startswith(("EDXL", "RC-DE"))
    }


REFUSED = {
    "completely-missing-RC-DE": "message.sender",
    "error-in-envelope": "dateTimeSent",
    "invalid-header": "message.recipient",
    "missing-EDXL-required-field": "distributionID",
    "multiple-errors-in-envelope": "descriptor",
    "unknown-property-at-root": "unexpectedUnknownProperty",
}


@pytest.mark.parametrize("path", sorted(INVALID.glob("*.json")), ids=lambda p: p.stem)
def test_every_official_invalid_envelope_is_refused_with_its_field(path: Path) -> None:
    with pytest.raises(Malformed) as caught:
        read_payload(path.read_bytes(), LEXICON)
    assert caught.value.reason == "ENVELOPE_INVALID"
    assert caught.value.field
    assert REFUSED[path.stem] in caught.value.message
    official = path.with_suffix(".json.errors").read_text()
    for word in ("recipient", "explicitAddressValue", "distributionID", "dateTimeSent"):
        if f"{word}: is missing" in official:
            assert f"{word} is missing" in caught.value.message


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "MESSAGE_NOT_JSON"),
        (b"\xff\xfe", "MESSAGE_NOT_JSON"),
        (b"{'caseId': 1}", "MESSAGE_NOT_JSON"),
        (b'{"createCaseHealth": NaN}', "MESSAGE_NOT_JSON"),
        (b"[" * 100_000, "MESSAGE_NOT_JSON"),
        (b"[]", "SCHEMA_INVALID"),
        (b'"text"', "SCHEMA_INVALID"),
        (b"{}", "MESSAGE_UNKNOWN"),
        (b'{"hello": {}}', "MESSAGE_UNKNOWN"),
        (b'{"createCaseHealth": {}, "rpis": {}}', "MESSAGE_UNKNOWN"),
        (b'{"createCaseHealth": []}', "SCHEMA_INVALID"),
        (b'{"createCaseHealth": {}}', "SCHEMA_INVALID"),
        (b'{"createCaseHealthUpdate": {"caseId": "one"}}', "SCHEMA_INVALID"),
        (b'{"createCaseHealthUpdate": {"caseId": 7}}', "SCHEMA_INVALID"),
    ],
)
def test_what_can_never_be_read_is_refused_with_a_remedy(payload: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_payload(payload, LEXICON)
    assert caught.value.reason == reason
    assert caught.value.field
    assert len(caught.value.message) > 20


def test_ten_megabytes_are_too_much() -> None:
    with pytest.raises(TooMuch, match="MESSAGE_TOO_LARGE"):
        read_payload(b" " * (10 * 1024 * 1024), LEXICON)
    assert MOST_BYTES == 1024 * 1024


def test_a_refusal_never_repeats_what_was_sent() -> None:
    secret = "Jean Secret"
    for payload in (
        secret.encode(),
        json.dumps({"createCaseHealth": {"caseId": secret}}).encode(),
        json.dumps({"distributionID": "x", secret: 1}).encode(),
    ):
        with pytest.raises(Refusal) as caught:
            read_payload(payload, LEXICON)
        told = (caught.value.message, caught.value.field, *caught.value.facts.values())
        assert not any(secret in text for text in told)
        assert caught.value.__cause__ is None or secret not in str(caught.value.__cause__)


SLOW = r"^([a-zA-Z0-9_-]+\.?){4,10}$"


@given(st.text(alphabet="aB1-_.! ", max_size=14))
def test_the_quick_pattern_of_an_id_accepts_what_the_official_one_does(text: str) -> None:
    assert bool(re.search(quick_pattern(SLOW), text)) == bool(re.search(SLOW, text))


def test_a_long_id_that_breaks_the_pattern_is_refused_at_once() -> None:
    for length in (120, 100_000):
        evil = json.dumps({"createCaseHealthUpdate": {"caseId": "a" * length + "!"}}).encode()
        start = time.perf_counter()
        with pytest.raises(Malformed, match="SCHEMA_INVALID"):
            read_payload(evil, LEXICON)
        assert time.perf_counter() - start < 1


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "a\nb", "x" * 5000, 1e400, 10**400, [[]], {}])
def test_no_odd_value_in_any_field_stops_the_reading(odd: object) -> None:
    tree = json.loads(example("RS-EDA_partageDossier_DidierMorel.01a.json"))["createCaseHealth"]
    for path in list(paths(tree, ())):
        changed = copy.deepcopy(tree)
        parent = changed
        for step in path[:-1]:
            parent = parent[step]
        parent[path[-1]] = odd
        if path == ("caseId",):
            continue
        text = json.dumps({"createCaseHealth": changed}).replace("Infinity", "1e400")
        (update,) = read_payload(text.encode(), LEXICON).updates
        state = merge_all([update])
        assert state_from_text(state_to_text(state)).facts.keys() == state.facts.keys()
        state_to_text(state).encode()
        state.text("owner").encode()


def mutations(tree: Any) -> Iterator[Any]:
    """The tree with each member dropped, renamed and given another type, one at a time."""
    for path in list(paths(tree, ())):
        for change in ("drop", "rename", "retype", "empty"):
            copied = copy.deepcopy(tree)
            parent = copied
            for step in path[:-1]:
                parent = parent[step]
            value = parent.pop(path[-1])
            if change == "rename":
                parent[f"_error{path[-1]}"] = value
            elif change == "retype":
                parent[path[-1]] = {"type": 1} if isinstance(value, str) else "text"
            elif change == "empty":
                parent[path[-1]] = [] if isinstance(value, list) else ""
            yield copied


def paths(tree: Any, start: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*start, key)
            yield from paths(value, (*start, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from paths(value, (*start, index))


def ours(schema: str, value: Any) -> bool:
    broken: list[Any] = []
    LEXICON.schemas[schema](value, "", broken)
    return not broken


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("RS-EDA", "RS-EDA_partageDossier_DidierMorel.01a.json"),
        ("RS-EDA-MAJ", "RS-EDA-MAJ_partageDossier_DidierMorel.02.json"),
        ("RS-BPV", "RS-BPV_FemmeEnceinte_DelphineVigneau.10.json"),
        ("RS-RI", "RS-RI_FuiteDeGaz_AliceGregoireNORMAND.06.json"),
    ],
)
def test_the_fast_check_agrees_with_the_general_validator(schema: str, name: str) -> None:
    text = (SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8")
    slow = jsonschema.Draft7Validator(json.loads(text))
    (body,) = json.loads(example(name)).values()
    assert ours(schema, body)
    seen = set()
    for changed in mutations(body):
        verdict = slow.is_valid(changed)
        seen.add(verdict)
        assert ours(schema, changed) == verdict
    assert seen == {True, False}


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda p: p.stem)
def test_no_keyword_of_a_schema_is_ignored(path: Path) -> None:
    assert path.name.removesuffix(".schema.json") in LEXICON.schemas


def test_a_damaged_message_about_a_known_case_is_answered_with_findings() -> None:
    tree = json.loads(example("RS-EDA_partageDossier_DidierMorel.01a.json"))
    answered = 0
    for changed in mutations(tree["createCaseHealth"]):
        case_id = changed.get("caseId")
        if not isinstance(case_id, str) or not case_id:
            continue
        payload = json.dumps({"createCaseHealth": changed}).encode()
        updates = read_payload(payload, LEXICON).updates
        answer = orient(
            case_id,
            merge_all(updates),
            reference().knowledge,
            synthetic_france(),
            None,
            now=NOW,
        )
        assert answer.responses
        answered += 1
    assert answered > 200


def test_no_name_phone_address_or_text_of_an_example_is_kept() -> None:
    hidden = ("Didier", "Morel", "0607080915", "Verdier", "garage", "scie", "saigne")
    updates: list[CaseUpdate] = []
    for name in ("RS-EDA/RS-EDA_partageDossier_DidierMorel.01a.json",):
        updates += read_payload(example(name), LEXICON).updates
    kept = " ".join(str(fact.value) for fact in merge_all(updates).facts.values())
    assert "65" in kept
    assert not any(word.lower() in kept.lower() for word in hidden)


def test_an_exercise_is_recognised_in_the_envelope_and_in_the_header() -> None:
    tree = json.loads(example("EDXL-DE_RC-EDA.json"))
    inner = tree["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
    assert not read_payload(json.dumps(tree).encode(), LEXICON).updates[0].exercise
    inner["status"] = "Exercise"
    assert read_payload(json.dumps(tree).encode(), LEXICON).updates[0].exercise
    inner["status"], tree["distributionStatus"] = "Actual", "Exercise"
    assert read_payload(json.dumps(tree).encode(), LEXICON).updates[0].exercise


def test_the_time_of_the_envelope_decides_what_was_said_last() -> None:
    def wrapped(sent: str, priority: str) -> bytes:
        tree = json.loads(example("EDXL-DE_RC-EDA.json"))
        inner = tree["content"][0]["jsonContent"]["embeddedJsonContent"]["message"]
        inner.pop("createCase")
        inner["sentAt"] = sent
        inner["createCaseHealthUpdate"] = {
            "caseId": "fr.health.samu440.TEST.9",
            "qualification": {"details": {"priority": priority}},
        }
        return json.dumps(tree).encode()

    first = read_payload(wrapped("2026-01-05T08:00:00+01:00", "P3"), LEXICON).updates
    second = read_payload(wrapped("2026-01-05T08:05:00+01:00", "P1"), LEXICON).updates
    assert merge_all([*second, *first]).text("priority") == "P1"
