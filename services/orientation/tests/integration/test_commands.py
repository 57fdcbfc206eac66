"""The commands on files: keys of the contract, any order, clear refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.orientation.entrypoints.cli import app
from services.orientation.tests.situations import EXAMPLES, INVALID
from shared.errors import Malformed

MESSAGES = sorted(EXAMPLES.glob("RS-*/*.json")) + sorted(EXAMPLES.glob("GEO-POS/*.json"))
ANSWER_KEYS = {
    "case_id",
    "severity",
    "responses",
    "facilities",
    "reasons",
    "missing",
    "findings",
    "human_decision",
}


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def scored(tmp_path: Path, paths: list[Path], *more: object) -> dict[str, Any]:
    out = tmp_path / "answers.json"
    result = run("score", "--hub", *paths, *more, "--json", out)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_one_answer_a_case_with_the_keys_of_the_contract(tmp_path: Path) -> None:
    answers = scored(tmp_path, MESSAGES)["answers"]
    assert len({a["case_id"] for a in answers}) == len(answers) >= 7
    for answer in answers:
        assert set(answer) >= ANSWER_KEYS
        assert set(answer["severity"]) >= {"p_icu", "p_admission", "band"}
        assert answer["responses"]
        for response in answer["responses"]:
            assert set(response) >= {"decision_type", "resource_type", "reasons"}
        for facility in answer["facilities"]:
            keys = {"finess_geo", "name", "capabilities_met", "travel_min", "reasons"}
            assert set(facility) >= keys
        for finding in answer["findings"]:
            assert set(finding) == {"code", "path", "remedy"}


def test_the_order_of_the_files_changes_nothing(tmp_path: Path) -> None:
    forwards = scored(tmp_path, MESSAGES)
    backwards = scored(tmp_path, MESSAGES[::-1])
    twice = scored(tmp_path, MESSAGES + MESSAGES[:10])
    for answers in (forwards, backwards, twice):
        for answer in answers["answers"]:
            for facility in answer["facilities"]:
                facility.pop("beds_age_min")
    assert forwards == backwards == twice


@pytest.mark.parametrize("form", ["csv", "list", "lines"])
def test_another_directory_is_ranked_in_its_place(tmp_path: Path, form: str) -> None:
    rows = [
        {"finess_geo": "010000001", "name": "Near", "lat": 48.87, "lon": 2.63, "capabilities": ""},
        {
            "finess_geo": "010000002",
            "name": "Able",
            "lat": 48.90,
            "lon": 2.70,
            "capabilities": "157 160 127",
        },
    ]
    path = tmp_path / "directory"
    if form == "csv":
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif form == "list":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows))
    case = EXAMPLES / "RS-EDA" / "RS-EDA_partageDossier_DidierMorel.01a.json"
    (answer,) = scored(tmp_path, [case], "--directory", path)["answers"]
    assert [f["finess_geo"] for f in answer["facilities"]] == ["010000002", "010000001"]
    assert answer["facilities"][0]["capabilities_met"] == ["157", "160", "127"]
    assert not answer["facilities"][0]["synthetic_capabilities"]


@pytest.mark.parametrize("text", ["", "{}", "finess_geo,name\n010000001,x\n", "[1]", "{]"])
def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "directory"
    path.write_text(text)
    case = EXAMPLES / "RS-EDA" / "RS-EDA_partageDossier_DidierMorel.01a.json"
    with pytest.raises(Malformed, match="DIRECTORY_MALFORMED"):
        scored(tmp_path, [case], "--directory", path)


def test_a_message_that_is_refused_is_told_by_its_name_and_stops_no_other(tmp_path: Path) -> None:
    bad = INVALID / "invalid-header.json"
    found = scored(tmp_path, [MESSAGES[0], bad])
    assert len(found["answers"]) == 1
    (refused,) = found["refused"]
    assert refused["code"] == "ENVELOPE_INVALID"
    assert "invalid-header.json" in refused["path"]


@pytest.mark.parametrize("path", sorted(INVALID.glob("*.json")), ids=lambda p: p.name)
def test_a_call_of_which_every_message_is_refused_writes_nothing(
    tmp_path: Path, path: Path
) -> None:
    out = tmp_path / "answers.json"
    with pytest.raises(Malformed, match="ENVELOPE_INVALID") as caught:
        run("score", "--hub", path, "--json", out)
    assert path.name in caught.value.field
    assert not out.exists()


def test_a_file_that_cannot_be_read_stops_everything(tmp_path: Path) -> None:
    out = tmp_path / "answers.json"
    with pytest.raises(Malformed, match="FILE_UNREADABLE"):
        run("score", "--hub", MESSAGES[0], tmp_path / "nowhere.json", "--json", out)
    assert not out.exists()
