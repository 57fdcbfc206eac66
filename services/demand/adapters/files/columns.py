"""Other columns of a history file: numbers known for the past only, and words of a series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from services.demand.domain.tables import Array, Ints

KEYS = ("unique_id", "ds", "y")
UNKNOWN = "(unknown)"


def extra_columns(
    frame: Any, row: Ints, place: Ints, shape: tuple[int, int]
) -> tuple[Mapping[str, Array], Mapping[str, tuple[str, ...]]]:
    """(numbers by period, words by series) of every column besides the three keys.

    Where a period has several rows, the last known number stands. A text column is kept
    when it never changes within a series and groups the series; anything else is left out.
    """
    numbers: dict[str, Array] = {}
    words: dict[str, tuple[str, ...]] = {}
    for name in frame.columns:
        if name in KEYS:
            continue
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            known = np.isfinite(values)
            if known.any():
                spread = np.full(shape, np.nan)
                spread[row[known], place[known]] = values[known]
                numbers[name] = spread
        elif pd.api.types.is_string_dtype(column) or column.dtype == object:
            found = _words(column, row, shape[0])
            if found is not None:
                words[name] = found
    return numbers, words


def _words(column: Any, row: Ints, n: int) -> tuple[str, ...] | None:
    known = column.notna().to_numpy()
    try:
        codes, names = pd.factorize(column[known].astype(str))
    except UnicodeDecodeError:  # bytes that are no text say nothing
        return None
    if not 1 < len(names) < n:
        return None
    highest, lowest = np.full(n, -1), np.full(n, len(names))
    np.maximum.at(highest, row[known], codes)
    np.minimum.at(lowest, row[known], codes)
    if (highest > lowest).any():
        return None
    return tuple(str(names[code]) if code >= 0 else UNKNOWN for code in highest)
