"""Days and instants between protobuf and Python."""

from __future__ import annotations

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2

from shared.errors import Malformed


def day_to_wire(day: date) -> date_pb2.Date:
    return date_pb2.Date(year=day.year, month=day.month, day=day.day)


def day_from_wire(day: date_pb2.Date, field: str) -> date:
    """Malformed DATE_MALFORMED: a whole day of the calendar is needed."""
    try:
        return date(day.year, day.month, day.day)
    except ValueError:
        raise Malformed(
            "DATE_MALFORMED",
            "This is not a day of the calendar: give year, month and day.",
            field=field,
        ) from None


def instant_to_wire(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp


def instant_from_wire(stamp: Timestamp, field: str) -> datetime:
    """Malformed TIME_MALFORMED."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (OverflowError, ValueError):
        raise Malformed(
            "TIME_MALFORMED", "This is not an instant: send seconds since 1970.", field=field
        ) from None
