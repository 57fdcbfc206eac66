"""The volume that each row takes on its shelves, by day and state: kept, or made when asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.replenishment.adapters.solver.cores import side_by_side
from services.replenishment.adapters.solver.grid import Grid, fill_shelves, parts_of, sums
from services.replenishment.domain.problem import Ints, Problem


@dataclass(frozen=True, slots=True, eq=False)
class Shelves:
    """Tables of m3 of some rows, a row's days one after another."""

    part: slice
    table: NDArray[np.float32]
    start: Ints


def each_shelves(problem: Problem, grid: Grid, work: Callable[[Shelves], None]) -> None:
    """Calls `work` with the tables of all rows, some at a time where they are not kept."""
    if problem.storage is None or len(grid.shelf):
        work(Shelves(slice(0, grid.count), grid.shelf, grid.shelf_start))
        return

    def made(part: slice) -> None:
        start = sums(grid.width[part] * problem.days)
        table = np.zeros(start[-1], dtype=np.float32)
        fill_shelves(problem, grid, part, (start, table))
        work(Shelves(part, table, start))

    side_by_side(made, parts_of(grid.count))
