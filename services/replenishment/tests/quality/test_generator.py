"""Made problems: the same seed gives the same one, and its limits bind without being absurd."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from services.replenishment.adapters.generator import generate, write
from services.replenishment.adapters.instances import read_instance
from services.replenishment.domain.check import check, cost


def test_the_same_seed_makes_the_same_problem_and_another_seed_another() -> None:
    first, again, other = generate(20, 1), generate(20, 1), generate(20, 2)
    assert set(first) == set(again)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["cum_demand_q"], other["cum_demand_q"])


def test_a_made_problem_can_be_read_and_ordering_nothing_is_allowed(tmp_path: Path) -> None:
    arrays = generate(20, 3)
    write(tmp_path / "made.npz", arrays)
    problem = read_instance(tmp_path / "made.npz")
    nothing = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
    assert check(problem, nothing) == ()
    assert cost(problem, nothing).total > 0
    # an order that could not arrive within the horizon is never offered
    day, row = problem.rows.order_days.nonzero()[1], problem.rows.order_days.nonzero()[0]
    assert (day + problem.rows.lead[row] < problem.days).all()


def test_the_limits_of_a_made_problem_stand_in_the_way_of_somebody() -> None:
    arrays = generate(40, 4)
    assert (arrays["alloc_cap"] < 1e8).any()
    assert np.isfinite(arrays["budget_cap"]).all()
    assert (arrays["storage_cap"] >= 0).all()
    assert (np.diff(arrays["cum_demand_q"], axis=1) >= 0).all()
    assert (np.diff(arrays["cum_demand_q"], axis=2) >= 0).all()
