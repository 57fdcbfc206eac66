"""The job of runs: one bad run or an absent store never ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunOrder, RunState
from services.demand.entrypoints.jobs import RunJob
from services.demand.tests.memory import Counts, MemoryStore
from services.demand.tests.situations import MONDAY
from shared.clock import FixedClock
from shared.errors import NotNow, Unavailable


@dataclass
class OneTurn:
    """A database of which this job has the only turn."""

    taken: int = 0
    released: int = 0

    def try_turn(self, _: str) -> OneTurn:
        self.taken += 1
        return self

    def release(self) -> None:
        self.released += 1


@dataclass
class Carrier:
    """Ends each run as it is told to by the run's id."""

    store: MemoryStore
    tried: list[str] = field(default_factory=list)

    def __call__(self, run_id: str, stopped: Callable[[], bool]) -> bool:
        self.tried.append(run_id)
        if run_id == "away" and self.tried.count("away") == 1:
            raise Unavailable("STORE_AWAY", "The database does not answer.")
        if run_id == "bad":
            raise NotNow("BAD", "This run cannot be done.")
        if run_id == "bug":
            raise KeyError(run_id)
        with self.store.write() as books:
            books.runs.set_state(run_id, RunState.DONE)
        return True


@contextmanager
def a_job(*run_ids: str, failed: str = "") -> Iterator[Any]:
    store, turn, watch = MemoryStore(), OneTurn(), Counts()
    order = RunOrder(Period.MONTH, 3, date(2026, 1, 5))
    for run_id in run_ids:
        store.books.runs.add(Run(run_id, order, RunState.WAITING, 0, 0, MONDAY), "")
    if failed:
        store.books.runs.set_state(failed, RunState.FAILED, end_time=MONDAY, failure="Away.")
    job: Any = RunJob(
        turn,  # type: ignore[arg-type]  # only its turn is asked for
        store,
        Carrier(store),
        FixedClock(MONDAY),
        watch,
    )
    job.start()
    try:
        yield job
    finally:
        job.stop()
        assert turn.taken == turn.released


def states(job: Any) -> dict[str, RunState]:
    return {run_id: run.state for run_id, run in job.store.books.runs.runs.items()}


def all_ended(job: Any) -> bool:
    until = time.monotonic() + 10
    while not all(state.ended for state in states(job).values()):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def test_runs_are_carried_out_the_oldest_first() -> None:
    with a_job("first", "second") as job:
        assert all_ended(job)
        assert job.carry_out.tried == ["first", "second"]


def test_a_run_that_fails_says_why_and_the_next_one_is_carried_out() -> None:
    with a_job("bad", "bug", "good") as job:
        assert all_ended(job)
        assert states(job) == {
            "bad": RunState.FAILED,
            "bug": RunState.FAILED,
            "good": RunState.DONE,
        }
        runs = job.store.books.runs.runs
        assert runs["bad"].failure.startswith("This run cannot be done.")
        assert "KeyError" in runs["bug"].failure
        assert "request_key" in runs["bug"].failure
        assert job.watch.ended == [RunState.FAILED, RunState.FAILED]


def test_a_store_that_was_away_delays_a_run_and_does_not_fail_it() -> None:
    with a_job("away") as job:
        assert all_ended(job)
        assert job.carry_out.tried == ["away", "away"]
        assert states(job) == {"away": RunState.DONE}


def test_a_run_that_failed_lately_is_tried_again_at_the_next_start() -> None:
    with a_job("old", failed="old") as job:
        until = time.monotonic() + 10
        while states(job)["old"] is not RunState.DONE and time.monotonic() < until:
            time.sleep(0.01)
        assert states(job) == {"old": RunState.DONE}


def test_between_runs_the_turn_is_free_for_a_backup() -> None:
    with a_job("only") as job:
        assert all_ended(job)
        until = time.monotonic() + 10
        while job.database.taken > job.database.released and time.monotonic() < until:
            time.sleep(0.01)
        assert job.database.taken == job.database.released > 0


def test_a_new_run_wakes_the_job_at_once() -> None:
    with a_job() as job:
        time.sleep(0.1)
        order = RunOrder(Period.MONTH, 3, date(2026, 1, 5))
        with job.store.write() as books:
            books.runs.add(Run("late", order, RunState.WAITING, 0, 0, MONDAY), "")
        began = time.monotonic()
        job.wake()
        assert all_ended(job)
        assert time.monotonic() - began < 0.9
