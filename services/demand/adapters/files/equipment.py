"""Reads use intervals or movements of equipment into a daily history of peaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from services.demand.adapters.files import grid
from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.texts import as_text
from services.demand.domain.equipment import DAY, OPEN, Seconds, Uses, at_the_limit, peaks, uses_of
from services.demand.domain.findings import Found
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.tables import HistoryTable
from shared.errors import Malformed

DAILY, WEEK = "D", 7
INTERVALS, MOVEMENTS = ("unique_id", "start", "end"), ("unique_id", "unit", "time", "event")
OUT, BACK = "out", "return"
FIELD = "--uses"
EARLIEST, LATEST = 0, 230 * 365 * DAY  # seconds since 1970: a use of 2200 is a slip of the pen


@dataclass(frozen=True, slots=True)
class UsesDesk(Desk):
    """The files of `larrey demand equipment`: uses in, forecasts of the daily peak out."""

    def history(self) -> HistoryRead:
        return read_uses(self.history_path, self.horizon)


def read_uses(path: Path, horizon: int) -> HistoryRead:
    """Peaks by pool and day, from the first use to the last whole day of the file.

    The day of the newest event is not over, so it is the first day forecast. Malformed, with
    the remedy, when the file cannot be used.
    """
    frame = _frame(path)
    times = ["start", "end"] if "start" in frame else ["time"]
    seconds = {name: _seconds(frame[name], name) for name in times}
    known = np.concatenate([one[one != OPEN] for one in seconds.values()])
    first, today = int(known.min()) // DAY, int(known.max()) // DAY
    if today <= first:
        raise Malformed(
            "HISTORY_TOO_SHORT",
            f"{path.name} covers less than two days: there is no whole day to learn from.",
            field=FIELD,
        )
    days = today - first
    start_day = pd.Timestamp(first * DAY, unit="s")
    periods = grid.between(start_day, start_day + pd.Timedelta(days=days - 1), DAILY)
    pools = sorted(frame["unique_id"].unique())
    rows, found = [], []
    for pool in pools:
        mine = (frame["unique_id"] == pool).to_numpy()
        uses, odd = _uses(pool, frame[mine], {n: s[mine] for n, s in seconds.items()}, first)
        peak = peaks(uses, first, days)
        rows.append(peak)
        found += [*odd, *_full(pool, peak, frame[mine])]
    values = np.stack(rows)
    # the history of a pool begins with its first use, on the last day at the latest
    start = np.where(values.any(axis=1), np.argmax(values > 0, axis=1), days - 1)
    everywhere = np.ones(values.shape, dtype=bool)
    table = HistoryTable(
        ids=tuple(pools),
        periods=periods.to_numpy(dtype="datetime64[ns]"),
        season=WEEK,
        frequency=DAILY,
        recorded=values,
        values=values,
        known=everywhere,
        observed=everywhere,
        start=start.astype(np.int64),
    )
    ahead = grid.after(periods[-1], horizon, DAILY).to_numpy(dtype="datetime64[ns]")
    return HistoryRead(table, ahead, np.ones(values.shape, dtype=np.int64), tuple(found))


def _uses(
    pool: str, frame: Any, seconds: dict[str, Seconds], first: int
) -> tuple[Uses, tuple[Found, ...]]:
    if "start" not in seconds:
        units = as_text(frame["unit"], "unit", FIELD).tolist()
        out = (frame["event"] == OUT).to_numpy()
        return uses_of(pool, units, seconds["time"], out, first * DAY)
    backwards = seconds["end"] < seconds["start"]
    found: tuple[Found, ...] = ()
    if backwards.any():
        sentence = f"{int(backwards.sum())} use(s) end before they start: left out."
        found = (Found(pool, "USE_BACKWARDS", sentence),)
    return Uses(seconds["start"][~backwards], seconds["end"][~backwards]), found


def _full(pool: str, peak: Any, frame: Any) -> list[Found]:
    if "fleet" not in frame or not frame["fleet"].notna().any():
        return []
    fleet = float(frame["fleet"].max())
    full = at_the_limit(peak, fleet)
    if not full:
        return []
    sentence = (
        f"All {fleet:g} units were in use on {full} of {len(peak)} days: more may have been needed "
        "than was there, so the forecast is a lower bound."
    )
    return [Found(pool, "FLEET_AT_ITS_LIMIT", sentence)]


def _seconds(column: Any, name: str) -> Seconds:
    """Seconds since 1970 on the local clock; an end not given is OPEN."""
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise Malformed("COLUMN_TYPE", f"{name} must be a timestamp.", field=f"{FIELD} {name}")
    local = column.dt.tz_localize(None) if column.dt.tz is not None else column
    blank = local.isna().to_numpy()
    if blank.any() and name != "end":
        raise Malformed(
            "KEY_EMPTY", f"{int(blank.sum())} row(s) have no {name}.", field=f"{FIELD} {name}"
        )
    whole = local.to_numpy(dtype="datetime64[s]").astype(np.int64)
    strange = ~blank & ((whole < EARLIEST) | (whole >= LATEST))
    if strange.any():
        raise Malformed(
            "TIME_MALFORMED",
            f"{int(strange.sum())} row(s) have a {name} before 1970 or after 2199: correct it, or "
            "leave an end that is not known empty.",
            field=f"{FIELD} {name}",
        )
    return np.where(blank, OPEN, whole)


def _frame(path: Path) -> Any:
    try:
        # what pandas noted beside the columns may be damaged, and is not needed
        frame = pq.read_table(path).replace_schema_metadata().to_pandas()
    except FileNotFoundError:
        raise Malformed("FILE_MISSING", f"There is no file {path}.", field=FIELD) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise Malformed(
            "FILE_UNREADABLE", f"{path} cannot be read as a Parquet file.", field=FIELD
        ) from None
    if not any(all(name in frame for name in wanted) for wanted in (INTERVALS, MOVEMENTS)):
        raise Malformed(
            "COLUMN_MISSING",
            f"{path.name} needs unique_id (type of equipment at a ward), start and end (empty: "
            "still in use) of each use, or unique_id, unit, time and event (out or return).",
            field=FIELD,
        )
    if frame.empty:
        raise Malformed("FILE_EMPTY", f"{path.name} holds no rows.", field=FIELD)
    if frame["unique_id"].isna().any():
        raise Malformed("KEY_EMPTY", "Some rows have no unique_id.", field=f"{FIELD} unique_id")
    frame["unique_id"] = as_text(frame["unique_id"], "unique_id", FIELD)
    if "start" not in frame:
        strange = sorted(set(as_text(frame["event"], "event", FIELD)) - {OUT, BACK})
        if strange:
            raise Malformed(
                "EVENT_UNKNOWN",
                f"event is {OUT!r} or {BACK!r}, not {strange[0]!r}.",
                field=f"{FIELD} event",
            )
    return frame
