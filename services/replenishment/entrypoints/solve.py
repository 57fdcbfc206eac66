"""`larrey replenishment solve`: one planning problem from a file, one plan, one proof."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.replenishment.domain.check import check, cost
from services.replenishment.domain.problem import Problem
from services.replenishment.ports import Proved
from shared.errors import Malformed


def seconds_since_start() -> float:
    """Wall seconds since this process began, loading of the interpreter included."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begun = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun


@dataclass(frozen=True, slots=True)
class SolveFile:
    """Plans a file's problem within the wall seconds that the process may live.

    `read` gives the problem of a file, `plan` the best plan within some seconds.
    Malformed SECONDS_MALFORMED, and what `read` refuses.
    """

    read: Callable[[Path], Problem]
    plan: Callable[[Problem, float, int], Proved]

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
        reserve = 0.5 + 5e-5 * problem.rows.count
        left = began + seconds - reserve - time.monotonic()
        found = self.plan(problem, max(0.0, left), seed)
        broken = check(problem, found.orders)
        if broken:
            raise AssertionError(f"the plan breaks {broken}")
        total = cost(problem, found.orders).total
        np.savez_compressed(plan_out, orders=found.orders)
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
        }
        answer.write_text(json.dumps(told, indent=2) + "\n")
