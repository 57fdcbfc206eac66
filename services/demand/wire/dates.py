"""Days and instants between protobuf and Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from google.type import date_pb2

ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def date_to_wire(day: date) -> date_pb2.Date:
    return date_pb2.Date(year=day.year, month=day.month, day=day.day)


def date_from_wire(day: date_pb2.Date) -> date:
    return date(day.year, day.month, day.day)


def instant_to_wire(instant: datetime) -> Timestamp:
    """To the microsecond, which is what a Python instant holds."""
    whole = (instant - ZERO) // timedelta(microseconds=1)
    return Timestamp(seconds=whole // 1_000_000, nanos=whole % 1_000_000 * 1000)


def instant_from_wire(instant: Timestamp) -> datetime:
    """What lies below a microsecond is cut off. OverflowError outside the years 1 to 9999."""
    return ZERO + timedelta(seconds=instant.seconds, microseconds=instant.nanos // 1000)
