"""The command that plans a problem from a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.replenishment.adapters.instances import read_instance
from services.replenishment.domain.check import check, cost
from shared.errors import Malformed


def an_instance(**changes: Any) -> dict[str, Any]:
    """Twelve item-sites of two suppliers at two sites over 14 days, drawn with one seed."""
    draw = np.random.default_rng(7)
    count, days, levels = 12, 14, 5
    arrays: dict[str, Any] = {
        "cum_demand_q": np.cumsum(draw.gamma(1.0, 0.5, (count, days, levels)), axis=1),
        "initial_stock": draw.uniform(0, 3, count),
        "moq": draw.integers(1, 3, count),
        "break_qty": np.full(count, 5),
        "break_discount": np.where(np.arange(count) % 3 == 0, 0.01, 0.0),
        "pack_price": draw.uniform(2, 60, count),
        "holding": draw.uniform(0.01, 0.1, count),
        "backorder": draw.uniform(1, 8, count),
        "line_cost": np.full(count, 2.0),
        "order_cost": np.array(25.0),
        "volume": draw.uniform(0.001, 0.01, count),
        "cold": np.arange(count) % 4 == 0,
        "site": np.arange(count) % 2,
        "item": np.arange(count) // 2,
        "supplier": np.arange(count) // 6,
        "lead": np.full(count, 2),
        "order_day": np.tile([0, 3, 7, 10], (count, 1)),
        "n_order_days": np.full(count, 4),
        "max_packs": np.full(count, 20),
        "storage_cap": np.full((2, 2, days), 0.05),
        "storage_penalty": np.array(10.0),
        "budget_cap": np.full((2, 2), 300.0),
        "budget_penalty": np.array(0.1),
        "alloc_cap": np.array([6.0, 1e9, 1e9, 9.0, 1e9, 1e9]),
    }
    return {**arrays, **changes}


def written(folder: Path, arrays: dict[str, Any]) -> Path:
    path = folder / "instance.npz"
    np.savez(path, **arrays)
    return path


def solve(folder: Path, instance: Path, seconds: str) -> subprocess.CompletedProcess[str]:
    larrey = Path(sys.executable).parent / "larrey"
    options = ["--seconds", seconds, "--seed", "1", "--json", str(folder / "answer.json")]
    options += ["--instance", str(instance), "--plan-out", str(folder / "plan.npz")]
    return subprocess.run(
        [larrey, "replenishment", "solve", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command_writes_a_sound_plan_and_says_how_good_it_is(tmp_path: Path) -> None:
    instance = written(tmp_path, an_instance())
    done = solve(tmp_path, instance, "8")
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "answer.json").read_text())
    problem = read_instance(instance)
    orders = np.load(tmp_path / "plan.npz")["orders"]
    assert orders.dtype.kind == "i"
    assert check(problem, orders) == ()
    assert told["cost"] == pytest.approx(cost(problem, orders).total)
    assert told["bound"] <= told["cost"]
    assert told["gap"] == pytest.approx((told["cost"] - told["bound"]) / told["cost"])
    assert told["seconds"] <= 8 + 3
    assert {"cpu_seconds", "peak_rss_mib", "iterations"} <= set(told)


def test_a_file_that_is_no_instance_gets_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "instance.npz"
    path.write_text("not an archive")
    done = solve(tmp_path, path, "5")
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert "INSTANCE_MALFORMED" in done.stderr
    assert not (tmp_path / "answer.json").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"moq": np.ones(3)}, "moq"),
        ({"pack_price": np.full(12, np.nan)}, "missing"),
        ({"cum_demand_q": np.zeros((12, 14))}, "cum_demand_q"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read_instance(written(tmp_path, an_instance(**change)))


def test_a_missing_array_and_a_missing_file_are_named(tmp_path: Path) -> None:
    arrays = an_instance()
    del arrays["lead"]
    with pytest.raises(Malformed, match="lead"):
        read_instance(written(tmp_path, arrays))
    with pytest.raises(Malformed, match="no such file"):
        read_instance(tmp_path / "nowhere.npz")
