"""A plan that starts from the prices of an earlier one, in the engine and through files."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.replenishment.adapters.generator import generate, write
from services.replenishment.adapters.instances import read_named
from services.replenishment.adapters.plan_files import read_start, write_plan
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Solution, Watch
from services.replenishment.adapters.tomorrow import day_after, tomorrow
from services.replenishment.domain.check import check
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Problem
from services.replenishment.ports import Instance, Proved
from services.replenishment.tests.tiny import PROBLEMS, best_cost
from shared.errors import Malformed


def solved(problem: Problem, rounds: int, start: Prices | None = None) -> Solution:
    return solve(problem, Effort(rounds=rounds, gap=0.0), 1, Watch(time.monotonic), start)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Instance, Path, Solution]:
    folder = tmp_path_factory.mktemp("warm")
    path, out = folder / "today.npz", folder / "plan.npz"
    write(path, generate(60, 5))
    instance = read_named(path)
    found = solved(instance.problem, 12)
    write_plan(out, instance, Proved(found.orders, found.progress.bound, 12, found.named))
    return path, instance, out, found


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(PROBLEMS, st.integers(0, 1000))
def test_whatever_prices_it_starts_from_the_bound_is_below_the_best_plan(
    problem: Problem, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    places = 0 if problem.storage is None else len(problem.storage.capacity)
    start = Prices(
        draw.exponential(1.0, problem.weekly_budget.shape) * (draw.random() < 0.8),
        draw.exponential(5.0, len(problem.caps)),
        draw.exponential(1.0, (places, problem.days)),
        draw.exponential(1.0, (problem.rows.count, problem.days)) - 0.5,
    )
    found = solved(problem, 12, start)
    assert found.progress.bound <= best_cost(problem) + 1e-6 <= found.progress.cost + 2e-6


def test_the_prices_of_the_same_problem_prove_its_bound_in_the_first_round(
    plan: tuple[Path, Instance, Path, Solution],
) -> None:
    _, instance, out, found = plan
    start = read_start(out, instance, 0)
    warm, cold = solved(instance.problem, 1, start), solved(instance.problem, 1)
    assert warm.progress.bound >= found.progress.bound - 1e-6 * found.progress.cost
    assert warm.progress.bound > cold.progress.bound


def test_rows_and_allocations_are_found_by_their_numbers_in_any_order(
    plan: tuple[Path, Instance, Path, Solution], tmp_path: Path
) -> None:
    _, instance, out, found = plan
    with np.load(out) as file:
        arrays = {name: file[name] for name in file.files}
    order = np.random.default_rng(2).permutation(len(arrays["item"]))
    for name in ("site", "item", "order_share"):
        arrays[name] = arrays[name][order]
    for name in ("allocation_item", "allocation_price"):
        arrays[name] = arrays[name][::-1]
    shuffled = tmp_path / "shuffled.npz"
    np.savez(shuffled, **arrays)
    read = read_start(shuffled, instance, 0)
    assert np.array_equal(read.share, found.named.share.astype(np.float32))
    assert np.array_equal(read.cap, found.named.cap)


def test_an_item_that_the_file_does_not_know_starts_from_nothing(
    plan: tuple[Path, Instance, Path, Solution],
) -> None:
    _, instance, out, _ = plan
    new = Instance(instance.problem, instance.site, instance.item + 1000)
    assert not read_start(out, new, 0).share.any()


def test_a_file_without_prices_and_days_below_0_are_refused(
    plan: tuple[Path, Instance, Path, Solution], tmp_path: Path
) -> None:
    _, instance, out, found = plan
    bare = tmp_path / "bare.npz"
    write_plan(bare, instance, Proved(found.orders, 0.0, 1))
    with pytest.raises(Malformed, match="holds no prices"):
        read_start(bare, instance, 1)
    with pytest.raises(Malformed, match="0 or more"):
        read_start(out, instance, -1)
    other = tmp_path / "other.npz"
    write(other, generate(200, 5))
    with pytest.raises(Malformed, match="another group of sites"):
        read_start(out, read_named(other), 1)


def test_the_day_after_begins_with_what_is_left_and_can_be_planned(
    plan: tuple[Path, Instance, Path, Solution], tmp_path: Path
) -> None:
    path, instance, out, found = plan
    after, nothing = day_after(path, out, 3), day_after(path, None, 3)
    first = found.orders[:, 0]
    assert first.any()
    assert np.allclose(after["initial_stock"] - nothing["initial_stock"], first)
    assert (nothing["budget_cap"] >= after["budget_cap"]).all()
    assert after["cum_demand_q"].shape == instance.problem.rows.demand.shape
    assert (np.diff(after["cum_demand_q"], axis=1) >= 0).all()
    kept = tmp_path / "after.npz"
    write(kept, after)
    problem = read_named(kept).problem
    arrives = np.arange(problem.days) + problem.rows.lead[:, None]
    assert not problem.rows.order_days[arrives >= problem.days].any()
    weekday = instance.problem.rows.order_days[:, 1:15]
    assert np.array_equal(problem.rows.order_days[:, :14], weekday)
    assert check(problem, solved(problem, 3, read_start(out, instance, 1)).orders) == ()


def test_a_plan_of_another_problem_is_refused_for_the_day_after(
    plan: tuple[Path, Instance, Path, Solution], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, orders=np.zeros((3, 28)))
    with pytest.raises(Malformed, match="is no plan of"):
        day_after(plan[0], wrong, 1)
    assert tomorrow(generate(20, 1), np.zeros((20, 28), dtype=np.int64), 1)["alloc_cap"].any()
