"""Spawned worker processes that do the sums, and what happens when one of them dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TypeVar

from services.demand.domain.forecasts import Finding, Outcome
from services.demand.ports import Part, PartMade
from shared.leaving import leave_with_parent
from shared.yielding import step_back

R = TypeVar("R")
ASK_SECONDS = 0.2


def _start_worker() -> None:
    """Runs first in a worker: it leaves the processor to those who answer calls."""
    step_back()
    leave_with_parent()


def make(part: Part) -> PartMade:
    """Makes one part; runs in a worker."""
    # the engines are imported in the workers only
    from services.demand.adapters.engines.wiring import make_part  # noqa: PLC0415

    return make_part(part)


def teach_models(sample: Part, folder: str) -> str:
    """Learns the models of a pool; runs in a worker. The folder of the bundle."""
    from services.demand.adapters.engines.wiring import teach  # noqa: PLC0415

    return teach(sample, folder)


def lost(part: Part) -> PartMade:
    """What is said of a series whose worker process died."""
    one = part.series[0]
    finding = Finding(
        one.item_id,
        one.site_id,
        "WORKER_DIED",
        "The process that worked on this series died twice, most likely for want of "
        "memory. Give the service more memory, or check the series' history.",
    )
    return PartMade([Outcome(one.item_id, one.site_id, None, finding)], {})


@dataclass(slots=True)
class SpawnedWorkers:
    """Makes parts on at most `processes` spawned processes, as many at a time, in any order.

    The engines are imported in the workers only, which takes each some seconds: no more of them
    are started than there are parts. `close` ends them.
    """

    processes: int
    _started: int = 1
    _pool: ProcessPoolExecutor | None = field(default=None)

    def forecast(self, parts: Sequence[Part], stopped: Callable[[], bool]) -> Iterator[PartMade]:
        """What was made of each part. A part whose process died is tried again in halves,
        down to the series whose fault it was."""
        self._need(len(parts))
        waiting = list(reversed(parts))
        suspects: list[Part] = []
        running: dict[Future[PartMade], Part] = {}
        while (waiting or running) and not stopped():
            try:
                while waiting and len(running) <= self.processes:
                    part = waiting[-1]  # still waiting when its process cannot be started
                    running[self._submit(part)] = part
                    waiting.pop()
                for future in wait(running, ASK_SECONDS, FIRST_COMPLETED).done:
                    result = future.result()
                    del running[future]
                    yield result
            except BrokenProcessPool:
                suspects.extend(running.values())
                running.clear()
                self.close()
        # one at a time, so that it is clear whose fault it is
        while suspects and not stopped():
            part = suspects.pop()
            made: PartMade | None
            try:
                made = self._awaited(self._submit(part), stopped)
            except BrokenProcessPool:
                self.close()
                if len(part.series) > 1:
                    suspects.extend(part.halves())
                    continue
                made = lost(part)
            if made is not None:
                yield made

    def teach(self, sample: Part, folder: str, stopped: Callable[[], bool]) -> str:
        """The bundle that was learnt; empty when told to stop before it was."""
        return self._awaited(self._open().submit(teach_models, sample, folder), stopped) or ""

    @staticmethod
    def _awaited(future: Future[R], stopped: Callable[[], bool]) -> R | None:
        while not stopped():
            if wait([future], ASK_SECONDS).done:
                return future.result()
        return None

    def _submit(self, part: Part) -> Future[PartMade]:
        return self._open().submit(make, part)

    def _need(self, parts: int) -> None:
        """A pool starts all its processes at once: one with too few makes place for another."""
        wanted = max(1, min(self.processes, parts))
        if wanted > self._started:
            self.close()
            self._started = wanted

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._started, mp_context=get_context("spawn"), initializer=_start_worker
            )
        return self._pool

    def close(self) -> None:
        """Ends the workers, those in the middle of a chunk too."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        workers = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
