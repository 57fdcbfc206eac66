"""Prints how good a plan is that starts from yesterday's prices, and one that does not.

    python -m loadtests.plan_warm [--item-sites 10000] [--seconds 10] [--seeds 1]

For each seed a problem is made and planned for a minute; then comes the day after, with
the stock that is left, planned twice in few seconds: from the prices in the plan of the
day before, and from nothing. Exit code 1 when a warm plan's gap is above 1 %.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

PROMISED_GAP = 0.01


def larrey(*words: str | Path) -> None:
    command = Path(sys.executable).parent / "larrey"
    subprocess.run([command, "replenishment", *map(str, words)], check=True)


def solve(instance: Path, seconds: float, plan: Path, *more: str | Path) -> dict[str, Any]:
    """What `larrey replenishment solve` told."""
    answer = instance.with_suffix(".json")
    options = ("--seconds", str(seconds), "--seed", "1", "--json", answer, *more)
    larrey("solve", "--instance", instance, "--plan-out", plan, *options)
    told: dict[str, Any] = json.loads(answer.read_text())
    return told


def shown(told: dict[str, Any]) -> str:
    return f"{told['gap']:.3%} ({told['seconds']:.1f} s, {told['cpu_seconds']:.1f} CPU-s)"


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--item-sites", type=int, default=10_000)
    asked.add_argument("--seconds", type=float, default=10.0)
    asked.add_argument("--before", type=float, default=60.0, help="seconds of the day before")
    asked.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = asked.parse_args()
    screen, kept = Console(), True
    with tempfile.TemporaryDirectory() as folder:
        today, after = Path(folder) / "today.npz", Path(folder) / "after.npz"
        plan, new_plan = Path(folder) / "plan.npz", Path(folder) / "new_plan.npz"
        for seed in options.seeds:
            size = ("--item-sites", str(options.item_sites), "--seed", str(seed))
            larrey("generate", "--out", today, *size)
            before = solve(today, options.before, plan)
            then = ("--day-after", today, "--plan", plan, "--seed", str(seed))
            larrey("generate", "--out", after, *then)
            warm = solve(after, options.seconds, new_plan, "--warm-from", plan)
            cold = solve(after, options.seconds, new_plan)
            kept = kept and warm["gap"] <= PROMISED_GAP
            screen.print(
                f"{options.item_sites:>6} item-sites, seed {seed}: the day before gap "
                f"{shown(before)}; the day after {shown(warm)} warm, {shown(cold)} cold"
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
