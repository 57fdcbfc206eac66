"""Traces: a span for each RPC and for each event handled, joined by W3C traceparent.

Where no receiver is set the traceparent that a caller sent still travels on with every
fact; with one (the extra `tracing`, shared.otlp) spans go to it. A span carries names and
codes, never a message of an error: that could hold a payload.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import Protocol

FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

# The W3C trace of what is being done now. The door that starts a piece of work sets it;
# every fact that the work causes carries it on, also through a consumer.
traceparent: ContextVar[str] = ContextVar("traceparent", default="")


class Span(Protocol):
    """A piece of work that has begun."""

    def end(self, problem: str = "") -> None:
        """Closes the span; `problem` is a code or a type, empty when all went well."""
        ...


class Tracer(Protocol):
    """Begins spans. What works on after `begin` tells its facts under the new span."""

    def begin(self, name: str, parent: str, *, event: bool = False) -> Span:
        """`parent` is a traceparent or empty; `event` is True for a fact that is handled."""
        ...

    def close(self) -> None:
        """Sends what is left."""
        ...


class _Silent:
    __slots__ = ()

    def end(self, problem: str = "") -> None:
        """Nothing was kept."""


SILENT = _Silent()


class NoTraces:
    """Passes on what callers sent."""

    def begin(self, name: str, parent: str, *, event: bool = False) -> Span:  # noqa: ARG002
        traceparent.set(parent)
        return SILENT

    def close(self) -> None:
        """Nothing to send."""


NO_TRACES = NoTraces()
