"""A line to stand in: who came first goes first."""

from __future__ import annotations

import threading
from collections import deque


class Line:
    """A lock that is handed to whoever waits longest.

    A plain lock lets the thread that has just released it take it again; a busy
    consumer would then keep the calls of people waiting.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def acquire(self, timeout_s: float) -> bool:
        """True once it is this thread's turn; False when that took too long."""
        with self._mutex:
            if not self._taken:
                self._taken = True
                return True
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append(gate)
        if gate.acquire(timeout=timeout_s):
            return True
        with self._mutex:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return False
            return True  # it was handed over at the last moment

    def release(self) -> None:
        """Lets the next one go."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
