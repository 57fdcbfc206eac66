"""An OTLP receiver in this process: keeps the spans that services send."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as wire
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as wire_grpc


@dataclass(frozen=True, slots=True)
class Received:
    """One span as it came over the wire."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    attributes: dict[str, str]


class Collector(wire_grpc.TraceServiceServicer):
    """A context manager; `endpoint` is what LARREY_TRACES_ENDPOINT is set to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        wire_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"http://127.0.0.1:{port}"

    def Export(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  the proto's name
        found = [
            Received(
                service=next(
                    a.value.string_value
                    for a in resource.resource.attributes
                    if a.key == "service.name"
                ),
                name=span.name,
                trace=span.trace_id.hex(),
                span=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                attributes={a.key: a.value.string_value for a in span.attributes},
            )
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += found
        return wire.ExportTraceServiceResponse()

    def spans(self, trace: str = "") -> list[Received]:
        """Those of one trace, or all."""
        with self._lock:
            return [s for s in self._spans if trace in ("", s.trace)]

    def __enter__(self) -> Collector:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(0)
