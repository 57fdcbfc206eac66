"""What a command uses of the machine, and how far it has come."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.demand.domain.history_files import Used


def used_so_far() -> Used:
    """CPU seconds of this process and of its finished children, and the peak memory."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    parts = [resource.getrusage(kind) for kind in kinds]
    cpu = sum(part.ru_utime + part.ru_stime for part in parts)
    return Used(cpu, parts[0].ru_maxrss / 1024)


class Bars:
    """Progress bars on stderr, so that stdout stays for results."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def stage(self, name: str, steps: int) -> Iterator[Callable[[], None]]:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        ) as bars:
            task = bars.add_task(name, total=steps)
            yield lambda: bars.advance(task)
