"""Share vehicles and places among casualties: the problem in, the whole answer out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from services.orientation.domain.distribution.answer import Distribution
from services.orientation.domain.distribution.check import check
from services.orientation.domain.distribution.explain import (
    cover_told,
    explain,
    outcome,
    unchanged,
)
from services.orientation.domain.distribution.nearest import nearest_first
from services.orientation.domain.distribution.network import network, read_flow
from services.orientation.domain.distribution.problem import Allocation, Problem
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.together import together
from services.orientation.domain.findings import Finding, tidy
from services.orientation.ports import FlowSolver


@dataclass(frozen=True, slots=True)
class Share:
    """The best allocation, checked by rules that never saw the solver."""

    solver: FlowSolver

    def allocate(self, problem: Problem, tables: Tables) -> Allocation:
        """The allocation alone. A broken rule is our bug and is never handed out."""
        flow, layers = network(problem, tables)
        allocation = read_flow(problem, layers, self.solver.solve(flow))
        allocation = together(problem, tables, allocation)
        broken = check(problem, allocation)
        if broken:
            raise AssertionError(
                f"The allocation breaks {broken[0].rule} and {len(broken) - 1} more"
            )
        return allocation

    def __call__(self, problem: Problem, findings: Sequence[Finding] = ()) -> Distribution:
        """The allocation with its words, its price and what nearest-first would have done."""
        began = time.perf_counter()
        tables = Tables.of(problem)
        allocation = self.allocate(problem, tables)
        nearest = nearest_first(problem, tables)
        told = explain(problem, tables, allocation)
        return Distribution(
            told,
            tables.priced(problem, allocation),
            outcome(problem, tables, allocation),
            outcome(problem, tables, nearest),
            nearest.of(),
            cover_told(problem, allocation),
            unchanged(problem, allocation),
            tidy(list(findings)),
            1000.0 * (time.perf_counter() - began),
        )
