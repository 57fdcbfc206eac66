"""From an address to the event log that it names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import Malformed
from shared.events.embedded import EmbeddedLog
from shared.events.log import EventLog


def _bad_url(remedy: str) -> Malformed:
    return Malformed("EVENTS_URL_MALFORMED", remedy, field="events_url")


def _retention(options: dict[str, str]) -> timedelta | None:
    text = options.pop("retention_days", "")
    if not text:
        return None
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if days <= 0:
        raise _bad_url("retention_days is a number of days above 0; leave it out for ever.")
    return timedelta(days=days)


def open_log(url: str, *, client_id: str, replication: int = 1, partitions: int = 4) -> EventLog:
    """The log at `url`; connects at first use and again whenever it must.

    sqlite:///folder/events.db[?retention_days=90]
    kafka://host:port[,host:port][?retention_days=90&security_protocol=SSL&ssl_cafile=…]

    `replication` and `partitions` shape the Kafka topics that are made. Without
    retention_days events are kept for ever, so that a service added later learns all.
    Refuses Malformed EVENTS_URL_MALFORMED.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    retention = _retention(options)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1 and not options:
        return EmbeddedLog(Path(unquote(parts.path[1:])), retention=retention)
    if parts.scheme == "kafka" and parts.netloc:
        # Only who uses Kafka pays for loading its client.
        from shared.events.kafka import KafkaLog, TopicShape, security  # noqa: PLC0415

        return KafkaLog(
            parts.netloc.split(","),
            client_id=client_id,
            shape=TopicShape(replication, partitions, retention),
            security=security(options),
        )
    raise _bad_url("Write sqlite:///folder/events.db or kafka://host:port[,host:port].")
