"""`larrey replenishment solve`: one planning problem from a file, one plan, one proof."""

from __future__ import annotations

import json
import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.replenishment.domain.check import check, cost
from services.replenishment.domain.problem import Problem
from services.replenishment.ports import Proved
from shared.errors import Malformed

Plan = Callable[[Problem, float, int, Callable[[Proved], None]], Proved]
RESERVE_SECONDS, RESERVE_TIMES = 0.5, 5.0  # times what working out one cost takes here and now
PATIENCE_SECONDS = 1.0  # a round or a choice may end a little late


def seconds_since_start() -> float:
    """Wall seconds since this process began, loading of the interpreter included."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begun = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun


class _Planning(threading.Thread):
    """Plans beside the clock: compiling a loop, or a choice of SCIP, cannot be interrupted."""

    def __init__(self, plan: Plan, problem: Problem, seconds: float, seed: int) -> None:
        super().__init__(daemon=True)
        self._plan, self._problem, self._seconds, self._seed = plan, problem, seconds, seed
        # Without a plan yet, ordering nothing is one, and no discount is larger than all.
        rows = problem.rows
        off = (rows.price * rows.break_discount.max(axis=1, initial=0.0)) @ rows.most
        nothing = np.zeros((rows.count, problem.days), dtype=np.int64)
        self.best = Proved(nothing, -float(off), 0)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.best = self._plan(self._problem, self._seconds, self._seed, self._hear)
        except BaseException as failure:  # noqa: BLE001  raised again by who waits for the plan
            self.failure = failure

    def _hear(self, better: Proved) -> None:
        self.best = better

    def until(self, seconds: float) -> Proved:
        """The plan, or the best one so far once the seconds are over."""
        self.join(max(0.0, seconds))
        if self.failure is not None:
            raise self.failure
        return self.best


@dataclass(frozen=True, slots=True)
class SolveFile:
    """Plans a file's problem within the wall seconds that the process may live.

    `read` gives the problem of a file, `plan` the best plan within some seconds, telling
    of better ones. Malformed SECONDS_MALFORMED, and what `read` refuses.
    """

    read: Callable[[Path], Problem]
    plan: Plan

    def __call__(
        self, instance: Path, seconds: float, seed: int, answer: Path, plan_out: Path
    ) -> None:
        began = time.monotonic() - seconds_since_start()
        if not 0 < seconds < float("inf"):
            raise Malformed(
                "SECONDS_MALFORMED", "The seconds must be a number above 0.", field="seconds"
            )
        problem = self.read(instance)
        # what checking the plan and writing the files will take
        timed = time.monotonic()
        cost(problem, np.zeros((problem.rows.count, problem.days), dtype=np.int64))
        reserve = RESERVE_SECONDS + RESERVE_TIMES * (time.monotonic() - timed)
        left = began + seconds - reserve - time.monotonic()
        planning = _Planning(self.plan, problem, max(0.0, left), seed)
        planning.start()
        found = planning.until(left + PATIENCE_SECONDS)
        broken = check(problem, found.orders)
        if broken:
            raise AssertionError(f"the plan breaks {broken}")
        total = cost(problem, found.orders).total
        np.savez_compressed(plan_out, orders=found.orders.astype(np.int32))
        used = resource.getrusage(resource.RUSAGE_SELF)
        bound = min(found.bound, total)
        told = {
            "cost": total,
            "bound": bound,
            "gap": (total - bound) / abs(total) if total else 0.0,
            "seconds": time.monotonic() - began,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_rss_mib": used.ru_maxrss / 1024,
            "iterations": found.rounds,
            "bound_within": "max_packs of discounted item-sites",
        }
        answer.write_text(json.dumps(told, indent=2) + "\n")
