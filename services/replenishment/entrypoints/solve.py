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
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Problem
from services.replenishment.ports import Instance, Proved
from shared.errors import Malformed

Plan = Callable[[Problem, float, int, Callable[[Proved], None], Prices | None], Proved]
RESERVE_SECONDS, RESERVE_TIMES = 0.5, 5.0  # times what working out one cost takes here and now
PATIENCE_SECONDS = 1.0  # a round or a choice may end a little late


def seconds_since_start() -> float:
    """Wall seconds since this process began, loading of the interpreter included."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begun = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun


@dataclass(frozen=True, slots=True)
class Files:
    """What is read and what is written."""

    instance: Path
    answer: Path
    plan_out: Path


class _Planning(threading.Thread):
    """Plans beside the clock: compiling a loop, or a choice of SCIP, cannot be interrupted."""

    def __init__(
        self, plan: Plan, problem: Problem, seconds: float, seed: int, start: Prices | None
    ) -> None:
        super().__init__(daemon=True)
        self._plan, self._problem, self._seconds, self._seed = plan, problem, seconds, seed
        self._start_from = start
        # Without a plan yet, ordering nothing is one, and no discount is larger than all.
        rows = problem.rows
        off = (rows.price * rows.break_discount.max(axis=1, initial=0.0)) @ rows.most
        nothing = np.zeros((rows.count, problem.days), dtype=np.int64)
        self.best = Proved(nothing, -float(off), 0)
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self.best = self._plan(
                self._problem, self._seconds, self._seed, self._hear, self._start_from
            )
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
    of better ones; `read_start` the prices in the file of an earlier plan. Malformed
    SECONDS_MALFORMED, and what the readers refuse.
    """

    read: Callable[[Path], Instance]
    read_start: Callable[[Path, Instance, int], Prices]
    plan: Plan
    write: Callable[[Path, Instance, Proved], None]

    def __call__(
        self, files: Files, seconds: float, seed: int, earlier: tuple[Path, int] | None = None
    ) -> None:
        """`earlier`: the file of an earlier plan to start from, and the days since then."""
        began = time.monotonic() - seconds_since_start()
        if not 0 < seconds < float("inf"):
            raise Malformed(
                "SECONDS_MALFORMED", "The seconds must be a number above 0.", field="seconds"
            )
        instance = self.read(files.instance)
        problem = instance.problem
        start = None if earlier is None else self.read_start(earlier[0], instance, earlier[1])
        # what checking the plan and writing the files will take
        timed = time.monotonic()
        cost(problem, np.zeros((problem.rows.count, problem.days), dtype=np.int64))
        reserve = RESERVE_SECONDS + RESERVE_TIMES * (time.monotonic() - timed)
        left = began + seconds - reserve - time.monotonic()
        planning = _Planning(self.plan, problem, max(0.0, left), seed, start)
        planning.start()
        found = planning.until(left + PATIENCE_SECONDS)
        broken = check(problem, found.orders)
        if broken:
            raise AssertionError(f"the plan breaks {broken}")
        total = cost(problem, found.orders).total
        self.write(files.plan_out, instance, found)
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
        files.answer.write_text(json.dumps(told, indent=2) + "\n")
