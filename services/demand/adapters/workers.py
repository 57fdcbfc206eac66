"""Spawned worker processes that do the sums, and what happens when one of them dies."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from services.demand.domain.forecasts import Finding, Outcome
from services.demand.domain.residuals import ScaledErrors
from services.demand.domain.series import Series
from services.demand.ports import Panel

R = TypeVar("R")
Chunk = Sequence[Series]
ASK_SECONDS = 0.2
NICENESS = 5


def _start_worker() -> None:
    """Runs first in a worker: it leaves the processor to those who answer calls, and must
    not outlive a parent that was killed."""
    os.nice(NICENESS)
    parent = parent_process()
    if parent is not None:

        def leave_with(sentinel: int) -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=leave_with, args=(parent.sentinel,), daemon=True).start()


def _backtest(chunk: Chunk, horizon: int) -> list[ScaledErrors]:
    from services.demand.adapters.engines.statistical import TsbAndImapa  # noqa: PLC0415
    from services.demand.use_cases.make import Backtest  # noqa: PLC0415

    one = Backtest(TsbAndImapa())
    return [errors for series in chunk for errors in one(series, horizon)]


def _forecast(chunk: Chunk, panel: Panel) -> list[Outcome]:
    from services.demand.adapters.engines.statistical import (  # noqa: PLC0415
        EtsAndTheta,
        TsbAndImapa,
    )
    from services.demand.use_cases.make import MakeForecast  # noqa: PLC0415

    make = MakeForecast(EtsAndTheta(), TsbAndImapa())
    return [make(series, panel) for series in chunk]


def _lost(chunk: Chunk) -> list[Outcome]:
    """What is said of a series whose worker process died."""
    return [
        Outcome(
            s.item_id,
            s.site_id,
            None,
            Finding(
                s.item_id,
                s.site_id,
                "WORKER_DIED",
                "The process that worked on this series died twice, most likely for want of "
                "memory. Give the service more memory, or check the series' history.",
            ),
        )
        for s in chunk
    ]


@dataclass(slots=True)
class SpawnedWorkers:
    """Runs chunks on `processes` spawned processes, as many at a time, in any order.

    The engines are imported in the workers only. `close` ends them.
    """

    processes: int
    _pool: ProcessPoolExecutor | None = field(default=None)

    def backtest(
        self, chunks: Sequence[Chunk], horizon: int, stopped: Callable[[], bool]
    ) -> Iterator[list[ScaledErrors]]:
        yield from self._map(partial(_backtest, horizon=horizon), chunks, stopped, lambda _: [])

    def forecast(
        self, chunks: Sequence[Chunk], panel: Panel, stopped: Callable[[], bool]
    ) -> Iterator[list[Outcome]]:
        yield from self._map(partial(_forecast, panel=panel), chunks, stopped, _lost)

    def _map(
        self,
        work: Callable[[Chunk], R],
        chunks: Sequence[Chunk],
        stopped: Callable[[], bool],
        lost: Callable[[Chunk], R],
    ) -> Iterator[R]:
        waiting = list(reversed(chunks))
        suspects: list[Chunk] = []
        running: dict[Future[R], Chunk] = {}
        while (waiting or running) and not stopped():
            try:
                while waiting and len(running) <= self.processes:
                    future = self._submit(work, waiting[-1])
                    running[future] = waiting.pop()
                for future in wait(running, ASK_SECONDS, FIRST_COMPLETED).done:
                    result = future.result()
                    del running[future]
                    yield result
            except BrokenProcessPool:
                suspects.extend(running.values())
                running.clear()
                self.close()
        # What was at work when a worker died is tried again one series at a time, so
        # that it is clear whose fault it was.
        for series in (one for chunk in suspects for one in chunk):
            if stopped():
                return
            try:
                yield self._submit(work, [series]).result()
            except BrokenProcessPool:
                self.close()
                yield lost([series])

    def _submit(self, work: Callable[[Chunk], R], chunk: Chunk) -> Future[R]:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.processes, mp_context=get_context("spawn"), initializer=_start_worker
            )
        return self._pool.submit(work, chunk)

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
