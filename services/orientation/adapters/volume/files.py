"""Hourly counts in, forecasts out, as Parquet; a wrong file is refused by column and remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.orientation.domain.volume.almanac import Almanac
from services.orientation.domain.volume.forecast import VolumeForecast
from services.orientation.domain.volume.hours import HOUR, Counts, Hours, Instants
from services.orientation.domain.volume.sectors import Sectors
from services.orientation.domain.volume.spread import LEVELS
from shared.errors import Malformed

TIME, CALLS = "hour_start_local", "calls_total"


def read_hours(path: Path, role: str, almanac: Almanac) -> Hours:
    """The series of a file with `hour_start_local` and `calls_total`, in any order of rows.

    `role` names the file in a refusal. The hour skipped in spring may be left out, and the one
    that comes twice in autumn may be two rows. Any other gap or repeat is refused.
    """
    start, (calls,) = _read(path, role, almanac, [CALLS])
    return Hours(start, calls)


def sector_names(path: Path, role: str) -> tuple[str, ...]:
    """Columns of whole numbers beside the time and the total. Refuses SECTORS_MISSING."""
    schema = _schema(path, role)
    names = tuple(
        field.name
        for field in schema
        if field.name not in (TIME, CALLS) and pa.types.is_integer(field.type)
    )
    if not names:
        raise Malformed(
            "SECTORS_MISSING",
            f"The {role} has no column of a sector: give one column of whole numbers a sector "
            f"beside {TIME} and {CALLS}, or leave --sectors-out away.",
            field=role,
        )
    return names


def sectors_of(path: Path, almanac: Almanac) -> Sectors:
    """Every sector of a history."""
    names = sector_names(path, "history")
    return Sectors(names, read_sectors(path, "history", almanac, names))


def read_sectors(path: Path, role: str, almanac: Almanac, names: Sequence[str]) -> Counts:
    """[hour, sector] counts, on the same hours as `read_hours`."""
    return np.stack(_read(path, role, almanac, names)[1], axis=1)


def _read(
    path: Path, role: str, almanac: Almanac, columns: Sequence[str]
) -> tuple[np.datetime64, list[Counts]]:
    """The first hour, and each column on a whole axis of hours."""
    table = _table(path, role, [TIME, *columns])
    instants = _instants(table, role)
    order = np.argsort(instants, kind="stable")
    instants = instants[order]
    start, end = instants[0], instants[-1]
    axis = start + np.arange(int((end - start) / HOUR) + 1) * HOUR
    at = ((instants - start) / HOUR).astype(int)
    often = np.bincount(at, minlength=axis.size)
    _refuse_gaps(axis, often, almanac.times_on_clock(axis), role)
    found = []
    for name in columns:
        calls = _calls(table, role, name)[order]
        told = np.isfinite(calls)
        known = np.bincount(at, weights=told, minlength=axis.size)
        total = np.bincount(at, weights=np.where(told, calls, 0.0), minlength=axis.size)
        # an hour given in two rows is known when both are
        found.append(np.where((known > 0) & (known == often), total, np.nan))
    return start, found


def _refuse_gaps(axis: Instants, often: Any, times: Counts, role: str) -> None:
    repeated = (often > 1) & ~((often == 2) & (times == 2))
    if repeated.any():
        raise Malformed(
            "HOUR_REPEATED",
            f"The {role} holds the hour {axis[repeated][0]} more than once: give one row an hour.",
            field=f"{role}.{TIME}",
        )
    gap = (often == 0) & (times > 0)
    if gap.any():
        raise Malformed(
            "HOURS_MISSING",
            f"The {role} has no row for {int(gap.sum())} hours, the first {axis[gap][0]}: give "
            f"every hour a row, with {CALLS} left empty where nothing was recorded.",
            field=f"{role}.{TIME}",
        )


def _schema(path: Path, role: str) -> Any:
    if not path.is_file():
        raise Malformed("FILE_MISSING", f"There is no {role} file at {path}.", field=role)
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Malformed(
            "NOT_PARQUET", f"The {role} {path} cannot be read as Parquet.", field=role
        ) from error


def _table(path: Path, role: str, columns: Sequence[str]) -> Any:
    missing = [name for name in columns if name not in _schema(path, role).names]
    try:
        table = None if missing else pq.read_table(path, columns=list(columns))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Malformed(
            "NOT_PARQUET", f"The {role} {path} cannot be read as Parquet.", field=role
        ) from error
    if table is None:
        raise Malformed(
            "COLUMN_MISSING",
            f"The {role} has no column {' and no column '.join(missing)}: it needs {TIME} "
            f"(timestamp without zone) and {CALLS} (whole number).",
            field=f"{role}.{missing[0]}",
        )
    if table.num_rows == 0:
        raise Malformed("FILE_EMPTY", f"The {role} holds no row.", field=role)
    return table


def _instants(table: Any, role: str) -> Instants:
    column = table.column(TIME)
    if not pa.types.is_timestamp(column.type) or column.type.tz is not None:
        raise Malformed(
            "TIME_OF_WRONG_TYPE",
            f"{TIME} of the {role} is {column.type}: give timestamps of the wall clock, without "
            "zone.",
            field=f"{role}.{TIME}",
        )
    if column.null_count:
        raise Malformed(
            "TIME_MISSING",
            f"{column.null_count} rows of the {role} have no {TIME}: give every row its hour.",
            field=f"{role}.{TIME}",
        )
    exact = column.cast(pa.timestamp("ns")).to_numpy()
    hours = exact.astype("datetime64[h]")
    odd = exact != hours
    if odd.any():
        raise Malformed(
            "NOT_ON_THE_HOUR",
            f"{int(odd.sum())} rows of the {role} are not on the full hour: {TIME} is the "
            "beginning of a clock hour.",
            field=f"{role}.{TIME}",
        )
    return np.asarray(hours)


def _calls(table: Any, role: str, name: str) -> Counts:
    column = table.column(name)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise Malformed(
            "CALLS_OF_WRONG_TYPE",
            f"{name} of the {role} is {kind}: give whole numbers, empty where nothing was "
            "recorded.",
            field=f"{role}.{name}",
        )
    values = pc.fill_null(column.cast(pa.float64()), float("nan"))
    calls = np.asarray(values.to_numpy(), dtype=np.float64)
    wrong = np.isinf(calls) | (calls < 0)
    if wrong.any():
        raise Malformed(
            "CALLS_NEGATIVE",
            f"{int(wrong.sum())} rows of the {role} hold a negative or infinite {name}: give "
            "counts of 0 or more, or leave them empty.",
            field=f"{role}.{name}",
        )
    return calls


def check_writable(*paths: Path) -> None:
    """Refuses before the work, not after it."""
    for path in paths:
        if path.is_dir() or not path.parent.is_dir():
            raise Malformed(
                "CANNOT_WRITE",
                f"{path} cannot be written: give a file in a folder that exists.",
                field="out",
            )


def write_forecast(path: Path, forecast: VolumeForecast) -> None:
    """Exactly `ds`, `mean`, `q0.1`, `q0.5`, `q0.9`."""
    columns = {
        "ds": pa.array(forecast.instants.astype("datetime64[us]")),
        "mean": pa.array(forecast.mean),
    }
    columns |= {f"q{level}": pa.array(forecast.levels[:, at]) for at, level in enumerate(LEVELS)}
    pq.write_table(pa.table(columns), path)


def write_sectors(path: Path, forecast: VolumeForecast) -> None:
    """One row an hour and sector: `ds`, `sector`, `mean`, `q0.1`, `q0.5`, `q0.9`."""
    sectors = forecast.sectors
    if sectors is None:
        raise ValueError("No sector was forecast")
    hours, count = sectors.mean.shape
    columns = {
        "ds": pa.array(np.repeat(forecast.instants.astype("datetime64[us]"), count)),
        "sector": pa.array(list(sectors.names) * hours),
        "mean": pa.array(sectors.mean.reshape(-1)),
    }
    columns |= {
        f"q{level}": pa.array(sectors.levels[:, :, at].reshape(-1))
        for at, level in enumerate(LEVELS)
    }
    pq.write_table(pa.table(columns), path)


def write_facts(path: Path, facts: Mapping[str, object]) -> None:
    path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
