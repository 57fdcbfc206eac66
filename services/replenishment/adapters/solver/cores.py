"""Loops over groups, shared out among the cores: each group is worked on by one thread only."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np

from services.replenishment.adapters.solver.grid import Grid

T = TypeVar("T")
R = TypeVar("R")
CORES = len(os.sched_getaffinity(0))
PARTS_OF_A_CORE = 4  # a core that others use as well gets fewer of them
SMALL = 50_000  # table entries: below, handing over costs more than it saves


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CORES, thread_name_prefix="groups")


def side_by_side(work: Callable[[T], R], parts: list[T]) -> list[R]:
    """What `work` gives for every part, in their order, on as many cores as there are."""
    if CORES == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    return [asked.result() for asked in [_threads().submit(work, part) for part in parts]]


class Shares:
    """The groups of a grid in parts of about the same size of tables.

    What a loop does for a group depends on no other group, so the result is the same
    to the bit however many parts and cores there are.
    """

    def __init__(self, grid: Grid) -> None:
        size = grid.table[grid.starts]  # [G + 1] table entries before each group
        many = 1 if CORES == 1 or size[-1] < SMALL else CORES * PARTS_OF_A_CORE
        cuts = np.searchsorted(size, np.linspace(0, size[-1], many + 1)[1:-1])
        ends = np.unique(np.concatenate([[0], cuts, [len(grid.starts) - 1]]))
        self._parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(ends)]

    def run(self, work: Callable[[slice], None]) -> None:
        """Calls `work` with every part, side by side where there are several."""
        if len(self._parts) <= 1:
            for part in self._parts:
                work(part)
            return
        for done in [_threads().submit(work, part) for part in self._parts]:
            done.result()
