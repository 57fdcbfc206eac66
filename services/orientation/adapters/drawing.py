"""Visits of the shipped file one by one, for measurements that want real inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from services.orientation.domain.features import CASE_VITALS, PAIN

FILE = "nhamcs_2015_2021.parquet"
CODES = tuple(f"complaint_code_{i}" for i in range(1, 4))
BEDSIDE = tuple(name for name, cell in CASE_VITALS.items() if cell != PAIN)
MOST = 20_000


def visits(
    folder: Path,
) -> Iterator[tuple[float | None, str, tuple[int, ...], dict[str, float]]]:
    """(age in years, sex, up to three complaint codes, vital signs) of the newest visits."""
    table = pq.read_table(folder / FILE, columns=["age_years", "sex", *CODES, *BEDSIDE])
    for row in table.slice(max(0, table.num_rows - MOST)).to_pylist():
        told = tuple(dict.fromkeys(int(row[name]) for name in CODES if row[name] is not None))
        vitals = {name: float(row[name]) for name in BEDSIDE if row[name] is not None}
        age = None if row["age_years"] is None else float(row["age_years"])
        yield age, row["sex"] or "", told, vitals
