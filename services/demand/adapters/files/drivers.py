"""Reads calendars and signals onto the grid of a history: what may drive its items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from services.demand.adapters.files.texts import as_text
from services.demand.domain.drivers.driver import Driver, Kind
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.tables import Array, Days
from shared.errors import Malformed

CALENDAR = "exog_fr_calendar_daily.parquet"
ZONES = ("A", "B", "C")
ZONE_COLUMN = "school_zone"
HOLIDAY, BRIDGE, SCHOOL = "public holiday", "bridge day", "school holiday"
SIGNAL_KEYS = ("ds", "signal", "value")


def shipped(name: str) -> Any:
    """A table that ships with the service."""
    return pd.read_parquet(files("services.demand") / "data" / name)


def calendar_drivers(read: HistoryRead, zone: str) -> tuple[Driver, ...]:
    """Public holidays, bridge days and school holidays, in days by period; none for months.

    The school zone of each series comes from its column `school_zone`, else from `zone`.
    Malformed where the calendar ends before the last period asked for.
    """
    table = read.table
    if table.frequency == "MS":
        return ()
    starts = np.concatenate([table.periods, read.ahead])
    days = shipped(CALENDAR).set_index("ds")
    _covered(starts, days.index)
    zones = table.categories.get(ZONE_COLUMN, (zone,) * len(table.ids))
    for one in zones:
        if one not in ZONES:
            raise Malformed(
                "ZONE_UNKNOWN", f"{one!r} is no school zone: give A, B or C.", field="--zone"
            )
    by_zone = {
        one: _by_period(days[f"school_holiday_zone_{one.lower()}"], starts) for one in set(zones)
    }
    return (
        Driver(HOLIDAY, Kind.CALENDAR, _by_period(days["is_public_holiday"], starts)[None]),
        Driver(BRIDGE, Kind.CALENDAR, _by_period(days["is_bridge_day"], starts)[None]),
        Driver(SCHOOL, Kind.CALENDAR, np.stack([by_zone[one] for one in zones])),
    )


def _covered(starts: Days, days: Any) -> None:
    first, last = pd.Timestamp(starts[0]), pd.Timestamp(starts[-1])
    if first < days[0] or last > days[-1]:
        raise Malformed(
            "CALENDAR_ENDS",
            f"The French calendar runs from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}; history and "
            f"forecast need {first:%Y-%m-%d} to {last:%Y-%m-%d}. Leave --zone out, ask for fewer "
            "periods, or install a newer version with a longer calendar.",
            field="--zone",
        )


def _by_period(days: Any, starts: Days) -> Array:
    """[periods] days of a kind between one start and the next; the last is as long as before."""
    marked = days.fillna(value=False).astype(np.float64)
    place = np.searchsorted(starts, days.index.to_numpy(), side="right") - 1
    length = starts[-1] - starts[-2] if len(starts) > 1 else np.timedelta64(1, "D")
    inside = (place >= 0) & (days.index.to_numpy() < starts[-1] + length)
    return np.bincount(
        place[inside], weights=marked.to_numpy()[inside], minlength=len(starts)
    ).astype(np.float64)


def signal_drivers(path: Path, read: HistoryRead) -> tuple[Driver, ...]:
    """The signals of a file, summed by period: `ds`, `signal` (name), `value` and, where a
    signal is not the same for all, `unique_id`. Values after the history are not read.

    Malformed with the remedy when the file cannot be used.
    """
    frame = _signal_frame(path)
    table = read.table
    frame = frame[(frame["ds"] >= table.periods[0]) & (frame["ds"] < read.ahead[0])]
    if frame.empty:
        raise Malformed(
            "SIGNALS_ELSEWHERE",
            f"No row of {path.name} lies between the history's oldest and newest ds.",
            field="--signals",
        )
    place = np.searchsorted(table.periods, frame["ds"].to_numpy(), side="right") - 1
    every = frame["unique_id"] if "unique_id" in frame else pd.Series("", index=frame.index)
    row = pd.Index(table.ids).get_indexer(as_text(every.fillna(""), "unique_id", "--signals"))
    found = []
    for name in sorted(frame["signal"].unique()):
        mine = (frame["signal"] == name).to_numpy()
        values = frame["value"].to_numpy(dtype=np.float64)
        found.append(Driver(name, Kind.SIGNAL, _on_grid(table.ids, place, row, values, mine)))
    return tuple(found)


def _on_grid(ids: Sequence[str], place: Any, row: Any, values: Array, mine: Any) -> Array:
    length = int(place.max()) + 1
    general = mine & (row < 0)
    one = _summed(place[general], values[general], length)
    if not (mine & (row >= 0)).any():
        return one[None]
    made = np.repeat(one[None], len(ids), axis=0)
    for r in np.unique(row[mine & (row >= 0)]):
        some = mine & (row == r)
        made[r] = _summed(place[some], values[some], length)
    return made


def _summed(place: Any, values: Array, length: int) -> Array:
    """[length] sums by period, NaN where no value is known."""
    known = np.isfinite(values)
    total = np.bincount(place[known], weights=values[known], minlength=length)
    seen = np.bincount(place[known], minlength=length)
    return np.asarray(np.where(seen > 0, total, np.nan))


def _signal_frame(path: Path) -> Any:
    try:
        # what pandas noted beside the columns may be damaged, and is not needed
        frame = pq.read_table(path).replace_schema_metadata().to_pandas()
    except FileNotFoundError:
        raise Malformed("FILE_MISSING", f"There is no file {path}.", field="--signals") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise Malformed(
            "FILE_UNREADABLE", f"{path} cannot be read as a Parquet file.", field="--signals"
        ) from None
    types: Mapping[str, Any] = frame.dtypes
    missing = [name for name in SIGNAL_KEYS if name not in frame]
    if missing:
        raise Malformed(
            "COLUMN_MISSING",
            f"{path.name} has no column {', '.join(missing)}. It needs ds (day or start of the "
            "period), signal (name) and value (calls, acts ...).",
            field="--signals",
        )
    if not pd.api.types.is_datetime64_any_dtype(types["ds"]) or not pd.api.types.is_numeric_dtype(
        types["value"]
    ):
        raise Malformed(
            "COLUMN_TYPE", "ds must be a timestamp and value a number.", field="--signals"
        )
    if (frame["value"] < 0).any():
        raise Malformed(
            "SIGNAL_NEGATIVE",
            f"{int((frame['value'] < 0).sum())} value(s) are below 0: a signal counts something.",
            field="--signals value",
        )
    frame["signal"] = as_text(frame["signal"], "signal", "--signals")
    if frame["ds"].dt.tz is not None:
        frame["ds"] = frame["ds"].dt.tz_localize(None)
    return frame
