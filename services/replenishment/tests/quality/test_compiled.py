"""The compiled loops: one version of each, so that the warm-up leaves nothing to wait for."""

from __future__ import annotations

import importlib
import pkgutil
import time
from typing import Any

from services.replenishment.adapters import solver
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.adapters.solver.warming import compile_all
from services.replenishment.tests.tiny import tiny


def loops() -> dict[str, Any]:
    found = {}
    for module in pkgutil.iter_modules(solver.__path__):
        code = importlib.import_module(f"{solver.__name__}.{module.name}")
        for name, value in vars(code).items():
            if hasattr(value, "signatures") and value.__module__ == code.__name__:
                found[f"{module.name}.{name}"] = value
    return found


def test_the_warm_up_compiles_every_loop_that_a_plan_without_shelves_needs() -> None:
    compile_all()
    before = {name: len(loop.signatures) for name, loop in loops().items()}
    for seed in range(4):
        problem = tiny(seed, budget=True, cap=seed % 2 == 0, breaks=seed > 1)
        solve(problem, Effort(rounds=12), 1, Watch(time.monotonic))
    after = {name: len(loop.signatures) for name, loop in loops().items()}
    assert after == before, "a plan had to compile something more"
    assert sum(after.values()) >= 8
