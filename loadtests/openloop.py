"""An open loop: each message leaves when it is due, whatever has come back until then."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import numpy as np

Send = Callable[[int, float], Awaitable[None]]


@dataclass(slots=True)
class Measured:
    """Milliseconds from when each message was due, and what went wrong, by name."""

    milliseconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def answered(self, due: float) -> None:
        self.milliseconds.append((time.perf_counter() - due) * 1000)

    def percentile(self, share: float) -> float:
        """Milliseconds; not a number when nothing was answered."""
        return float(np.percentile(self.milliseconds, share)) if self.milliseconds else float("nan")


async def paced(rate: float, seconds: float, send: Send) -> int:
    """Calls `send(number, due)` at `rate` a second and waits for none; returns how many.

    What `send` raises is raised here once all have ended: a scenario counts its own errors.
    """
    begin, count = time.perf_counter(), round(rate * seconds)
    running: set[asyncio.Task[None]] = set()
    failed: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)

    for number in range(count):
        due = begin + number / rate
        left = due - time.perf_counter()
        if left > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(_one(send, number, due))
        running.add(task)
        task.add_done_callback(ended)
    if running:
        await asyncio.wait(running)
    if failed:
        raise failed[0]
    return count


async def _one(send: Send, number: int, due: float) -> None:
    await send(number, due)
