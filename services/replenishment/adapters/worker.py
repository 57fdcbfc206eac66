"""The solver in a spawned process: it streams its best plan so far, and may die alone."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Floats, Ints, Problem
from services.replenishment.ports import Solved, SolverLost, SolverProgress
from shared.leaving import leave_with_parent
from shared.yielding import NICENESS, step_back

if TYPE_CHECKING:
    from services.replenishment.adapters.solver.solving import Progress

LAST_NICENESS = 19
ASK_SECONDS, TELL_SECONDS = 0.1, 0.5
# Beyond the seconds that were asked for: the last round ends, the answer travels.
GRACE_SECONDS = 5.0
TOPPING = 0.7  # of the time until plans in hard stores are improved step by step, ...
TOPPING_SECONDS = 1.0  # ... which has as long at least, and so has the price of the room
MOST_ROUNDS = 10_000
# Until the first plan: python and the engines are loaded, by a worker that lets others go first.
START_SECONDS = 120.0


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What the worker says: a better plan (or only better figures), or the end."""

    progress: SolverProgress
    orders: Ints | None
    final: bool
    prices: tuple[Floats, Floats | None] | None = None  # of budgets and stores
    named: Prices | None = None  # at the end


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What a worker is sent to do; `deadline` is on the machine's monotonic clock."""

    problem: Problem
    deadline: float
    seed: int
    gap: float
    memory_mb: int  # beyond what the loaded engines take; 0 is no cap
    start: Prices | None = None  # of an earlier plan
    rounds: int = MOST_ROUNDS


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker cannot go on, in words for people."""

    why: str


def work(sender: Connection, job: Job, compiled: Path | None) -> None:
    """What the worker process runs."""
    prepare(NICENESS, compiled)  # calls are answered first
    # The engines are loaded here only: a service that never plans never pays for them.
    from services.replenishment.adapters.solver import engine  # noqa: F401, PLC0415

    def tell(progress: Progress, orders: Ints | None) -> None:
        sender.send(Told(_progress(progress), orders, final=False))

    cap_memory(job.memory_mb)
    try:
        sender.send(planned(job, tell))
    except MemoryError:
        sender.send(Lost(_out_of_memory(job)))
        return
    sender.close()


def planned(
    job: Job,
    tell: Callable[[Progress, Ints | None], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Told:
    """The best plan within the job's time, in this process."""
    from services.replenishment.adapters.solver.engine import solve  # noqa: PLC0415
    from services.replenishment.adapters.solver.solving import Effort, Watch  # noqa: PLC0415
    from services.replenishment.adapters.solver.topping import room_worth, topped  # noqa: PLC0415

    left = max(0.0, job.deadline - time.monotonic())
    if _has_hard_store(job.problem):
        left *= TOPPING
    effort = Effort(seconds=left, rounds=job.rounds, gap=job.gap)
    watch = Watch(time.monotonic, tell, cancelled)
    solution = solve(job.problem, effort, job.seed, watch, job.start)
    until = max(job.deadline, time.monotonic() + TOPPING_SECONDS)
    orders = topped(job.problem, solution.orders, job.seed, lambda: time.monotonic() >= until)
    worth = room_worth(
        job.problem, orders, job.seed, lambda: time.monotonic() >= until + TOPPING_SECONDS
    )
    stores = shelf_prices(job.problem, solution.prices, worth)
    prices = _budget_prices(job.problem, solution.prices), stores
    return Told(_progress(solution.progress), orders, True, prices, solution.named)


def warm(compiled: Path | None) -> None:
    """Runs in a process of its own at the start: the loops are compiled and kept on disk."""
    prepare(LAST_NICENESS, compiled)
    from services.replenishment.adapters.solver.warming import compile_all  # noqa: PLC0415

    compile_all()


def _has_hard_store(problem: Problem) -> bool:
    storage = problem.storage
    return storage is not None and storage.hard is not None and bool(storage.hard.any())


def cap_memory(megabytes: int) -> None:
    """Limits the address space, so that a large plan fails and the machine does not."""
    if not megabytes:
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + megabytes * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _out_of_memory(job: Job) -> str:
    rows, days = job.problem.rows.count, job.problem.days
    return (
        f"Planning {rows} item-sites for {days} days needs more memory than the "
        f"{job.memory_mb} MB that the solver may take. Plan fewer days, or raise "
        "LARREY_REPLENISHMENT_WORKER_MEMORY_MB. Nothing else was changed."
    )


def prepare(niceness: int, compiled: Path | None) -> None:
    leave_with_parent()
    step_back(niceness)
    if compiled is not None:
        os.environ["NUMBA_CACHE_DIR"] = str(compiled)


def _progress(progress: Progress) -> SolverProgress:
    return SolverProgress(progress.cost, progress.bound, progress.gap, progress.seconds)


def _budget_prices(problem: Problem, prices: Floats) -> Floats:
    """[S, W] of the engine's prices, whose first rows are the limited budgets; 0 elsewhere."""
    found = np.zeros(problem.weekly_budget.shape)
    limited = np.isfinite(problem.weekly_budget)
    found[limited] = prices[: int(limited.sum())]
    return found


def shelf_prices(problem: Problem, prices: Floats, worth: Floats) -> Floats | None:
    """[P, T] of the engine's prices, whose last rows are the stores' days; or what more room
    was seen to be worth on the plan itself, where that is more."""
    if problem.storage is None:
        return None
    shape = problem.storage.capacity.shape
    found: Floats = prices[len(prices) - shape[0] * shape[1] :].reshape(shape)
    seen = worth > found.sum(axis=1)
    return np.where(seen[:, None], worth[:, None] / shape[1], found)


class SpawnedSolver:
    """Runs one solve at a time in a process of its own, started for it."""

    def __init__(self, gap: float, compiled: Path | None = None, memory_mb: int = 0) -> None:
        self._gap, self._compiled, self._memory_mb = gap, compiled, memory_mb
        self.pid: int | None = None  # of the worker at work; the tests kill it

    def __call__(
        self,
        problem: Problem,
        seconds: float,
        seed: int,
        tell: Callable[[SolverProgress], None],
        stopped: Callable[[], bool],
        *,
        start: Prices | None = None,
    ) -> Solved | None:
        began = time.monotonic()
        spawn = get_context("spawn")
        receiver, sender = spawn.Pipe(duplex=False)
        job = Job(problem, began + seconds, seed, self._gap, self._memory_mb, start)
        process = spawn.Process(target=work, args=(sender, job, self._compiled), daemon=True)
        process.start()
        sender.close()
        self.pid = process.pid
        try:
            return _Heard(process, receiver, began, seconds).until_end(tell, stopped)
        finally:
            self.pid = None
            process.kill()
            process.join()
            receiver.close()


class WarmUp:
    """A job of the service: compiles the solver's loops before the first plan needs them."""

    def __init__(self, compiled: Path | None) -> None:
        self._compiled = compiled
        self._process: BaseProcess | None = None

    def start(self) -> None:
        process = get_context("spawn").Process(target=warm, args=(self._compiled,), daemon=True)
        process.start()
        self._process = process

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()


@dataclass(slots=True, eq=False)
class _Heard:
    """What was heard of one worker so far."""

    process: BaseProcess
    receiver: Connection
    began: float
    seconds: float
    best: Ints | None = None
    bound: float = -float("inf")
    told: SolverProgress | None = None
    prices: tuple[Floats, Floats | None] | None = None
    named: Prices | None = None

    def until_end(
        self, tell: Callable[[SolverProgress], None], stopped: Callable[[], bool]
    ) -> Solved | None:
        """The plan at the worker's end, or the best one when its time is up."""
        patience = self.began + max(self.seconds, START_SECONDS) + GRACE_SECONDS
        while not stopped():
            if time.monotonic() > patience:
                return self._best_so_far()
            if not self.receiver.poll(ASK_SECONDS):
                continue
            try:
                heard: Told | Lost = self.receiver.recv()
            except EOFError:
                raise SolverLost(_last_words(self.process)) from None
            if isinstance(heard, Lost):
                raise SolverLost(heard.why)
            self.bound = max(self.bound, heard.progress.bound)
            self.prices, self.named = heard.prices, heard.named
            self.best = self.best if heard.orders is None else heard.orders
            if self.best is not None:  # where nothing is known yet, late is better than nothing
                patience = self.began + self.seconds + GRACE_SECONDS
            if heard.final:
                return self._best_so_far()
            self._pass_on(heard.progress, tell)
        return None

    def _best_so_far(self) -> Solved:
        if self.best is None:
            raise SolverLost(
                f"The solver gave no plan within {self.seconds:g} seconds. Give it more seconds, "
                "or plan fewer days."
            )
        budgets, stores = self.prices if self.prices is not None else (None, None)
        seconds = time.monotonic() - self.began
        return Solved(self.best, self.bound, seconds, budgets, stores, self.named)

    def _pass_on(self, progress: SolverProgress, tell: Callable[[SolverProgress], None]) -> None:
        """At most twice a second: each one is written to the store."""
        now = time.monotonic() - self.began
        if self.told is None or now - self.told.seconds >= TELL_SECONDS:
            self.told = replace(progress, seconds=now)
            tell(self.told)


def _last_words(process: BaseProcess) -> str:
    process.join(GRACE_SECONDS)
    code = process.exitcode
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended ({code})"
    return (
        f"The solver's process {how} before it had finished, most likely for want of memory. "
        "Nothing else was changed: the request may be repeated."
    )
