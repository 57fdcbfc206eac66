"""The job that carries out forecast runs, one after the other, on one replica at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from services.demand.domain.runs import RunState
from services.demand.ports import RunWatch, Store
from shared.clock import Clock
from shared.errors import Refusal, Unavailable
from shared.storage import Database
from shared.telemetry import get_log

TURN = "forecast-runs"
LOOK_SECONDS = 1.0
AWAY_SECONDS = 2.0
RETRY_FAILED = timedelta(days=1)


@dataclass(slots=True)
class RunJob:
    """A thread that takes the oldest unfinished run; a restart goes on where it was left.

    `carry_out`: run id, whether to stop -> whether the run is finished.
    """

    database: Database
    store: Store
    carry_out: Callable[[str, Callable[[], bool]], bool]
    clock: Clock
    watch: RunWatch
    _stopping: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _begun: bool = False

    def wake(self) -> None:
        """There is a new run."""
        self._wake.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._live, name="forecast-runs")
        self._thread.start()

    def stop(self) -> None:
        """Stops after the transaction in hand; the run goes on at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _live(self) -> None:
        log = get_log("forecast-runs")
        while not self._stopping.is_set():
            try:
                if not self._look():
                    self._wait(LOOK_SECONDS)
            except Unavailable as refusal:
                log.warning("store is away", reason=refusal.reason, delay_s=AWAY_SECONDS)
                self._stopping.wait(AWAY_SECONDS)
            except Exception as error:  # noqa: BLE001  # the job must outlive any fault
                log.error("job stumbled", error_type=type(error).__name__)  # noqa: TRY400
                self._stopping.wait(AWAY_SECONDS)

    def _look(self) -> bool:
        """Carries out the oldest unfinished run; False when there is none, or not our turn.

        The turn is held no longer than that: a backup takes it while nothing runs.
        """
        if self._begun and not self._unfinished():
            return False
        turn = self.database.try_turn(TURN)
        if turn is None:
            return False
        try:
            if not self._begun:
                self._begin()
                self._begun = True
            unfinished = self._unfinished()
            if unfinished:
                self._one(unfinished[0])
            return bool(unfinished)
        finally:
            turn.release()

    def _unfinished(self) -> Sequence[str]:
        with self.store.read() as books:
            return books.runs.unfinished()

    def _wait(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _begin(self) -> None:
        """What was left behind: runs that failed lately are tried again once."""
        with self.store.write() as books:
            for run_id in books.runs.failed_since(self.clock.now() - RETRY_FAILED):
                books.runs.set_state(run_id, RunState.WAITING)
            made = books.forecasts.newest_made()
        if made is not None:
            self.watch.forecast_made(made)

    def _one(self, run_id: str) -> None:
        log = get_log("forecast-runs")
        log.info("run begins", run_id=run_id)
        try:
            finished = self.carry_out(run_id, self._stopping.is_set)
            log.info("run ended" if finished else "run interrupted", run_id=run_id)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  # one bad run must not end the job
            self._failed(run_id, error)

    def _failed(self, run_id: str, error: Exception) -> None:
        get_log("forecast-runs").error("run failed", run_id=run_id, error_type=type(error).__name__)
        words = error.message if isinstance(error, Refusal) else f"{type(error).__name__}: a fault"
        with self.store.write() as books:
            books.runs.set_state(
                run_id,
                RunState.FAILED,
                end_time=self.clock.now(),
                failure=f"{words} What was finished is kept; start the run again with the same "
                "request_key, or restart the service.",
            )
        self.watch.run_ended(RunState.FAILED, 0.0)
