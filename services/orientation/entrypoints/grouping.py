"""Calls that come close together share one transaction: each waits for it, none for a timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import Refusal
from shared.rpc import in_thread

Q = TypeVar("Q")
P = TypeVar("P")
A = TypeVar("A")
MOST = 32  # calls in one transaction: more would keep the first ones waiting


class Grouping(Generic[Q, P, A]):
    """While one group is prepared, the calls that come gather into the next.

    `prepare` works a group out, `finish` keeps it and answers in the order of the calls, a
    refusal standing for the answer of a call that is refused; what either raises is every
    call's. While one group is finished the next one is prepared, never more than these two, and
    groups are finished in the order of their calls. A group that failed for a reason of ours
    is tried once more call by call, so that one bad case harms no other.
    """

    def __init__(
        self,
        prepare: Callable[[Sequence[Q]], P],
        finish: Callable[[P], Sequence[A | Refusal]],
        most: int = MOST,
    ) -> None:
        self._prepare, self._finish, self._most = prepare, finish, most
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._runner: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None

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
                if not self._waiting and self._finishing is None:
                    await self._answer(group)  # nobody waits: one way to the threads, not two
                else:
                    await self._answer_beside(group)
        finally:
            self._runner = None

    async def _answer_beside(self, group: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        """Prepares a group and leaves it to be finished while the next one is prepared."""
        made: P | Exception
        try:
            made = await in_thread(self._prepare, [request for request, _ in group])
        except Exception as error:  # noqa: BLE001  told by `_end`, in its turn
            made = error
        if self._finishing is not None:
            await self._finishing
        self._finishing = asyncio.create_task(self._end(group, made))

    async def _end(self, group: Sequence[tuple[Q, asyncio.Future[A]]], made: P | Exception) -> None:
        try:
            if isinstance(made, Exception):
                await self._failed(group, made)
                return
            try:
                answers = await in_thread(self._finish, made)
            except Exception as error:  # noqa: BLE001  every caller is told, none is left waiting
                await self._failed(group, error)
                return
            _tell(group, answers)
        finally:
            self._finishing = None

    async def _answer(self, group: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await in_thread(self._whole, [request for request, _ in group])
        except Exception as error:  # noqa: BLE001  every caller is told, none is left waiting
            await self._failed(group, error)
            return
        _tell(group, answers)

    def _whole(self, requests: Sequence[Q]) -> Sequence[A | Refusal]:
        return self._finish(self._prepare(requests))

    async def _failed(self, group: Sequence[tuple[Q, asyncio.Future[A]]], error: Exception) -> None:
        if len(group) == 1 or isinstance(error, Refusal):
            for _, future in group:
                _fail(future, error)
            return
        for one in group:
            await self._answer([one])


def _tell(group: Sequence[tuple[Q, asyncio.Future[A]]], answers: Sequence[A | Refusal]) -> None:
    for (_, future), answer in zip(group, answers, strict=True):
        if isinstance(answer, Refusal):
            _fail(future, answer)
        elif not future.done():  # a caller whose time is up is gone
            future.set_result(answer)


def _fail(future: asyncio.Future[A], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
