"""Instants on the wire: never without a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import Malformed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANOS = 1_000_000_000  # a second


def from_stamp(stamp: Timestamp, field: str = "") -> datetime:
    """Written out, as below: the same instants and refusals as the library's conversion."""
    nanos = stamp.nanos
    try:
        when = EPOCH + timedelta(seconds=stamp.seconds, microseconds=nanos // 1000)
    except OverflowError:
        when = None
    if when is None or not 0 <= nanos < NANOS:
        raise Malformed(
            "TIME_OUT_OF_RANGE",
            "The instant lies outside the years 1 to 9999. Correct it.",
            field=field or "said_time",
        )
    return when


def to_stamp(instant: datetime) -> Timestamp:
    out = Timestamp()
    stamp_into(out, instant)
    return out


def stamp_into(out: Timestamp, instant: datetime) -> None:
    """Written out: the library's own conversion takes ten times as long."""
    since = instant - EPOCH
    out.seconds = since.days * 86_400 + since.seconds
    out.nanos = since.microseconds * 1000
