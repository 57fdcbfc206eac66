"""Prints the proven gap of plans of 100 to 50,000 made item-sites, with CPU seconds and memory.

    python -m loadtests.plan_scale [--sizes 100 1000 10000 50000] [--seeds 1 2 3 4 5]

Each line is one run of `larrey replenishment solve` on a problem of
`larrey replenishment generate`; of 50,000 only the first seed is run. Exit code 1 when a
promise of the table is broken.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console


@dataclass(frozen=True, slots=True)
class Promise:
    seconds: float
    median_gap: float
    worst_gap: float
    mebibytes: float
    seeds: int = 5  # how many of the seeds asked for are run


LATE_SECONDS = 3.0  # after the seconds asked for, the process has ended
GB = 1e9 / 2**20  # in MiB
PROMISES = {
    100: Promise(15, 0.002, 0.006, GB),
    1000: Promise(15, 0.002, 0.006, GB),
    10_000: Promise(60, 0.005, 0.005, GB),
    50_000: Promise(150, 0.005, 0.005, 1.5 * GB, seeds=1),
}


def run(size: int, seed: int, folder: Path) -> dict[str, Any]:
    """One made problem, solved; what the command told."""
    larrey = str(Path(sys.executable).parent / "larrey")
    instance, answer = folder / f"{size}-{seed}.npz", folder / "answer.json"
    make = ["generate", "--item-sites", str(size), "--seed", str(seed), "--out", str(instance)]
    subprocess.run([larrey, "replenishment", *make], check=True)
    options = ["--seconds", str(PROMISES[size].seconds), "--seed", "1", "--json", str(answer)]
    options += ["--instance", str(instance), "--plan-out", str(folder / "plan.npz")]
    began = time.monotonic()
    subprocess.run([larrey, "replenishment", "solve", *options], check=True)
    ended = time.monotonic() - began
    instance.unlink()
    told: dict[str, Any] = {**json.loads(answer.read_text()), "ended": ended}
    return told


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--sizes", type=int, nargs="+", default=[*PROMISES], choices=[*PROMISES])
    asked.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = asked.parse_args()
    screen, kept = Console(), True
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            promise, gaps, most, late = PROMISES[size], [], 0.0, False
            for seed in options.seeds[: promise.seeds]:
                told = run(size, seed, Path(folder))
                gaps.append(told["gap"])
                most = max(most, told["peak_rss_mib"])
                late = late or told["ended"] > promise.seconds + LATE_SECONDS
                screen.print(
                    f"{size:>6} item-sites, seed {seed}: gap {told['gap']:.3%}, "
                    f"ended after {told['ended']:.1f} s, {told['cpu_seconds']:.1f} CPU-s, "
                    f"{told['peak_rss_mib']:.0f} MiB, {told['iterations']} rounds"
                )
            median, worst = statistics.median(gaps), max(gaps)
            held = median <= promise.median_gap and worst <= promise.worst_gap
            held = held and most <= promise.mebibytes and not late
            kept = kept and held
            screen.print(
                f"{size:>6} item-sites: median {median:.3%}, worst {worst:.3%} "
                f"(promise {promise.median_gap:.1%}, {promise.worst_gap:.1%}, "
                f"most {most:.0f} of {promise.mebibytes:.0f} MiB, "
                f"{promise.seconds + LATE_SECONDS:.0f} s): {'kept' if held else 'BROKEN'}"
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
