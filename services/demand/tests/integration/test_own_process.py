"""A run in a process of its own: what is said of it, and what becomes of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from services.demand.adapters.own_process import OwnProcess, Work
from services.demand.domain.runs import RunState
from services.demand.ports import RunWatch
from services.demand.tests.memory import Counts
from shared.errors import NotNow, Unavailable

BALLAST = 200 * 2**20


def telling(_: str, watch: RunWatch, __: Callable[[], bool]) -> bool:
    """Holds much, tells some, ends well."""
    held = bytearray(os.urandom(2**20) * (BALLAST // 2**20))
    watch.series({"forecast": 3, "refused": 1})
    watch.drivers_failed(2)
    watch.run_ended(RunState.DONE, 1.5)
    return len(held) == BALLAST


def waiting(_: str, __: RunWatch, stopped: Callable[[], bool]) -> bool:
    until = time.monotonic() + 30
    while not stopped() and time.monotonic() < until:
        time.sleep(0.01)
    return False


def deaf(run_id: str, watch: RunWatch, stopped: Callable[[], bool]) -> bool:
    waiting(run_id, watch, stopped)
    time.sleep(30)
    return True


def refusing(run_id: str, *_: object) -> bool:
    raise Unavailable("STORE_AWAY", f"The store of {run_id} does not answer.")


class Unspeakable(Exception):
    """An error that cannot be sent: it is made of something of this process."""

    def __init__(self) -> None:
        super().__init__(lambda: None)


def faulty(*_: object) -> bool:
    raise Unspeakable


def dying(times: int, notes: Path, *_: object) -> bool:
    """Dies as for want of memory, so many times."""
    with notes.open("a") as file:
        file.write("tried\n")
    if len(notes.read_text().splitlines()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return True


def carried_out(work: Work, watch: Counts | None = None) -> bool:
    return OwnProcess(work, watch or Counts())("run-1", lambda: False)


def test_what_a_run_counts_is_counted_here_and_what_it_held_is_gone() -> None:
    watch, me = Counts(), psutil.Process()
    carried_out(waiting_never)  # what the first process needs is loaded
    before = me.memory_info().rss
    assert carried_out(telling, watch)
    assert me.memory_info().rss - before < BALLAST / 10
    assert watch.kinds == {"forecast": 3, "refused": 1}
    assert watch.driver_failures == 2
    assert watch.ended == [RunState.DONE]


def waiting_never(*_: object) -> bool:
    return False


def test_a_run_that_is_told_to_stop_says_that_it_is_not_finished() -> None:
    asked: list[None] = []

    def stopped() -> bool:
        asked.append(None)
        return len(asked) > 2

    assert OwnProcess(waiting, Counts())("run-1", stopped) is False


def test_a_run_that_does_not_stop_is_killed() -> None:
    began = time.monotonic()
    assert OwnProcess(deaf, Counts(), stop_seconds=0.5)("run-1", lambda: True) is False
    assert time.monotonic() - began < 15
    left = [one.cmdline() for one in psutil.Process().children()]
    assert not [command for command in left if "spawn_main" in " ".join(command)]


def test_a_refusal_arrives_whole() -> None:
    with pytest.raises(Unavailable, match="The store of run-1") as caught:
        carried_out(refusing)
    assert caught.value.reason == "STORE_AWAY"


def test_an_error_that_cannot_be_sent_arrives_by_name() -> None:
    with pytest.raises(RuntimeError, match="Unspeakable"):
        carried_out(faulty)


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_run_whose_process_dies_is_tried_once_more(tmp_path: Path, deaths: int) -> None:
    notes = tmp_path / "notes"
    work = partial(dying, deaths, notes)
    if deaths == 1:
        assert carried_out(work)
    else:
        with pytest.raises(NotNow, match="want of memory") as caught:
            carried_out(work)
        assert caught.value.reason == "RUN_DIED"
    assert len(notes.read_text().splitlines()) == 2
