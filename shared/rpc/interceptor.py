"""What happens around every call: request id, deadline, validation, metrics, refusals."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status

from shared.access.guard import NO_CHECK, Guard, Pass
from shared.errors import Forbidden, Refusal, Stranger, Unavailable
from shared.rpc.reading import readable, reading
from shared.rpc.status import code_of, status_of
from shared.rpc.validation import validate
from shared.telemetry import Telemetry, get_log
from shared.tracing import FORM, NO_TRACES, Span, Tracer

REQUEST_ID, TRACE = "x-request-id", "traceparent"
REQUEST_ID_FORM = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = ("/grpc.health.", "/grpc.reflection.", "/grpc.channelz.")
REFUSED_FOR_WHO = (Stranger, Forbidden)
STATUS_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """Rate, errors and duration of every RPC."""

    calls: Any
    seconds: Any
    running: Any
    refused: Any

    @classmethod
    def of(cls, telemetry: Telemetry) -> CallMetrics:
        return cls(
            telemetry.counter("rpc_calls_total", "Calls answered", ("method", "code")),
            telemetry.histogram("rpc_seconds", "Seconds from request to answer", ("method",)),
            telemetry.gauge("rpc_running", "Calls being answered", ("method",)),
            telemetry.counter(
                "access_refused_total", "Calls refused because of who made them", ("reason",)
            ),
        )


class Around(grpc.aio.ServerInterceptor):
    """Wraps each handler of our own services; the standard ones are left alone."""

    def __init__(
        self,
        telemetry: Telemetry,
        default_deadline_s: float,
        guard: Guard | None = None,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._metrics = CallMetrics.of(telemetry)
        self._guard, self._tracer = guard, tracer
        self._deadline_s = default_deadline_s
        self._log = get_log("rpc")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(details)
        method = str(details.method)
        if handler is None or method.startswith(QUIET):
            return handler
        codec = {
            "request_deserializer": reading(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(
                self._one(method, handler.unary_unary, streamed=False), **codec
            )
        if handler.stream_unary:
            return grpc.stream_unary_rpc_method_handler(
                self._one(method, handler.stream_unary, streamed=True), **codec
            )
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._many(method, handler.unary_stream, streamed=False), **codec
            )
        return grpc.stream_stream_rpc_method_handler(
            self._many(method, handler.stream_stream, streamed=True), **codec
        )

    def _one(self, method: str, inner: Any, *, streamed: bool) -> Any:
        async def call(request: Any, context: Any) -> Any:
            async with (
                self._watched(method, context),
                self._admitted(method, context, stream=streamed) as allowed,
            ):
                if streamed:
                    return await inner(_validated(request, allowed), context)
                readable(request)
                validate(request)
                allowed.check(request)
                left = context.time_remaining()
                limit = self._deadline_s if left is None else left
                return await asyncio.wait_for(inner(request, context), limit)

        return call

    def _many(self, method: str, inner: Any, *, streamed: bool) -> Any:
        async def call(request: Any, context: Any) -> AsyncIterator[Any]:
            async with (
                self._watched(method, context),
                self._admitted(method, context, stream=True) as allowed,
            ):
                # On a stream both ways a bad message is answered on the stream, so the
                # handler itself validates; elsewhere it is refused here.
                if not streamed:
                    readable(request)
                    validate(request)
                    allowed.check(request)
                else:
                    request = _checked(request, allowed)
                async for response in inner(request, context):
                    yield response

        return call

    def _admitted(self, method: str, context: Any, *, stream: bool) -> Any:
        if self._guard is None:
            return EVERYONE
        return self._guard.admitted(method, context, stream=stream)

    def _watched(self, method: str, context: Any) -> _Watch:
        return _Watch(method, context, self._metrics, self._log, self._tracer)


class _Everyone:
    """Where nobody is asked: one object that does nothing, for every call."""

    __slots__ = ()

    async def __aenter__(self) -> Pass:
        return NO_CHECK

    async def __aexit__(self, *_: object) -> None:
        return None


EVERYONE = _Everyone()


async def _validated(requests: AsyncIterator[Message], allowed: Pass) -> AsyncIterator[Message]:
    async for request in requests:
        readable(request)
        validate(request)
        allowed.check(request)
        yield request


async def _checked(requests: AsyncIterator[Message], allowed: Pass) -> AsyncIterator[Message]:
    async for request in requests:
        readable(request)
        allowed.check(request)
        yield request


class _Watch:
    """Measures one call and turns what it raises into a status."""

    def __init__(
        self, method: str, context: Any, metrics: CallMetrics, log: Any, tracer: Tracer
    ) -> None:
        self._method, self._context, self._metrics, self._log = method, context, metrics, log
        self._tracer = tracer
        self._span: Span | None = None
        self._start = time.perf_counter()

    async def __aenter__(self) -> None:
        sent = dict(self._context.invocation_metadata() or ())
        request_id = str(sent.get(REQUEST_ID, ""))
        if not REQUEST_ID_FORM.fullmatch(request_id):
            request_id = uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=request_id)
        trace = str(sent.get(TRACE, ""))
        # Each call runs in a context of its own: what is set here ends with it.
        self._span = self._tracer.begin(self._method[1:], trace if FORM.fullmatch(trace) else "")
        await self._context.send_initial_metadata(((REQUEST_ID, request_id),))
        self._metrics.running.labels(self._method).inc()

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, MemoryError):
            self._log.error("memory is full", rpc=self._method, field=_place(trace))
            error = Unavailable(
                "MEMORY_FULL",
                "The service is out of memory at the moment: nothing was stored, send the same "
                "again in a while.",
            )
        self._metrics.running.labels(self._method).dec()
        self._metrics.seconds.labels(self._method).observe(time.perf_counter() - self._start)
        code = _code(error, self._context)
        self._metrics.calls.labels(self._method, STATUS_NAMES.get(code, "UNKNOWN")).inc()
        if self._span is not None:
            self._span.end("" if code == 0 else STATUS_NAMES.get(code, "UNKNOWN"))
        structlog.contextvars.unbind_contextvars("request_id")
        if isinstance(error, REFUSED_FOR_WHO):
            self._metrics.refused.labels(error.reason).inc()
        if isinstance(error, Refusal):
            status = rpc_status.to_status(status_of(error))
            await self._context.abort(status.code, status.details, status.trailing_metadata)
        if isinstance(error, TimeoutError):
            await self._context.abort(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "The time given for this call is up. Nothing half-done is kept: call again with "
                "a longer deadline.",
            )
        if error is not None and code == grpc.StatusCode.INTERNAL.value[0]:
            # The type and the place, never the message: it could hold a payload.
            self._log.error(
                "call failed",
                rpc=self._method,
                error_type=type(error).__name__,
                field=_place(trace),
            )
            await self._context.abort(
                grpc.StatusCode.INTERNAL,
                "This is a fault of ours; the log of the service has it.",
            )


def _place(trace: Any) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"


def _code(error: BaseException | None, context: Any) -> int:
    if error is None:
        return int(context.code() or 0)
    if isinstance(error, Refusal):
        return code_of(error)
    if isinstance(error, TimeoutError):
        return int(grpc.StatusCode.DEADLINE_EXCEEDED.value[0])
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return int(grpc.StatusCode.CANCELLED.value[0])
    if isinstance(error, grpc.aio.AbortError):
        return int(context.code() or grpc.StatusCode.UNKNOWN.value[0])
    return int(grpc.StatusCode.INTERNAL.value[0])
