"""Calls that come close together share one transaction: each waits for it, none for a timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import Refusal
from shared.rpc import in_thread

Q = TypeVar("Q")
A = TypeVar("A")
MOST = 32  # calls in one transaction: more would keep the first ones waiting

Work = Callable[[Sequence[Q]], Sequence[A | Refusal]]


class Grouping(Generic[Q, A]):
    """While one group is worked on, the calls that come gather into the next.

    `work` answers a group in its order, a refusal standing for the answer of a call that
    is refused; what it raises is every call's. A group that failed for a reason of ours is
    tried once more call by call, so that one bad case harms no other.
    """

    def __init__(self, work: Work[Q, A], most: int = MOST) -> None:
        self._work, self._most = work, most
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._runner: asyncio.Task[None] | None = None

    def submit(self, request: Q) -> asyncio.Future[A]:
        """The answer to come. Cancelling it saves no work: the group goes on."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(self._most, len(self._waiting))
                group = [self._waiting.popleft() for _ in range(size)]
                await self._answer(group)
        finally:
            self._runner = None

    async def _answer(self, group: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await in_thread(self._work, [request for request, _ in group])
        except Exception as error:  # noqa: BLE001  every caller is told, none is left waiting
            if len(group) == 1 or isinstance(error, Refusal):
                for _, future in group:
                    _fail(future, error)
                return
            for one in group:
                await self._answer([one])
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if isinstance(answer, Refusal):
                _fail(future, answer)
            elif not future.done():  # a caller whose time is up is gone
                future.set_result(answer)


def _fail(future: asyncio.Future[A], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
