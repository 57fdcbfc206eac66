"""The choice of moves between sites, in a spawned process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from services.replenishment.adapters.worker import (
    ASK_SECONDS,
    GRACE_SECONDS,
    START_SECONDS,
    cap_memory,
    prepare,
)
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.sharing import Sharing
from services.replenishment.ports import Shared, SolverLost
from shared.yielding import NICENESS


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    sharing: Sharing
    seconds: float
    seed: int
    memory_mb: int


def work(sender: Connection, job: Job, compiled: Path | None) -> None:
    """What the worker process runs."""
    prepare(NICENESS, compiled)
    # The engines are loaded here only: a service that never plans never pays for them.
    from services.replenishment.adapters.solver.sharing import shared  # noqa: PLC0415

    cap_memory(job.memory_mb)
    sender.send(shared(job.sharing, job.seconds, job.seed))
    sender.close()


class SpawnedSharer:
    """Runs one choice at a time in a process of its own, started for it."""

    def __init__(self, compiled: Path | None = None, memory_mb: int = 0) -> None:
        self._compiled, self._memory_mb = compiled, memory_mb

    def __call__(
        self, sharing: Sharing, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Shared | None:
        spawn = get_context("spawn")
        receiver, sender = spawn.Pipe(duplex=False)
        job = Job(sharing, seconds, seed, self._memory_mb)
        process = spawn.Process(target=work, args=(sender, job, self._compiled), daemon=True)
        process.start()
        sender.close()
        try:
            return _heard(receiver, seconds, stopped)
        finally:
            process.kill()
            process.join()
            receiver.close()


def found_in_time(heard: tuple[tuple[int, ...], Floats] | None) -> Shared:
    """Raises SolverLost where the variants could not be planned in time."""
    if heard is None:
        raise SolverLost("There was no time for them: give the plan more seconds.")
    return Shared(*heard)


def _heard(receiver: Connection, seconds: float, stopped: Callable[[], bool]) -> Shared | None:
    patience = time.monotonic() + max(seconds, START_SECONDS) + GRACE_SECONDS
    while not stopped():
        if receiver.poll(ASK_SECONDS):
            try:
                heard: tuple[tuple[int, ...], Floats] | None = receiver.recv()
            except EOFError:
                raise SolverLost("The choice of transfers ended without an answer.") from None
            return found_in_time(heard)
        if time.monotonic() > patience:
            raise SolverLost("The choice of transfers took too long.")
    return None
