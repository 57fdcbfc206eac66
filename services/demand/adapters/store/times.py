"""Instants as microseconds since 1970: the same number on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

ZERO = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    return (instant - ZERO) // timedelta(microseconds=1)


def from_micros(number: int) -> datetime:
    return ZERO + timedelta(microseconds=number)
