"""Fuzzes every decoder and every RPC: what is broken may be refused, never crash anything.

    python -m loadtests.fuzz [--minutes 10] [--only NAME …] [--seed 1] [--out build/fuzz]

Decoders (`services/*/tests/fuzz_targets.py`): Hub messages, facts of every topic at a
service's own intake, instance files, the Parquet, CSV and JSON that commands read. Each runs
in a process of its own with a limit of memory. Then each RPC of the running services gets
broken requests. The time is shared equally. Inputs that crashed are kept in --out beside
their traces. Exit code 0 when there was none.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from loadtests.fuzz_rpc import fuzz_rpcs, rpc_count
from shared.testing.fuzzing import Found, Target, apart, keep

SERVICES = Path(__file__).resolve().parent.parent / "services"
RPCS = "every RPC"


def makers() -> Iterator[tuple[str, Callable[[Path], Sequence[Target]]]]:
    """The services that bring targets, and what makes theirs."""
    for path in sorted(SERVICES.glob("*/tests/fuzz_targets.py")):
        service = path.parts[-3]
        module = importlib.import_module(f"services.{service}.tests.fuzz_targets")
        yield service, module.targets


def names(folder: Path) -> Iterator[tuple[str, Callable[[Path], Sequence[Target]]]]:
    """Every target's name with what makes it."""
    for service, make in makers():
        place = folder / f"names-{service}"
        place.mkdir()
        for target in make(place):
            yield target.name, make


def show(found: Sequence[Found]) -> bool:
    """Prints one table; True when nothing crashed."""
    table = Table("decoder", "tries", "taken", "refused", "seconds", "crashes")
    for one in found:
        crashes = "\n".join(one.crashes) or "none"
        seconds = f"{one.seconds:.0f}"
        table.add_row(
            one.name, f"{one.tries:,}", f"{one.taken:,}", f"{one.refused:,}", seconds, crashes
        )
    screen = Console(highlight=False)
    screen.print(table)
    total = sum(one.seconds for one in found)
    screen.print(f"{sum(o.tries for o in found):,} inputs in {total / 60:.1f} minutes of fuzzing")
    return not any(one.crashes for one in found)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0, help="in all")
    parser.add_argument("--only", nargs="+", default=[], help="targets whose name has this in it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    chosen = parser.parse_args(arguments)
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="larrey-fuzz-", ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def wanted(target: str) -> bool:
            return not chosen.only or any(part in target for part in chosen.only)

        plan = [(target, make) for target, make in names(folder) if wanted(target)]
        parts = len(plan) + (rpc_count() / 4 if wanted(RPCS) else 0)
        share = chosen.minutes * 60 / max(parts, 1)
        works: list[Callable[[], Sequence[Found]]] = [
            partial(_one, make, target, share, chosen.seed, folder / f"{number}")
            for number, (target, make) in enumerate(plan)
        ]
        if wanted(RPCS):
            works.append(partial(fuzz_rpcs, share / 4, chosen.seed, folder / "services"))
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("fuzzing", total=len(works))
            for work in works:
                begin = time.monotonic()
                told = work()
                found += told
                progress.console.print(f"{told[0].name}: {time.monotonic() - begin:.0f} s")
                progress.advance(task)
    for one in found:
        for crash in one.crashes.values():
            Console(stderr=True).print(f"kept {keep(crash, one.name, chosen.out)}")
    return 0 if show(found) else 1


def _one(
    make: Callable[[Path], Sequence[Target]], name: str, seconds: float, seed: int, folder: Path
) -> Sequence[Found]:
    return [apart(make, name, seconds, seed, folder)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
