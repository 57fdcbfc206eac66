"""One stream of cases: frames in, answers out, each within its own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.wire.times import to_stamp
from shared.clock import Clock
from shared.errors import Refusal
from shared.rpc import validate
from shared.rpc.status import code_of

Answering = Callable[[pb.ScoreCaseRequest], Awaitable[pb.ScoreCaseResponse]]
Late = Callable[[pb.ScoreCaseRequest], pb.ScoreCaseResponse]


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """`in_flight` frames are worked on at once; the next one waits in the connection."""

    in_flight: int
    deadline_s: float
    heartbeat_s: float


class CaseStream:
    """Answers frames as they are ready; the correlation id says which is which.

    A frame that is refused is answered with the refusal and the stream goes on. A frame
    whose time is up gets the rules' answer, which says so; the full one is still kept
    in the store. Silence is broken by heart-beats.
    """

    def __init__(self, answer: Answering, late: Late, clock: Clock, limits: StreamLimits) -> None:
        self._answer, self._late, self._clock, self._limits = answer, late, clock, limits
        self._out: asyncio.Queue[pb.StreamCasesResponse | None] = asyncio.Queue(256)
        self._slots = asyncio.Semaphore(limits.in_flight)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(
        self, requests: AsyncIterator[pb.StreamCasesRequest]
    ) -> AsyncIterator[pb.StreamCasesResponse]:
        reading = asyncio.create_task(self._read(requests))
        try:
            while True:
                response = await self._next()
                if response is None:
                    break
                yield response
            await reading  # a broken connection is told as such
        finally:
            for task in (reading, *self._tasks):
                task.cancel()

    async def _next(self) -> pb.StreamCasesResponse | None:
        try:
            return await asyncio.wait_for(self._out.get(), self._limits.heartbeat_s)
        except TimeoutError:
            return self._heartbeat("")

    def _heartbeat(self, correlation_id: str) -> pb.StreamCasesResponse:
        beat = pb.Heartbeat(sent_time=to_stamp(self._clock.now()))
        return pb.StreamCasesResponse(correlation_id=correlation_id, heartbeat=beat)

    async def _read(self, requests: AsyncIterator[pb.StreamCasesRequest]) -> None:
        try:
            async for request in requests:
                await self._slots.acquire()
                task = asyncio.create_task(self._one(request))
                self._tasks.add(task)
                task.add_done_callback(self._done)
            if self._tasks:
                await asyncio.gather(*self._tasks)
        finally:
            await self._out.put(None)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _one(self, request: pb.StreamCasesRequest) -> None:
        try:
            validate(request)
            if request.WhichOneof("frame") == "heartbeat":
                response = self._heartbeat(request.correlation_id)
            else:
                answer = await self._in_time(request)
                response = pb.StreamCasesResponse(
                    correlation_id=request.correlation_id, answer=answer
                )
        except Refusal as refusal:
            response = _refused(request.correlation_id, refusal)
        await self._out.put(response)

    async def _in_time(self, request: pb.StreamCasesRequest) -> pb.ScoreCaseResponse:
        limit = self._limits.deadline_s
        if request.HasField("deadline_ms"):
            limit = min(limit, request.deadline_ms / 1000)
        work = asyncio.ensure_future(self._answer(request.update))
        done, _ = await asyncio.wait({work}, timeout=limit)
        if done:
            return await work
        work.add_done_callback(_seen)
        # The pool may be full, which is why we are late: the rules answer on the loop.
        return self._late(request.update)


def _seen(work: asyncio.Future[pb.ScoreCaseResponse]) -> None:
    """Takes note of how late work ended, so that no unread error is left behind."""
    if not work.cancelled():
        work.exception()


def _refused(correlation_id: str, refusal: Refusal) -> pb.StreamCasesResponse:
    return pb.StreamCasesResponse(
        correlation_id=correlation_id,
        refusal=pb.StreamRefusal(
            code=code_of(refusal),
            reason=refusal.reason,
            field=refusal.field,
            message=refusal.message,
        ),
    )
