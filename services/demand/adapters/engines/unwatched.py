"""Progress that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Unwatched:
    @contextmanager
    def stage(self, _name: str, _steps: int) -> Iterator[Callable[[], None]]:
        yield lambda: None
