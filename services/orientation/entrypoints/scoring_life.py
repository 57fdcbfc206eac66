"""The life of a process that answers groups of calls for the one at the door."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, Protocol

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.entrypoints.answering import Answering, Call, Made
from services.orientation.ports import Told
from shared.errors import Refusal, Unavailable, sendable
from shared.leaving import leave_with_parent
from shared.standing import leave_standing_alone

READY = "ready"
Live = Callable[[Connection], None]


class Group(NamedTuple):
    """Serialised requests, each with its trace. `look_again`: what is known changed."""

    number: int
    calls: list[tuple[bytes, str]]
    look_again: bool


class Reply(NamedTuple):
    number: int
    answers: list[bytes | Refusal]
    error: Exception | None
    told: Told


class Aside(Protocol):
    """Collects what is to be told besides the answers."""

    def take(self) -> Told: ...


@dataclass(frozen=True, slots=True)
class Inside:
    """The parts of the process: who answers, who looks again, what is told, how it ends."""

    answering: Answering
    refresh: Callable[[], None]
    aside: Aside
    close: Callable[[], None]


def live(build: Callable[[], Inside], theirs: Connection) -> None:
    """Answers groups in their order until the line is closed.

    While one group is kept the next one is prepared.
    """
    leave_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the one at the door
    inside = build()
    leave_standing_alone()
    made: queue.Queue[tuple[int, Made | Exception] | None] = queue.Queue()
    keeper = threading.Thread(target=_keep, args=(inside, made, theirs), name="keeper")
    keeper.start()
    theirs.send(READY)
    try:
        while True:
            group: Group = theirs.recv()
            made.put((group.number, _prepared(inside, group)))
    except (EOFError, OSError):
        pass  # the one at the door is done with us
    finally:
        made.put(None)
        keeper.join()
        inside.close()


def _prepared(inside: Inside, group: Group) -> Made | Exception:
    try:
        if group.look_again:
            with contextlib.suppress(Unavailable):  # what was known last stands
                inside.refresh()
        calls = [Call(pb.ScoreCaseRequest.FromString(sent), trace) for sent, trace in group.calls]
        return inside.answering.prepare(calls)
    except Exception as error:  # noqa: BLE001  told to the one at the door
        return error


def _keep(
    inside: Inside, made: queue.Queue[tuple[int, Made | Exception] | None], theirs: Connection
) -> None:
    while (item := made.get()) is not None:
        number, group = item
        answers: list[bytes | Refusal] = []
        error: Exception | None = None
        if isinstance(group, Exception):
            error = sendable(group)
        else:
            try:
                answers = inside.answering.finish(group)
            except Exception as failed:  # noqa: BLE001  told to the one at the door
                error = sendable(failed)
        try:
            theirs.send(Reply(number, answers, error, inside.aside.take()))
        except OSError:
            return  # nobody hears it: what was kept is kept
