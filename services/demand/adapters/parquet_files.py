"""Files of movements, sorted: written, merged and opened for reading.

Its libraries take a hundred megabytes: only what reads or writes files imports this module.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ("item_id", "site_id", "day", "reason", "amount", "ward_id")
SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("site_id", pa.string()),
        ("day", pa.int32()),
        ("reason", pa.int8()),
        ("amount", pa.float64()),
        ("ward_id", pa.string()),
    ]
)
ORDER = ("item_id", "site_id", "day", "reason", "ward_id")
ROW_GROUP = 500_000
# What merging may hold in memory; it spills the rest.
MERGE_MEMORY = "512MB"


def reader(folder: Path, **more: str) -> Any:
    """DuckDB in memory; it fetches no extension and spills into our own folder."""
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(folder / "spilled"),
            **more,
        }
    )


def write(rows: Sequence[Sequence[Any]], path: Path) -> None:
    """Rows of COLUMNS, as a sorted file that is whole and on the disk."""
    columns = zip(*rows, strict=True)
    table = pa.table(dict(zip(COLUMNS, columns, strict=True)), schema=SCHEMA)
    table = table.sort_by([(name, "ascending") for name in ORDER])
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)
    _flush(path)


def merge(paths: Sequence[str], path: Path) -> int:
    """One sorted file of the rows of several; how many there are."""
    with reader(path.parent, memory_limit=MERGE_MEMORY) as merging:
        count = merging.execute(
            f"COPY (SELECT {', '.join(COLUMNS)} FROM read_parquet($from) "  # noqa: S608  # constants
            f"ORDER BY {', '.join(ORDER)}) TO '{_quoted(path)}' "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
            {"from": list(paths)},
        ).fetchone()[0]
    _flush(path)
    return int(count)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
