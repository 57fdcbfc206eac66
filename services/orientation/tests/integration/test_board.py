"""Vehicles, the board and the switch, as callers meet them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.entrypoints.cli import app
from services.orientation.tests.integration.asking import eventually, heard, hub, one, typed
from services.orientation.tests.integration.conftest import Running, Start
from services.orientation.tests.situations import example

OWNER = "fr.health.samu440"
STATUS = "RS-SR/RS-SR_FemmeEnceinte_DelphineVIGNEAU.04.json"


def boards(running: Running, count: int, owner: str = "") -> list[pb.WatchBoardResponse]:
    stream = running.stub.WatchBoard(pb.WatchBoardRequest(owner=owner), timeout=20)
    found = [next(stream) for _ in range(count)]
    stream.cancel()
    return found


def report(running: Running, *payloads: bytes) -> pb.ReportResourcesResponse:
    requests = [pb.ReportResourcesRequest(hub_json=payload) for payload in payloads]
    response: pb.ReportResourcesResponse = running.stub.ReportResources(iter(requests), timeout=10)
    return response


def test_the_board_shows_open_cases_vehicles_and_the_age_of_bed_counts(start: Start) -> None:
    running = start()
    one(running, typed(1, motive_code="M01.01", owner=OWNER))
    assert report(running, example(STATUS)).accepted == 1
    (board,) = boards(running, 1)
    assert board.open_cases == 1
    assert board.cases[0].band == pb.SEVERITY_BAND_LIFE_THREAT
    assert len(board.cases[0].case_key) == 32
    assert board.vehicles[0].state == "DEPART"
    assert board.vehicles[0].HasField("state_age_min")
    assert not board.vehicles[0].HasField("position_age_min")
    assert board.mode == pb.SUGGESTION_MODE_ON


def test_a_watcher_hears_of_a_new_case_and_of_its_end(start: Start) -> None:
    running = start()
    stream = running.stub.WatchBoard(pb.WatchBoardRequest(owner=OWNER), timeout=30)
    assert next(stream).open_cases == 0
    one(running, typed(1, motive_code="M01.01", owner=OWNER))
    assert next(stream).open_cases == 1
    ended = {
        "createCaseHealthUpdate": {
            "caseId": "fr.health.samu440.TEST.1",
            "qualification": {"details": {"status": "CLOTURE"}},
            "medicalNote": [{"creation": "2026-01-05T07:59:00+01:00"}],
        }
    }
    one(running, hub(json.dumps(ended).encode()))
    assert next(stream).open_cases == 0
    stream.cancel()


def test_another_samu_sees_its_own_cases_alone(start: Start) -> None:
    running = start()
    one(running, typed(1, motive_code="M01.01", owner=OWNER))
    assert boards(running, 1, "fr.health.samu670")[0].open_cases == 0
    assert boards(running, 1, OWNER)[0].open_cases == 1


def test_a_silent_board_still_beats(start: Start) -> None:
    running = start(LARREY_HEARTBEAT_SECONDS="0.2")
    assert len(boards(running, 3)) == 3


def test_a_move_of_a_vehicle_is_told_to_the_world_once(start: Start) -> None:
    running = start()
    report(running, example(STATUS), example(STATUS))
    eventually(lambda: len(heard(running, events_pb2.ResourceMoved)) == 1, "the move")


def test_a_message_that_is_not_about_vehicles_is_refused_and_the_stream_goes_on(
    start: Start,
) -> None:
    response = report(
        start(), example("RS-EDA_partageDossier_DidierMorel.01a.json"), example(STATUS)
    )
    assert (response.accepted, response.refused) == (1, 1)
    assert response.refusals[0].reason == "MESSAGE_NOT_ABOUT_VEHICLES"


class TestTheSwitch:
    def turn(self, running: Running, mode: pb.SuggestionMode.ValueType) -> int:
        request = pb.SetSuggestionsRequest(owner=OWNER, mode=mode, set_by="dr-17")
        return int(running.stub.SetSuggestions(request, timeout=5).previous)

    @pytest.mark.parametrize("mode", [pb.SUGGESTION_MODE_OFF, pb.SUGGESTION_MODE_SHADOW])
    def test_nothing_is_suggested_while_it_is_off_or_in_the_shadow(
        self, start: Start, mode: pb.SuggestionMode.ValueType
    ) -> None:
        running = start()
        assert self.turn(running, mode) == pb.SUGGESTION_MODE_ON
        answer = one(running, typed(1, motive_code="M01.01", owner=OWNER, age_years=50.0))
        assert answer.mode == mode
        assert not answer.responses
        assert not answer.facilities
        assert not answer.severity.HasField("p_icu")
        assert answer.severity.band == pb.SEVERITY_BAND_UNSPECIFIED
        other = one(running, typed(2, case_id="fr.health.samu670.TEST.1", motive_code="M01.01"))
        assert other.responses
        assert self.turn(running, pb.SUGGESTION_MODE_ON) == mode
        again = one(running, typed(3, motive_code="M01.01", owner=OWNER))
        assert again.responses

    def test_in_the_shadow_the_suggestion_is_recorded_and_off_it_is_not(
        self, start: Start, tmp_path: Path
    ) -> None:
        running = start()
        for minute, mode in ((1, pb.SUGGESTION_MODE_SHADOW), (2, pb.SUGGESTION_MODE_OFF)):
            self.turn(running, mode)
            one(running, typed(minute, motive_code="M01.01", owner=OWNER))
        bodies = entries(tmp_path)
        shadow, off = (b for b in bodies if b.get("update"))
        assert shadow["responses"][0] == "INTER SMUR"
        assert "responses" not in off


def entries(folder: Path) -> list[dict[str, Any]]:
    raw = sqlite3.connect(folder / "one.db")
    try:
        rows = raw.execute("SELECT body FROM ledger ORDER BY seq").fetchall()
    finally:
        raw.close()
    return [json.loads(body) for (body,) in rows]


class TestTheLog:
    def ask(self, folder: Path, *words: str) -> tuple[int, str]:
        database = f"sqlite:///{folder / 'one.db'}"
        options = ["--database", database, "--data-dir", str(folder / "one")]
        result = CliRunner().invoke(app, ["log", *words, *options])
        return result.exit_code, result.output

    def test_what_was_answered_and_decided_stands_in_it_without_a_name(
        self, start: Start, tmp_path: Path
    ) -> None:
        running = start()
        request = typed(1, motive_code="M01.01", age_years=50.0, owner=OWNER)
        request.shown_to = "arm-3"
        one(running, request)
        (entry,) = entries(tmp_path)
        assert entry["shown_to"] == "arm-3"
        assert entry["band"] == "LIFE_THREAT"
        assert str(entry["model"]).startswith("glass-")
        assert str(entry["rules"]).startswith("rules-")
        assert len(str(entry["inputs"])) == 64
        assert "fr.health.samu440.TEST.1" not in json.dumps(entry)

    def test_it_verifies_while_the_service_runs_and_no_longer_once_tampered_with(
        self, start: Start, tmp_path: Path
    ) -> None:
        running = start()
        for minute in range(1, 6):
            one(running, typed(minute, motive_code="M01.01"))
        code, told = self.ask(tmp_path, "verify")
        assert (code, "5 entries verified" in told) == (0, True)
        raw = sqlite3.connect(tmp_path / "one.db")
        raw.execute("UPDATE ledger SET body = replace(body, 'LIFE_THREAT', 'MILD') WHERE seq = 3")
        raw.commit()
        raw.close()
        code, told = self.ask(tmp_path, "verify")
        assert code == 1
        assert "entry 3" in told

    def test_old_entries_go_as_a_prefix_and_the_rest_still_verifies(
        self, start: Start, tmp_path: Path
    ) -> None:
        running = start()
        one(running, typed(1, motive_code="M01.01"))
        code, told = self.ask(tmp_path, "prune", "--older-than-days", "1")
        assert (code, "1 entries removed" in told) == (0, True)
        one(running, typed(2, age_years=50.0))
        code, told = self.ask(tmp_path, "verify")
        assert code == 0
        assert "1 entries verified, from 2 to 2" in told

    def test_an_export_holds_every_entry_with_its_hash(self, start: Start, tmp_path: Path) -> None:
        running = start()
        for minute in (1, 2):
            one(running, typed(minute, motive_code="M01.01"))
        out = tmp_path / "log.jsonl"
        assert self.ask(tmp_path, "export", "--out", str(out))[0] == 0
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert [line["seq"] for line in lines] == [0, 1, 2]
        assert all(len(line["hash"]) == 64 for line in lines)

    def test_without_the_secret_it_is_said_what_to_give(self, tmp_path: Path) -> None:
        database = f"sqlite:///{tmp_path / 'one.db'}"
        result = CliRunner().invoke(app, ["log", "verify", "--database", database])
        assert result.exit_code != 0
        assert "LARREY_CASE_KEY" in str(result.exception)
