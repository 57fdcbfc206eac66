"""One stream of cases: frames in, answers out, each within its own time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.wire.answers import answer_frame
from services.orientation.wire.times import to_stamp
from shared.clock import Clock
from shared.errors import Refusal
from shared.rpc import validate
from shared.rpc.status import code_of

Answer = asyncio.Future[bytes]
Submit = Callable[[pb.ScoreCaseRequest], Answer]
Late = Callable[[pb.ScoreCaseRequest], bytes]


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """`in_flight` frames are worked on at once; the next one waits in the connection."""

    in_flight: int
    deadline_s: float
    heartbeat_s: float


class CaseStream:
    """Answers frames as they are ready, serialised; the correlation id says which is which.

    A frame that is refused is answered with the refusal and the stream goes on. A frame
    whose time is up gets the rules' answer, which says so; the full one is still kept
    in the store. Silence is broken by heart-beats. A frame has its slot until its answer is
    taken, so whoever reads slowly is read slowly.
    """

    def __init__(self, submit: Submit, late: Late, clock: Clock, limits: StreamLimits) -> None:
        self._submit, self._late, self._clock, self._limits = submit, late, clock, limits
        self._loop = asyncio.get_running_loop()
        # What goes out, and whether it gives a slot back
        self._out: asyncio.Queue[tuple[bytes, bool] | None] = asyncio.Queue()
        self._slots = asyncio.Semaphore(limits.in_flight)
        self._open = 0  # frames that were not answered yet
        self._over = False  # no further frame will come
        self._spoke = self._loop.time()
        self._failure: BaseException | None = None

    async def run(self, requests: AsyncIterator[pb.StreamCasesRequest]) -> AsyncIterator[bytes]:
        reading = self._loop.create_task(self._read(requests))
        self._loop.call_later(self._limits.heartbeat_s, self._beat)
        try:
            while (going := await self._out.get()) is not None:
                response, frees = going
                yield response
                self._spoke = self._loop.time()
                if frees:
                    self._slots.release()
            if self._failure is not None:
                raise self._failure
            await reading  # a broken connection is told as such
        finally:
            self._over = True
            reading.cancel()

    def _beat(self) -> None:
        """Breaks the silence when there is one, and looks again when it could be too long."""
        if self._over:
            return
        left = self._spoke + self._limits.heartbeat_s - self._loop.time()
        if left <= 0:
            if self._out.empty():
                self._out.put_nowait((self._heartbeat(""), False))
            left = self._limits.heartbeat_s
        self._loop.call_later(left, self._beat)

    def _heartbeat(self, correlation_id: str) -> bytes:
        beat = pb.Heartbeat(sent_time=to_stamp(self._clock.now()))
        frame = pb.StreamCasesResponse(correlation_id=correlation_id, heartbeat=beat)
        return frame.SerializeToString()

    async def _read(self, requests: AsyncIterator[pb.StreamCasesRequest]) -> None:
        try:
            async for request in requests:
                await self._slots.acquire()
                self._open += 1
                self._begin(request)
        finally:
            self._over = True
            self._end_when_done()

    def _begin(self, request: pb.StreamCasesRequest) -> None:
        try:
            validate(request)
        except Refusal as refusal:
            self._give(_refused(request.correlation_id, refusal))
            return
        if request.WhichOneof("frame") == "heartbeat":
            self._give(self._heartbeat(request.correlation_id))
            return
        limit = self._limits.deadline_s
        if request.HasField("deadline_ms"):
            limit = min(limit, request.deadline_ms / 1000)
        frame = _Frame(request, self._submit(request.update))
        frame.timer = self._loop.call_later(limit, self._too_late, frame)
        frame.work.add_done_callback(lambda _: self._came(frame))

    def _came(self, frame: _Frame) -> None:
        if frame.timer is not None:
            frame.timer.cancel()
        error = None if frame.work.cancelled() else frame.work.exception()
        if frame.answered:
            return  # the rules spoke already; the error, if any, was taken note of
        frame.answered = True
        name = frame.request.correlation_id
        if error is None and not frame.work.cancelled():
            self._give(answer_frame(name, frame.work.result()))
        elif isinstance(error, Refusal):
            self._give(_refused(name, error))
        else:
            self._fail(error or asyncio.CancelledError())

    def _too_late(self, frame: _Frame) -> None:
        """The pool may be full, which is why we are late: the rules answer on the loop."""
        if frame.answered:
            return
        frame.answered = True
        name = frame.request.correlation_id
        try:
            answer = self._late(frame.request.update)
        except Refusal as refusal:
            self._give(_refused(name, refusal))
        except Exception as error:  # noqa: BLE001  raised again where the stream is answered
            self._fail(error)
        else:
            self._give(answer_frame(name, answer))

    def _give(self, response: bytes) -> None:
        self._open -= 1
        self._out.put_nowait((response, True))
        self._end_when_done()

    def _fail(self, error: BaseException) -> None:
        """A fault of ours ends the stream, as it ends any other call."""
        self._failure = error
        self._over = True
        self._out.put_nowait(None)

    def _end_when_done(self) -> None:
        if self._over and not self._open:
            self._out.put_nowait(None)


@dataclass(slots=True)
class _Frame:
    """One update on its way; it is answered once."""

    request: pb.StreamCasesRequest
    work: Answer
    timer: asyncio.TimerHandle | None = None
    answered: bool = False


def _refused(correlation_id: str, refusal: Refusal) -> bytes:
    frame = pb.StreamCasesResponse(
        correlation_id=correlation_id,
        refusal=pb.StreamRefusal(
            code=code_of(refusal),
            reason=refusal.reason,
            field=refusal.field,
            message=refusal.message,
        ),
    )
    return frame.SerializeToString()
