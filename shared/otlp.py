"""Spans on their way to an OTLP receiver, by OpenTelemetry (the extra `tracing`)."""

from __future__ import annotations

from typing import Any

from shared.settings import BadSettings, ServiceSettings
from shared.tracing import NO_TRACES, Span, Tracer, traceparent

EXPORT_S = 5.0


class _OtlpSpan:
    __slots__ = ("_codes", "_span")

    def __init__(self, span: Any, codes: Any) -> None:
        self._span, self._codes = span, codes

    def end(self, problem: str = "") -> None:
        if problem:
            self._span.set_attribute("error.type", problem)
            self._span.set_status(self._codes.ERROR)
        self._span.end()


class OtlpTracer:
    """Sends spans of `service` to an OTLP receiver, in the background and in bundles."""

    def __init__(self, service: str, endpoint: str, share: float) -> None:
        # Only who traces pays for loading OpenTelemetry.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import (  # noqa: PLC0415
            ParentBased,
            TraceIdRatioBased,
        )
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        self._kinds, self._codes = SpanKind, StatusCode
        self._carrier = TraceContextTextMapPropagator()
        self._provider = TracerProvider(
            resource=Resource({"service.name": f"larrey-{service}"}),
            sampler=ParentBased(TraceIdRatioBased(share)),
        )
        exporter = OTLPSpanExporter(
            endpoint=endpoint,
            insecure=endpoint.startswith("http://"),
            timeout=EXPORT_S,
            channel_options=(("grpc.enable_http_proxy", 0),),  # type: ignore[arg-type]  # a number
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("larrey")

    def begin(self, name: str, parent: str, *, event: bool = False) -> Span:
        context = self._carrier.extract({"traceparent": parent})
        kind = self._kinds.CONSUMER if event else self._kinds.SERVER
        span = self._tracer.start_span(name, context=context, kind=kind)
        own = span.get_span_context()
        traceparent.set(f"00-{own.trace_id:032x}-{own.span_id:016x}-{int(own.trace_flags):02x}")
        return _OtlpSpan(span, self._codes)

    def close(self) -> None:
        self._provider.shutdown()


def open_tracer(service: str, settings: ServiceSettings) -> Tracer:
    """The tracer that the settings ask for; raises BadSettings when it cannot be had."""
    if not settings.traces_endpoint:
        return NO_TRACES
    try:
        return OtlpTracer(service, settings.traces_endpoint, settings.traces_share)
    except ImportError:
        raise BadSettings(
            ["LARREY_TRACES_ENDPOINT needs the extra `tracing`: install larrey[tracing]"]
        ) from None
