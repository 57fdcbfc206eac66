"""Reads histories and actuals from Parquet files; what is wrong is said in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from services.demand.adapters.files import grid
from services.demand.adapters.files.columns import extra_columns
from services.demand.domain.findings import Found
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.movements import REASON_WORDS
from services.demand.domain.repair import NOT_DEMAND
from services.demand.domain.scoring import Actuals
from services.demand.domain.tables import Array, Days, HistoryTable
from shared.errors import Malformed, TooMuch

KEYS = ("unique_id", "ds", "y")
REASON = "reason"
MOST_CELLS = 400_000_000
# pandas writes the numbers of its rows under such names: they say nothing of any series.
ROW_NUMBERS = "__index_level_"


def read_history(path: Path, frequency: str, season: int, horizon: int) -> HistoryRead:
    """The whole history file, on its grid. Raises Malformed with the remedy."""
    frame, notes = _frame(path, "--history", all_columns=True)
    periods = grid.between(frame["ds"].min(), frame["ds"].max(), frequency)
    ids, row = np.unique(frame["unique_id"].to_numpy(dtype=str), return_inverse=True)
    if len(ids) * len(periods) > MOST_CELLS:
        raise TooMuch(
            "HISTORY_TOO_LARGE",
            f"{len(ids)} series over {len(periods)} periods are more than one run holds. Cut "
            "the history, or check the oldest and the newest ds for a wrong date.",
            field="--history",
        )
    place = _places(frame, periods, frequency, "--history")
    y = frame["y"].to_numpy(dtype=np.float64)
    shape = (len(ids), len(periods))
    recorded, rows = np.zeros(shape), np.zeros(shape, dtype=np.int64)
    np.add.at(recorded, (row, place), np.nan_to_num(y))
    np.add.at(rows, (row, place), 1)
    unknown = np.zeros(shape, dtype=bool)
    unknown[row[np.isnan(y)], place[np.isnan(y)]] = True
    observed = rows > 0
    start = np.argmax(observed, axis=1).astype(np.int64)
    columns, categories = extra_columns(frame, row, place, shape)
    if REASON in frame:
        columns = {**columns, NOT_DEMAND: _not_demand(frame, row, place, shape)}
        categories = {name: words for name, words in categories.items() if name != REASON}
        rows = _rows_of_one_reason(frame, row, place, shape)
    table = HistoryTable(
        ids=tuple(str(one) for one in ids),
        periods=periods.to_numpy(dtype="datetime64[ns]"),
        season=season,
        frequency=frequency,
        recorded=recorded,
        values=np.maximum(recorded, 0.0),
        known=~unknown,
        observed=observed,
        start=start,
        columns=columns,
        categories=categories,
    )
    ahead = grid.after(periods[-1], horizon, frequency).to_numpy(dtype="datetime64[ns]")
    return HistoryRead(table, ahead, rows, tuple(notes))


def _not_demand(frame: Any, row: Any, place: Any, shape: tuple[int, int]) -> Array:
    """[n, T] the part of what was recorded that is no demand, by the column `reason`.

    A return takes off what it brings back, whatever its sign in the file.
    """
    words = frame[REASON].astype(str).str.strip().str.lower()
    unknown = sorted(set(words) - set(REASON_WORDS))
    if unknown:
        raise Malformed(
            "REASON_UNKNOWN",
            f"reason holds {unknown[0]!r}. It is one of {', '.join(sorted(REASON_WORDS))}; rename "
            "the column when it means something else.",
            field="--history reason",
        )
    y = np.nan_to_num(frame["y"].to_numpy(dtype=np.float64))
    sign = words.map(REASON_WORDS).to_numpy(dtype=np.float64)
    learnt = np.where(sign < 0, -np.abs(y), sign * y)
    made = np.zeros(shape)
    np.add.at(made, (row, place), y - learnt)
    return made


def _rows_of_one_reason(frame: Any, row: Any, place: Any, shape: tuple[int, int]) -> Any:
    """[n, T] most rows of one reason: rows of several reasons are no duplicates."""
    most = np.zeros(shape, dtype=np.int64)
    for word in frame[REASON].unique():
        mine = (frame[REASON] == word).to_numpy()
        count = np.zeros(shape, dtype=np.int64)
        np.add.at(count, (row[mine], place[mine]), 1)
        most = np.maximum(most, count)
    return most


def read_actuals(path: Path, ids: Sequence[str], ahead: Days, frequency: str) -> Actuals:
    """`unique_id, ds, y` of the file over the periods ahead, for the series of the history.

    Other series and other periods are left aside. Raises Malformed with the remedy.
    """
    frame, _ = _frame(path, "--actuals", all_columns=False)
    _places(
        frame, grid.between(frame["ds"].min(), frame["ds"].max(), frequency), frequency, "--actuals"
    )
    row = pd.Index(ids).get_indexer(frame["unique_id"])
    place = pd.DatetimeIndex(ahead).get_indexer(frame["ds"])
    inside = (row >= 0) & (place >= 0)
    if not inside.any():
        raise Malformed(
            "ACTUALS_ELSEWHERE",
            "No row of the file belongs to a series of the history and to one of the periods "
            "that follow it. Give the periods right after the history's newest ds.",
            field="--actuals",
        )
    values = np.zeros((len(ids), len(ahead)))
    y = np.nan_to_num(frame["y"].to_numpy(dtype=np.float64))
    np.add.at(values, (row[inside], place[inside]), y[inside])
    given = np.zeros(len(ids), dtype=bool)
    given[row[inside]] = True
    first, last = int(place[inside].min()), int(place[inside].max())
    return Actuals(values, given, slice(first, last + 1))


def _frame(path: Path, option: str, *, all_columns: bool) -> tuple[Any, list[Found]]:
    try:
        names = pq.read_schema(path).names
    except FileNotFoundError:
        raise Malformed("FILE_MISSING", f"There is no file {path}.", field=option) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise Malformed(
            "FILE_UNREADABLE", f"{path} cannot be read as a Parquet file.", field=option
        ) from None
    missing = [name for name in KEYS if name not in names]
    if missing:
        raise Malformed(
            "COLUMN_MISSING",
            f"{path.name} has no column {', '.join(missing)}. It needs unique_id (text), ds "
            "(start of the period) and y (amount).",
            field=option,
        )
    facts = [name for name in names if not name.startswith(ROW_NUMBERS)]
    try:
        read = pq.read_table(path, columns=facts if all_columns else list(KEYS))
    except (
        pa.ArrowException,
        OSError,
        UnicodeDecodeError,
    ):  # a whole foot, and pages that are damaged
        raise Malformed(
            "FILE_UNREADABLE", f"{path} cannot be read as a Parquet file.", field=option
        ) from None
    if not read.num_rows:
        raise Malformed("FILE_EMPTY", f"{path.name} holds no rows.", field=option)
    notes = _checked(read.schema, option)
    # what pandas noted beside the columns may be damaged, and is not needed
    frame = read.replace_schema_metadata().to_pandas()
    for name in ("unique_id", "ds"):
        empty = int(frame[name].isna().sum())
        if empty:
            raise Malformed(
                "KEY_EMPTY",
                f"{empty} row(s) have no {name}. Every row needs one: fill it in or drop the row.",
                field=option,
            )
    frame["unique_id"] = frame["unique_id"].astype(str)
    frame["ds"] = pd.to_datetime(frame["ds"])
    if frame["ds"].dt.tz is not None:
        # the wall clock of the zone given: a day is a day there, also when clocks change
        frame["ds"] = frame["ds"].dt.tz_localize(None)
    frame["y"] = frame["y"].astype(np.float64)
    endless = int(np.isinf(frame["y"].to_numpy()).sum())
    if endless:
        frame.loc[np.isinf(frame["y"]), "y"] = np.nan
        notes.append(
            Found("", "Y_INFINITE", f"{endless} row(s) hold an infinite y: taken as not known.")
        )
    return frame, notes


def _checked(schema: pa.Schema, option: str) -> list[Found]:
    """Refuses wrong column types; notes those that can be understood all the same."""
    types: Mapping[str, Any] = {name: schema.field(name).type for name in KEYS}
    notes = []
    kind = types["unique_id"]
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind):
        notes.append(Found("", "ID_NOT_TEXT", "unique_id holds whole numbers: taken as text."))
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise Malformed(
            "COLUMN_TYPE", f"unique_id is {kind} and must be text.", field=f"{option} unique_id"
        )
    if not (pa.types.is_timestamp(types["ds"]) or pa.types.is_date(types["ds"])):
        raise Malformed(
            "COLUMN_TYPE",
            f"ds is {types['ds']} and must be a timestamp or a date, the start of the period.",
            field=f"{option} ds",
        )
    if pa.types.is_timestamp(types["ds"]) and types["ds"].tz:
        notes.append(
            Found(
                "",
                "DS_WITH_ZONE",
                f"ds carries the time zone {types['ds'].tz}: its local days are used and the "
                "forecast is written without a zone.",
            )
        )
    numeric = (
        pa.types.is_integer(types["y"])
        or pa.types.is_floating(types["y"])
        or pa.types.is_decimal(types["y"])
    )
    if not numeric:
        raise Malformed("COLUMN_TYPE", f"y is {types['y']} and must be a number.", field=option)
    return notes


def _places(frame: Any, periods: Any, frequency: str, option: str) -> Any:
    """The place of each row on the grid; Malformed when some lie between two periods."""
    place: Array = periods.get_indexer(frame["ds"])
    off = place < 0
    if off.any():
        example = frame["ds"][off].iloc[0]
        raise Malformed(
            "DS_OFF_GRID",
            f"{int(off.sum())} of {len(frame)} rows have a ds that is not the start of a period "
            f"of --freq {frequency}, such as {example:%Y-%m-%d %H:%M}. Give the starts of the "
            "periods in local time, or the right frequency.",
            field=f"{option} ds",
        )
    return place
