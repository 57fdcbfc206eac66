"""Streams of cases: each frame answered by its name, in time, or by the rules alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import grpc

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.tests.integration.asking import (
    eventually,
    hub,
    one,
    typed,
)
from services.orientation.tests.integration.conftest import Start
from services.orientation.tests.situations import example


class Frames:
    """The requests of a stream, sent one at a time by the test."""

    def __init__(self) -> None:
        self._queue: queue.Queue[pb.StreamCasesRequest | None] = queue.Queue()

    def send(self, name: str, request: pb.ScoreCaseRequest, deadline_ms: int = 0) -> None:
        frame = pb.StreamCasesRequest(correlation_id=name, update=request)
        if deadline_ms:
            frame.deadline_ms = deadline_ms
        self._queue.put(frame)

    def beat(self, name: str) -> None:
        self._queue.put(pb.StreamCasesRequest(correlation_id=name, heartbeat=pb.Heartbeat()))

    def raw(self, frame: pb.StreamCasesRequest) -> None:
        self._queue.put(frame)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self) -> Iterator[pb.StreamCasesRequest]:
        while (frame := self._queue.get()) is not None:
            yield frame


class TestStreamCases:
    def test_frames_are_answered_by_their_name_and_a_refused_one_stops_nothing(
        self, start: Start
    ) -> None:
        running, frames = start(), Frames()
        frames.send("good", typed(1, motive_code="M01.01"))
        frames.send("bad", hub(b"not json"))
        frames.raw(pb.StreamCasesRequest(correlation_id="empty"))
        frames.beat("beat")
        frames.send("after", hub(example("RS-EDA_partageDossier_DidierMorel.01a.json")))
        frames.end()
        answers = {r.correlation_id: r for r in running.stub.StreamCases(iter(frames), timeout=20)}
        assert set(answers) == {"good", "bad", "empty", "beat", "after"}
        band = answers["good"].answer.answers[0].severity.band
        assert band == pb.SEVERITY_BAND_LIFE_THREAT
        assert answers["bad"].refusal.reason == "MESSAGE_NOT_JSON"
        assert answers["bad"].refusal.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        assert answers["empty"].refusal.reason == "FIELD_INVALID"
        assert answers["beat"].HasField("heartbeat")
        assert answers["after"].answer.answers[0].severity.model_used

    def test_silence_is_broken_by_heart_beats(self, start: Start) -> None:
        running, frames = start(LARREY_HEARTBEAT_SECONDS="0.1"), Frames()
        stream = running.stub.StreamCases(iter(frames), timeout=20)
        beats = [next(stream) for _ in range(3)]
        assert all(beat.HasField("heartbeat") for beat in beats)
        frames.end()

    def test_a_frame_that_comes_too_late_is_answered_by_rules_that_say_so(
        self, start: Start
    ) -> None:
        running, frames = start(), Frames()
        holding, release = threading.Event(), threading.Event()

        def hold() -> None:
            with running.parts.database.transaction():
                holding.set()
                release.wait(20)

        busy = threading.Thread(target=hold)
        busy.start()
        holding.wait(10)
        frames.send("late", typed(1, motive_code="M01.01", age_years=60.0), deadline_ms=50)
        stream = running.stub.StreamCases(iter(frames), timeout=20)
        late = next(stream).answer.answers[0]
        release.set()
        busy.join()
        frames.end()
        assert "RULES_ONLY_LATE" in {r.code for r in late.reasons}
        assert late.severity.band == pb.SEVERITY_BAND_LIFE_THREAT
        assert late.responses[0].resource_type == "SMUR"
        # the full answer was still worked out and kept
        eventually(lambda: one(running, typed(1)).revision >= 1, "the case")

    def test_hundreds_of_frames_are_all_answered_once(self, start: Start) -> None:
        running, frames = start(), Frames()
        for number in range(300):
            request = typed(1, case_id=f"fr.health.samu440.FLOOD.{number}", age_years=50.0)
            frames.send(str(number), request, deadline_ms=60_000)
        frames.end()
        answers = [
            r.correlation_id
            for r in running.stub.StreamCases(iter(frames), timeout=60)
            if not r.HasField("heartbeat")
        ]
        assert sorted(answers, key=int) == [str(number) for number in range(300)]

    def test_a_stream_cut_in_the_middle_harms_nobody(self, start: Start) -> None:
        running, frames = start(), Frames()
        frames.send("one", typed(1, motive_code="M01.01"))
        stream = running.stub.StreamCases(iter(frames), timeout=20)
        next(stream)
        stream.cancel()
        frames.end()
        assert one(running, typed(1, motive_code="M01.01")).revision == 1

    def test_what_was_not_answered_before_a_cut_is_sent_again_and_counts_once(
        self, start: Start
    ) -> None:
        running, frames = start(), Frames()
        sent = {str(n): typed(n, motive_code="M01.01") for n in range(1, 11)}
        for name, request in sent.items():
            frames.send(name, request)
        stream = running.stub.StreamCases(iter(frames), timeout=20)
        answered = {next(stream).correlation_id for _ in range(3)}
        stream.cancel()
        frames.end()
        again = Frames()
        for name, request in sent.items():
            if name not in answered:
                again.send(name, request)
        again.end()
        rest = [
            r
            for r in running.stub.StreamCases(iter(again), timeout=20)
            if not r.HasField("heartbeat")
        ]
        assert {r.correlation_id for r in rest} == set(sent) - answered
        assert max(r.answer.answers[0].revision for r in rest) == 10

    def test_a_stream_that_floods_and_reads_nothing_keeps_no_other_waiting(
        self, start: Start
    ) -> None:
        running, flood = start(LARREY_FRAMES_IN_FLIGHT="2"), Frames()
        for number in range(2000):
            flood.send(str(number), typed(1, case_id=f"fr.health.samu440.FLOOD.{number}"))
        flooding = running.stub.StreamCases(iter(flood), timeout=60)  # never read
        quiet = Frames()
        quiet.send("quiet", typed(1, motive_code="M01.01"), deadline_ms=20_000)
        answer = next(running.stub.StreamCases(iter(quiet), timeout=30))
        assert answer.correlation_id == "quiet"
        assert answer.answer.answers[0].severity.model_used
        flooding.cancel()
        flood.end()
        quiet.end()
