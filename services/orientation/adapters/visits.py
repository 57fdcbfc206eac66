"""Emergency visits of a Parquet table as cells of the model's inputs, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    CASE_VITALS,
    CHRONIC,
    COMPLAINT,
    COUNT,
    GRIDS,
    GROUP,
    MOST_COMPLAINTS,
    SEX,
    Cells,
    Complaints,
    Floats,
)
from services.orientation.domain.many import People, arrange
from shared.errors import Malformed

CODE_COLUMNS = tuple(f"complaint_code_{i}" for i in range(1, MOST_COMPLAINTS + 1))
NUMBER_COLUMNS = ("age_years", *CASE_VITALS, *CODE_COLUMNS, "chronic_condition_count")


def numbers(table: pa.Table, name: str) -> Floats:
    """A column of numbers, NaN where nothing is known or where there is no such column."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    kind = table.schema.field(name).type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        raise Malformed(
            "COLUMN_OF_WRONG_TYPE",
            f"{name} is {kind}: give numbers, and leave empty what is not known.",
            field=name,
        )
    column = pc.fill_null(table[name].cast(pa.float64()), float("nan"))
    found = np.asarray(column.to_numpy(), dtype=np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def people_of(table: pa.Table, complaints: Complaints) -> People:
    """Every row of the table. A column that is not there counts as not known."""
    cells: dict[str, Cells] = {AGE: GRIDS[AGE].cells(numbers(table, "age_years"))}
    cells[SEX] = _sexes(table)
    for column, name in CASE_VITALS.items():
        cells[name] = GRIDS[name].cells(numbers(table, column))
    cells[AMBULANCE] = GRIDS[AMBULANCE].cells(_flags(table, "arrived_by_ambulance"))
    cells[CHRONIC] = GRIDS[CHRONIC].cells(numbers(table, "chronic_condition_count"))
    told = [_complaints(numbers(table, column), complaints) for column in CODE_COLUMNS]
    first, others = arrange(told, complaints.unknown)
    cells[COMPLAINT] = first
    cells[GROUP] = complaints.group_of_cell()[first]
    cells[COUNT] = (others != complaints.unknown).sum(axis=1)
    return People(cells, others)


def _flags(table: pa.Table, name: str) -> Floats:
    """1, 0 or not known; any other number is not an answer and counts as not known."""
    found = numbers(table, name)
    return np.where((found == 0) | (found == 1), found, np.nan)


def _sexes(table: pa.Table) -> Cells:
    unknown = GRIDS[SEX].unknown
    if "sex" not in table.column_names:
        return np.full(table.num_rows, unknown)
    kind: Any = table.schema.field("sex").type
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (
        pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_null(inner)
    ):
        raise Malformed(
            "COLUMN_OF_WRONG_TYPE",
            f"sex is {kind}: give F or M, and leave empty what is not known.",
            field="sex",
        )
    words = np.asarray(table["sex"].cast(pa.string()).to_numpy(zero_copy_only=False))
    return np.where(words == "F", 0, np.where(words == "M", 1, unknown)).astype(np.int64)


def _complaints(codes: Floats, complaints: Complaints) -> Cells:
    """The cell of each code; one that is not in the list is not known."""
    listed = np.asarray(complaints.codes, dtype=np.float64)
    at = np.clip(np.searchsorted(listed, codes), 0, len(listed) - 1)
    return np.where(listed[at] == codes, at, complaints.unknown).astype(np.int64)
