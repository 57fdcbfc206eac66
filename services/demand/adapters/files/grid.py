"""The grid of periods that a pandas alias names, such as MS, W-MON or D."""

from __future__ import annotations

from typing import Any

import pandas as pd

from shared.errors import Malformed

MOST_PERIODS = 200_000


def offset_of(frequency: str) -> Any:
    """The pandas offset of an alias; Malformed when there is none."""
    try:
        return pd.tseries.frequencies.to_offset(frequency)
    except ValueError:
        raise Malformed(
            "FREQ_UNKNOWN",
            f"{frequency!r} is not a pandas frequency. Use MS for months, W-MON for weeks that "
            "start on Monday, or D for days.",
            field="--freq",
        ) from None


def between(first: Any, last: Any, frequency: str) -> Any:
    """Every period start from `first` to `last`; Malformed when there are far too many."""
    offset = offset_of(frequency)
    try:
        grid = pd.date_range(first, last, freq=offset)
    except (ValueError, OverflowError, pd.errors.OutOfBoundsDatetime):
        grid = pd.DatetimeIndex([])
    if not 0 < len(grid) <= MOST_PERIODS:
        raise Malformed(
            "DS_OFF_GRID",
            f"From {first:%Y-%m-%d} to {last:%Y-%m-%d} there is no usable grid of periods of "
            f"--freq {frequency} ({len(grid)} periods). Check the frequency and the oldest and "
            "the newest ds of the file.",
            field="ds",
        )
    return grid


def after(last: Any, horizon: int, frequency: str) -> Any:
    """The `horizon` period starts that follow `last`."""
    return pd.date_range(last, periods=horizon + 1, freq=offset_of(frequency))[1:]
