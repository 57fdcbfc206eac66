"""Metrics for Prometheus and JSON logs: both may only name what was declared safe."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# A log line carries these keys and no other: never a payload, a name or free text.
# fmt: off
SAFE_KEYS = frozenset((
    "address", "addresses", "attempt", "bytes", "caller", "cases", "code", "count", "dead",
    "delay_s", "duration_s", "elapsed_s", "error_type", "event", "event_id", "events", "field",
    "file", "findings", "gap", "group", "grpc_method", "horizon", "item_id", "items", "job",
    "lag", "level", "lines", "place", "message", "metrics", "method", "model_version", "offset",
    "partition", "pid", "plan_id", "port", "ready", "reason", "refused", "request_id", "role",
    "rows", "rpc", "run_id", "schema", "seconds", "seed", "series", "service", "signal",
    "site_id", "sites", "state", "status", "timestamp", "topic", "topics", "version", "waiting",
    "waits_for",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The metrics of one process; names start with larrey_<service>_ unless shared."""

    service: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:  # noqa: A002
        return Counter(f"larrey_{name}", help, labels, registry=self.registry)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:  # noqa: A002
        return Gauge(f"larrey_{name}", help, labels, registry=self.registry)

    def histogram(
        self,
        name: str,
        help: str,  # noqa: A002
        labels: Sequence[str] = (),
        buckets: Sequence[float] = SECONDS,
    ) -> Histogram:
        return Histogram(f"larrey_{name}", help, labels, buckets=buckets, registry=self.registry)


def _only_safe_keys(_: Any, __: str, line: Any) -> Any:
    return {key: value for key, value in line.items() if key in SAFE_KEYS}


def configure_logs(service: str, level: str) -> None:
    """One JSON object a line on stderr; called by a service's main."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_safe_keys,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries say what they must; their debug chatter could name payloads.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s")


def get_log(name: str) -> Any:
    """A logger; keys outside SAFE_KEYS are dropped before a line is written."""
    # bound at its first line, so that one made before `configure_logs` follows it too
    return structlog.get_logger(place=name)
