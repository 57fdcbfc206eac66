"""The NHAMCS visits as columns of cells, read from the shipped file or the original ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from services.orientation.domain.features import (
    AGE,
    CASE_VITALS,
    COMPLAINT,
    GRIDS,
    GROUP,
    SEX,
    Cells,
    Complaints,
    Floats,
)
from shared.errors import Missing

SHIPPED = "nhamcs_2015_2021.parquet"
ORIGINALS = ("nhamcs_2015_2020_icu_vs_not_admitted.parquet", "nhamcs_2021.parquet")
KEPT_APART = 2022  # the year that is scored separately: never used here
INPUT_COLUMNS = ("year", "age_years", *CASE_VITALS)
CODE_COLUMNS = tuple(f"complaint_code_{i}" for i in range(1, 6))


@dataclass(frozen=True, slots=True)
class Visits:
    """`cells` per input, outcomes as 1, 0 or NaN where they are not known."""

    cells: Mapping[str, Cells] = field(repr=False)
    year: Floats = field(repr=False)
    icu: Floats = field(repr=False)  # 1 intensive care, 0 not admitted
    admitted: Floats = field(repr=False)
    ambulance: Floats = field(repr=False)

    @property
    def count(self) -> int:
        return len(self.year)

    def where(self, keep: npt.NDArray[np.bool_] | Cells) -> Visits:
        cells = {name: column[keep] for name, column in self.cells.items()}
        return Visits(
            cells, self.year[keep], self.icu[keep], self.admitted[keep], self.ambulance[keep]
        )


def _numbers(table: pa.Table, name: str) -> Floats:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(column, dtype=np.float64)


def _tables(folder: Path) -> list[pa.Table]:
    if (folder / SHIPPED).is_file():
        return [pq.read_table(folder / SHIPPED)]
    missing = [name for name in ORIGINALS if not (folder / name).is_file()]
    if missing:
        raise Missing(
            "TRAINING_DATA_MISSING",
            f"The folder holds neither {SHIPPED} nor {' and '.join(missing)}. Name a folder "
            "with the NHAMCS files.",
            field="data",
        )
    return [pq.read_table(folder / name) for name in ORIGINALS]


def read_visits(folder: Path, complaints: Complaints) -> Visits:
    """Every visit of the folder before the year that is kept apart."""
    parts = [_visits(table, complaints) for table in _tables(folder)]
    cells = {name: np.concatenate([p.cells[name] for p in parts]) for name in parts[0].cells}
    visits = Visits(
        cells,
        np.concatenate([p.year for p in parts]),
        np.concatenate([p.icu for p in parts]),
        np.concatenate([p.admitted for p in parts]),
        np.concatenate([p.ambulance for p in parts]),
    )
    return visits.where(visits.year < KEPT_APART)


def _visits(table: pa.Table, complaints: Complaints) -> Visits:
    numbers = {name: _numbers(table, name) for name in INPUT_COLUMNS}
    cells: dict[str, Cells] = {AGE: GRIDS[AGE].cells(numbers["age_years"])}
    sexes = table["sex"].cast(pa.string()).to_pylist()
    cells[SEX] = np.array([{"F": 0, "M": 1}.get(sex, 2) for sex in sexes], dtype=np.int64)
    for column, name in CASE_VITALS.items():
        cells[name] = GRIDS[name].cells(numbers[column])
    groups = complaints.group_of_cell()
    for index, column in enumerate(CODE_COLUMNS):
        codes = _numbers(table, column)
        rows = [complaints.cell(None if math.isnan(c) else int(c)) for c in codes]
        cells[COMPLAINT if index == 0 else f"{COMPLAINT}_{index + 1}"] = np.array(rows, np.int64)
    cells[GROUP] = groups[cells[COMPLAINT]]
    return Visits(
        cells,
        numbers["year"],
        _numbers(table, "outcome_icu_vs_not_admitted"),
        _numbers(table, "outcome_admitted"),
        _numbers(table, "arrived_by_ambulance"),
    )
