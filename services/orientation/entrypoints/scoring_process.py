"""A process of its own that answers calls: the one at the door keeps its processor for the door.

Python lets one thread of a process compute at a time, so that reading and writing messages and
working out answers take turns there. Groups of calls go to a second process instead, as bytes,
and come back as bytes once they are kept. While that one is not there, calls are answered here.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.entrypoints.answering import Answering, Call, Made
from services.orientation.entrypoints.scoring_life import READY, Group, Live, Reply
from services.orientation.ports import Told
from shared.errors import Refusal
from shared.telemetry import get_log

READY_SECONDS = 120.0  # python and the tables are loaded, on a busy machine
# A group waits at most five seconds for the store: one that takes this long hangs.
LONGEST_SECONDS = 20.0
STOP_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
LOOK_SECONDS = 0.5


class Gone(Exception):
    """The process ended, or does not answer any more."""


@dataclass(slots=True)
class Line:
    """The way to one process; groups are answered by their number, whoever reads first."""

    process: BaseProcess
    ours: Connection
    _number: int = 0
    _came: dict[int, Reply] = field(default_factory=dict)
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def send(self, calls: Sequence[Call], *, look_again: bool) -> Sent:
        """Raises Gone."""
        packed = [(call.request.SerializeToString(), call.trace) for call in calls]
        with self._sending:
            self._number += 1
            number = self._number
            try:
                self.ours.send(Group(number, packed, look_again))
            except OSError as broken:
                raise Gone from broken
        return Sent(self, number, calls)

    def reply(self, number: int) -> Reply:
        """What came back for this group; raises Gone."""
        with self._reading:
            while number not in self._came:
                try:
                    if not self.ours.poll(LONGEST_SECONDS):
                        raise Gone
                    reply: Reply = self.ours.recv()
                except (EOFError, OSError) as broken:
                    raise Gone from broken
                self._came[reply.number] = reply
            return self._came.pop(number)

    def end(self) -> None:
        """It leaves when its line is closed; one that does not is killed.

        Nobody may be reading then: the number of a closed line is soon another's.
        """
        if not self._reading.acquire(timeout=STOP_SECONDS):
            self.process.kill()
            self._reading.acquire()
        self.ours.close()
        self._reading.release()
        self.process.join(STOP_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


@dataclass(frozen=True, slots=True)
class Sent:
    """A group that another process answers."""

    line: Line
    number: int
    calls: Sequence[Call]


class ScoringProcess:
    """Answers as `inside` does, by a process of its own while there is one.

    `changes` says how often what is known around the cases changed here, so that the other
    process looks again before it answers; `told` takes what it counted and kept. A process that
    dies or hangs is replaced; its groups are answered here, as a caller's second try would be.
    """

    def __init__(
        self,
        inside: Answering,
        live: Live,
        changes: Callable[[], int],
        told: Callable[[Told], None],
        here: Callable[[bool], None],
    ) -> None:
        self._inside, self._live = inside, live
        self._changes, self._told, self._here = changes, told, here
        self._known_there = -1
        self._line: Line | None = None
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._log = get_log("scoring")

    def prepare(self, calls: Sequence[Call]) -> Sent | Made:
        line = self._line
        if line is not None:
            changes = self._changes()
            try:
                sent = line.send(calls, look_again=changes != self._known_there)
            except Gone:
                self._lost(line)
            else:
                self._known_there = changes
                return sent
        return self._inside.prepare(calls)

    def finish(self, made: Sent | Made) -> Sequence[bytes | Refusal]:
        if isinstance(made, Made):
            return self._inside.finish(made)
        try:
            reply = made.line.reply(made.number)
        except Gone:
            self._lost(made.line)
            return self._inside.finish(self._inside.prepare(made.calls))
        self._told(reply.told)
        if reply.error is not None:
            raise reply.error
        return reply.answers

    def late(self, request: pb.ScoreCaseRequest) -> bytes:
        return self._inside.late(request)

    def start(self) -> None:
        self._here(False)
        self._keeper = threading.Thread(target=self._keep, name="scoring", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        self._stopping.set()
        line, self._line = self._line, None
        if line is not None:
            line.end()
        if self._keeper is not None:
            self._keeper.join(STOP_SECONDS)

    def _keep(self) -> None:
        """Starts a process, and another when it is gone."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            begin = time.monotonic()
            line = self._begun()
            if line is not None:
                self._known_there = -1
                self._line = line
                self._here(True)
                self._log.info("scoring process ready")
                while self._line is line:
                    if connection.wait([line.process.sentinel], LOOK_SECONDS):
                        self._lost(line)
                self._here(False)
                line.end()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - begin
            pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
            self._log.warning("scoring process gone: calls are answered here", delay_s=pause)
            self._stopping.wait(pause)

    def _begun(self) -> Line | None:
        """A process that is ready; None when it did not come up or we are to stop."""
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=self._live, args=(theirs,), name="scoring", daemon=True
        )
        try:
            process.start()
        except OSError as refused:  # the system has no room for another process now
            self._log.warning("scoring process cannot start", error_type=type(refused).__name__)
            ours.close()
            return None
        finally:
            theirs.close()  # so that its death is heard here
        line = Line(process, ours)
        until = time.monotonic() + READY_SECONDS
        with contextlib.suppress(EOFError, OSError):
            while not self._stopping.is_set() and time.monotonic() < until:
                if ours.poll(0.1):
                    if ours.recv() == READY:
                        return line
                    break
        process.kill()
        line.end()
        return None

    def _lost(self, line: Line) -> None:
        """No further group goes there; the keeper ends it and begins another."""
        if self._line is line:
            self._line = None
            line.process.kill()
