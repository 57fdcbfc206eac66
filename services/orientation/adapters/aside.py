"""What the scoring process tells the one at the door besides its answers."""

from __future__ import annotations

import threading
from typing import Any

from services.orientation.domain.measured import Measured
from services.orientation.domain.records import CaseKey
from services.orientation.ports import Told


class Aside:
    """Collects what is counted, what was kept and whether a fact waits, until it is taken.

    It is a meter for whoever answers: the one at the door is scraped, not this process. One
    group is prepared while another is kept, each on a thread of its own.
    """

    def __init__(self, outbox_grew: threading.Event) -> None:
        self._outbox_grew = outbox_grew
        self._counted: list[tuple[str, tuple[Any, ...]]] = []
        self._kept: list[tuple[CaseKey, str]] = []
        self._lock = threading.Lock()

    def answered(self, measured: Measured) -> None:
        with self._lock:
            self._counted.append(("answered", (measured,)))

    def roads(self, outcome: str) -> None:
        with self._lock:
            self._counted.append(("roads", (outcome,)))

    def kept(self, cases: list[tuple[CaseKey, str]]) -> None:
        with self._lock:
            self._kept += cases

    def take(self) -> Told:
        with self._lock:
            counted, self._counted = self._counted, []
            kept, self._kept = self._kept, []
        published = self._outbox_grew.is_set()
        if published:
            self._outbox_grew.clear()
        return Told(counted, kept, published)
