"""Events as rows of the outbox and of the waiting table, and back."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from shared.events.event import Event, instant, micros


def event_columns(event: Event) -> dict[str, Any]:
    """An event as a row of the outbox or of the waiting table."""
    return {
        "event_id": event.id,
        "topic": event.topic,
        "event_key": event.key,
        "payload": event.payload,
        "event_time_us": micros(event.time),
        "headers": json.dumps(dict(event.headers)),
    }


def event_from_row(row: Row[Any]) -> Event:
    """The event that `event_columns` stored."""
    return Event(
        id=row.event_id,
        topic=row.topic,
        key=row.event_key,
        payload=bytes(row.payload),
        time=instant(row.event_time_us),
        headers=json.loads(row.headers),
    )
