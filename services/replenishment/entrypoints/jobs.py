"""The job that makes plans, one after the other, on one replica at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from services.replenishment.ports import Store
from services.replenishment.use_cases.carry_out import CarryOutPlan
from shared.errors import Refusal, Unavailable
from shared.storage import Database
from shared.telemetry import get_log

TURN = "plan"
LOOK_SECONDS = 2.0
RETRY_SECONDS = 2.0


@dataclass(slots=True)
class PlanJob:
    """Looks for unfinished plans, also those that a stopped service left behind.

    Only the holder of the turn makes plans, so a plan that is running while the turn is
    free was left behind, and is made anew.
    """

    database: Database
    store: Store
    carry_out: CarryOutPlan
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def wake(self) -> None:
        self._wake.set()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="plans", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the worker at once; its plan is made anew at the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._look()
            except Unavailable as refusal:
                get_log("plans").warning(
                    "planning waits", reason=refusal.reason, delay_s=RETRY_SECONDS
                )
                self._stopping.wait(RETRY_SECONDS)
            else:
                self._wake.wait(LOOK_SECONDS)

    def _look(self) -> None:
        with self.store.read() as books:
            waiting = books.plans.unfinished()
        if not waiting:
            return
        turn = self.database.try_turn(TURN)
        if turn is None:
            return
        try:
            for plan_id in waiting:
                if self._stopping.is_set():
                    return
                self._one(plan_id)
        finally:
            turn.release()

    def _one(self, plan_id: str) -> None:
        log = get_log("plans")
        try:
            self.carry_out(plan_id, self._stopping.is_set)
        except Unavailable:
            raise
        except Refusal as refusal:
            self.carry_out.fail(plan_id, refusal.message)
            log.warning("plan failed", plan_id=plan_id, reason=refusal.reason)
        except Exception as error:  # noqa: BLE001  a fault of ours must not stop later plans
            self.carry_out.fail(
                plan_id, "A fault of ours ended this plan; the service's log has it."
            )
            log.error(  # noqa: TRY400  a traceback's text could show what is stored
                "plan failed", plan_id=plan_id, error_type=type(error).__name__
            )
