"""Instants on the wire: never without a zone."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import Malformed


def from_stamp(stamp: Timestamp, field: str = "") -> datetime:
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Malformed(
            "TIME_OUT_OF_RANGE",
            "The instant lies outside the years 1 to 9999. Correct it.",
            field=field or "said_time",
        ) from error


def to_stamp(instant: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(instant)
    return stamp
