"""Events as rows of the outbox and of the waiting table, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row

from shared.events.event import Event, instant, micros

EVENT_COLUMNS = ("event_id", "topic", "event_key", "payload", "event_time_us", "headers")


def event_row(event: Event) -> tuple[Any, ...]:
    """An event as values of EVENT_COLUMNS."""
    headers = headers_text(event.headers)
    return event.id, event.topic, event.key, event.payload, micros(event.time), headers


def headers_text(headers: Mapping[str, str]) -> str:
    return _as_text(tuple(headers.items()))


@lru_cache(maxsize=256)
def _as_text(headers: tuple[tuple[str, str], ...]) -> str:
    """Without a trace most facts of a service have the same few headers."""
    return json.dumps(dict(headers))


def event_columns(event: Event) -> dict[str, Any]:
    """An event as a row of the outbox or of the waiting table."""
    return dict(zip(EVENT_COLUMNS, event_row(event), strict=True))


def event_from_row(row: Row[Any]) -> Event:
    """The event that `event_columns` stored."""
    return Event(
        id=row.event_id,
        topic=row.topic,
        key=row.event_key,
        payload=bytes(row.payload),
        time=instant(row.event_time_us),
        headers=_from_text(row.headers),
    )


@lru_cache(maxsize=256)
def _from_text(headers: str) -> Mapping[str, str]:
    return MappingProxyType(json.loads(headers))
