"""A process of its own for each forecast run: what a run holds goes back to the system with it.

A run reads the history, takes forecasts in by the thousand and stores them. Done in the service's
own process, its memory would grow with the history and calls would wait for the run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from services.demand.domain.accuracy import Figures, Place
from services.demand.domain.runs import RunState
from services.demand.ports import RunWatch
from shared.errors import NotNow, sendable
from shared.leaving import leave_with_parent
from shared.yielding import step_back

# What the process of a run does with (run id, what is counted, whether to stop): True when the
# run is finished. It is sent to the process by name.
Work = Callable[[str, RunWatch, Callable[[], bool]], bool]
ASK_SECONDS = 0.2
# A run that is told to stop does so after the transaction in hand. Past this it is killed, and
# goes on at the next start as after any other death.
STOP_SECONDS = 20.0
TRIES = 2
ENDED, FAILED = "ended", "failed"


class ToldWatch:
    """Tells the process that is scraped what is to be counted."""

    def __init__(self, told: Connection) -> None:
        self._told = told

    def run_ended(self, state: RunState, seconds: float) -> None:
        self._told.send(("run_ended", (state, seconds)))

    def series(self, kinds: Mapping[str, int]) -> None:
        self._told.send(("series", (kinds,)))

    def drivers_failed(self, parts: int) -> None:
        self._told.send(("drivers_failed", (parts,)))

    def forecast_made(self, at: datetime) -> None:
        self._told.send(("forecast_made", (at,)))

    def accuracy(self, parts: Mapping[Place, Figures]) -> None:
        self._told.send(("accuracy", (parts,)))


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """Carries out a run in a spawned process; what it counts is counted here.

    A process that dies is started again once: the run goes on with what is missing. Raises what
    the work raised, and NotNow RUN_DIED.
    """

    work: Work
    watch: RunWatch
    stop_seconds: float = STOP_SECONDS

    def __call__(self, run_id: str, stopped: Callable[[], bool]) -> bool:
        for _ in range(TRIES):
            finished = self._once(run_id, stopped)
            if finished is not None:
                return finished
            if stopped():
                return False
        raise NotNow(
            "RUN_DIED",
            "The process that carries out this run died twice, most likely for want of memory. "
            "Give the service more memory, or set LARREY_DEMAND_TOGETHER lower.",
        )

    def _once(self, run_id: str, stopped: Callable[[], bool]) -> bool | None:
        """None when the process died."""
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(
            target=_live, args=(self.work, run_id, theirs), name=f"forecast-run {run_id}"
        )
        with ours:
            process.start()
            theirs.close()  # so that its death is heard here
            try:
                return self._heard(ours, stopped)
            finally:
                _ended(process)

    def _heard(self, ours: Connection, stopped: Callable[[], bool]) -> bool | None:
        last_moment = float("inf")
        while time.monotonic() < last_moment:
            if last_moment == float("inf") and stopped():
                last_moment = time.monotonic() + self.stop_seconds
                with contextlib.suppress(OSError):  # it has ended already
                    ours.send("stop")
            try:
                if not ours.poll(ASK_SECONDS):
                    continue
                name, values = ours.recv()
            except (EOFError, OSError):
                return None
            if name == FAILED:
                raise values
            if name == ENDED:
                return bool(values)
            getattr(self.watch, name)(*values)
        return False


def _ended(process: SpawnProcess) -> None:
    """A process that has said its last word leaves by itself; one that has not is killed."""
    process.join(ASK_SECONDS)
    if process.is_alive():
        process.join(1.0)
        process.kill()
        process.join()
    process.close()


def _live(work: Work, run_id: str, told: Connection) -> None:
    """The life of a run's process: it leaves the processor to those who answer calls."""
    step_back()
    leave_with_parent()
    try:
        # whatever is heard from the parent means to stop, and so does its end
        finished = work(run_id, ToldWatch(told), told.poll)
    except Exception as error:  # noqa: BLE001  # the service says what became of the run
        told.send((FAILED, sendable(error)))
    else:
        told.send((ENDED, finished))
