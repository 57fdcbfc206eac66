"""Calls answered in a process of their own: as here, told of what changes here, and replaced."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import SpawnProcess

import psutil
import pytest
from prometheus_client import generate_latest

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.adapters.store.ledger import SqlLedger
from services.orientation.entrypoints import scoring_process
from services.orientation.settings import Settings
from services.orientation.tests.integration.asking import (
    eventually,
    heard,
    hub,
    one,
    refused,
    typed,
)
from services.orientation.tests.integration.conftest import Running, Start
from services.orientation.tests.integration.test_stream import Frames
from services.orientation.tests.situations import example
from shared.rpc import refusal_of
from shared.settings import BadSettings, load

SAMU = "fr.health.samu440"


def processes() -> list[psutil.Process]:
    """The scoring processes of this test."""
    children = psutil.Process().children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def there(running: Running) -> bool:
    text = generate_latest(running.parts.telemetry.registry).decode()
    return "larrey_orientation_scoring_process 1.0" in text


@pytest.fixture
def apart(start: Start) -> Running:
    """A service whose scoring process is there; it looks around by itself once an hour."""
    running = start("apart", LARREY_SCORING_PROCESS="on", LARREY_REFRESH_SECONDS="3600")
    eventually(lambda: there(running), "the scoring process")
    return running


def requests() -> list[pb.ScoreCaseRequest]:
    calls = [
        typed(1, case_id=f"{SAMU}.A.{number}", motive_code="M01.01", age_years=20.0 + number)
        for number in range(5)
    ]
    calls += [typed(2, case_id=f"{SAMU}.A.{number}", sex="F") for number in range(5)]
    return [*calls, hub(example("RS-EDA_partageDossier_DidierMorel.01a.json"))]


class TestAnswers:
    def test_they_are_those_of_the_process_at_the_door(self, apart: Running, start: Start) -> None:
        here = start("here", LARREY_REFRESH_SECONDS="3600")
        for request in requests():
            expected = here.stub.ScoreCase(request, timeout=10)
            assert apart.stub.ScoreCase(request, timeout=10) == expected
        counted = [
            line
            for line in generate_latest(apart.parts.telemetry.registry).decode().splitlines()
            if line.startswith("larrey_orientation_answers_total{")
        ]
        assert sum(float(line.rsplit(" ", 1)[1]) for line in counted) == len(requests())
        eventually(lambda: len(heard(apart, events_pb2.CaseOriented)) >= 5, "facts from there")

    def test_a_refusal_comes_back_with_its_reason(self, apart: Running) -> None:
        error = refused(lambda: apart.stub.ScoreCase(hub(b"not json"), timeout=5))
        refusal = refusal_of(error)
        assert refusal is not None
        assert refusal.reason == "MESSAGE_NOT_JSON"

    def test_what_a_samu_switches_here_holds_for_the_next_call_there(self, apart: Running) -> None:
        for mode in (pb.SUGGESTION_MODE_OFF, pb.SUGGESTION_MODE_ON, pb.SUGGESTION_MODE_SHADOW):
            apart.stub.SetSuggestions(
                pb.SetSuggestionsRequest(owner=SAMU, mode=mode, set_by="dr-a"), timeout=5
            )
            assert one(apart, typed(1, owner=SAMU)).mode == mode

    def test_a_late_answer_remembers_what_was_kept_there(self, apart: Running) -> None:
        grave = one(apart, typed(1, motive_code="M01.01"))
        assert grave.severity.band == pb.SEVERITY_BAND_LIFE_THREAT
        holding, release = threading.Event(), threading.Event()

        def hold() -> None:
            with apart.parts.database.transaction():
                holding.set()
                release.wait(20)

        busy = threading.Thread(target=hold)
        busy.start()
        holding.wait(10)
        frames = Frames()
        frames.send("late", typed(2, age_years=60.0), deadline_ms=50)
        late = next(apart.stub.StreamCases(iter(frames), timeout=20)).answer.answers[0]
        release.set()
        busy.join()
        frames.end()
        assert "RULES_ONLY_LATE" in {reason.code for reason in late.reasons}
        assert late.severity.band == pb.SEVERITY_BAND_LIFE_THREAT


class TestDeath:
    def test_calls_go_on_a_new_process_comes_and_the_record_stays_whole(
        self, apart: Running
    ) -> None:
        (first,) = processes()
        calls = [typed(1, case_id=f"{SAMU}.K.{number}", age_years=50.0) for number in range(200)]

        def ask(call: pb.ScoreCaseRequest) -> int:
            return one(apart, call).revision

        with ThreadPoolExecutor(16) as many:
            asked = [many.submit(ask, call) for call in calls]
            asked[20].result(20)
            os.kill(first.pid, signal.SIGKILL)
            assert {future.result(20) for future in asked} == {1}
        eventually(lambda: bool(processes()) and there(apart), "another process")
        assert [p.pid for p in processes()] != [first.pid]
        assert {ask(call) for call in calls[:5]} == {1}  # the same again changes nothing
        assert SqlLedger(apart.parts.database, b"unused").verify().sound

    def test_one_that_hangs_is_replaced_and_its_calls_are_answered_here(
        self, apart: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scoring_process, "LONGEST_SECONDS", 0.3)
        (first,) = processes()
        first.suspend()
        assert one(apart, typed(1, motive_code="M01.01")).revision == 1
        eventually(lambda: not first.is_running(), "the end of the one that hangs")
        eventually(lambda: there(apart), "another process")

    def test_where_the_system_has_no_room_for_it_now_it_comes_later(
        self, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = threading.Event()

        def no_room(_: object) -> None:
            refused.set()
            raise BlockingIOError("Resource temporarily unavailable")

        with monkeypatch.context() as full:
            full.setattr(SpawnProcess, "start", no_room)
            running = start("apart", LARREY_SCORING_PROCESS="on")
            assert refused.wait(10)
            assert one(running, typed(1, motive_code="M01.01")).revision == 1
            assert processes() == []
        eventually(lambda: there(running), "the scoring process, once there is room")

    @pytest.mark.parametrize("ready", [True, False])
    def test_none_is_left_when_the_service_stops(self, start: Start, *, ready: bool) -> None:
        running = start("apart", LARREY_SCORING_PROCESS="on")
        eventually(lambda: bool(processes()), "the scoring process")
        if ready:
            eventually(lambda: there(running), "the scoring process that is ready")
        running.stop()
        assert processes() == []


@pytest.mark.parametrize("word", ["", "yes"])
def test_another_word_for_the_setting_is_refused(word: str) -> None:
    environ = {
        "LARREY_DATABASE_URL": "sqlite:///x.db",
        "LARREY_EVENTS_URL": "sqlite:///y.db",
        "LARREY_DATA_DIR": ".",
        "LARREY_SCORING_PROCESS": word,
    }
    if not word:
        assert load(Settings, environ).scoring_process == "auto"
        return
    with pytest.raises(BadSettings, match="LARREY_SCORING_PROCESS must be on, off or auto"):
        load(Settings, environ)
