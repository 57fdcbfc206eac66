"""Visits to be scored in, scores and figures out; a wrong file is refused in one line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.orientation.adapters.visits import numbers, people_of
from services.orientation.domain.features import Complaints, Floats
from services.orientation.domain.many import People
from shared.errors import Malformed

VISIT = "visit_id"


@dataclass(frozen=True, slots=True)
class ToScore:
    """Visits in the order of the file; outcomes are NaN where they are not known."""

    visit_ids: pa.ChunkedArray = field(repr=False)
    people: People
    outcomes: Mapping[str, Floats] = field(repr=False)  # icu, admission, high_triage
    graded: Floats = field(repr=False)  # 1 where a nurse gave a level


def read_visits_to_score(path: Path, complaints: Complaints) -> ToScore:
    """Refuses Malformed DATA_UNREADABLE, COLUMN_MISSING, COLUMN_OF_WRONG_TYPE, VISIT_ID_..."""
    table = _read(path)
    ids = _visit_ids(table)
    level = numbers(table, "triage_level")
    graded = ~np.isnan(level)
    outcomes = {
        "icu": _yes_or_no(table, "outcome_icu"),
        "admission": _yes_or_no(table, "outcome_admitted"),
        "high_triage": np.where(graded, (level <= 2).astype(np.float64), np.nan),
    }
    return ToScore(ids, people_of(table, complaints), outcomes, graded.astype(np.float64))


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise Malformed(
            "DATA_UNREADABLE", f"There is no file {path.name}. Name a Parquet file.", field="data"
        )
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Malformed(
            "DATA_UNREADABLE",
            f"{path.name} cannot be read as Parquet. Give a whole Parquet file with the columns "
            "of the emergency visits.",
            field="data",
        ) from error


def _visit_ids(table: pa.Table) -> pa.ChunkedArray:
    if table.column_names.count(VISIT) != 1:
        raise Malformed(
            "COLUMN_MISSING",
            f"The visits need one column {VISIT}, which says whose score is whose. Add it with a "
            "different value in every row.",
            field=VISIT,
        )
    ids = table[VISIT]
    if ids.null_count:
        raise Malformed(
            "VISIT_ID_MISSING",
            f"{ids.null_count} rows have no {VISIT}. Give every row its own.",
            field=VISIT,
        )
    kind = ids.type
    plain = ids.cast(kind.value_type) if pa.types.is_dictionary(kind) else ids
    if not (
        pa.types.is_string(plain.type)
        or pa.types.is_large_string(plain.type)
        or pa.types.is_integer(plain.type)
        or table.num_rows == 0
    ):
        raise Malformed(
            "COLUMN_OF_WRONG_TYPE", f"{VISIT} is {kind}: give text or whole numbers.", field=VISIT
        )
    if len(plain.unique()) != len(plain):
        raise Malformed(
            "VISIT_ID_REPEATED",
            f"{len(plain) - len(plain.unique())} rows repeat a {VISIT}. Give every visit one row.",
            field=VISIT,
        )
    return ids


def _yes_or_no(table: pa.Table, name: str) -> Floats:
    found = numbers(table, name)
    return np.where((found == 0) | (found == 1), found, np.nan)


def check_writable(*paths: Path) -> None:
    """Refuses before the work, not after it."""
    for path in paths:
        if path.is_dir() or not path.parent.is_dir():
            raise Malformed(
                "CANNOT_WRITE",
                f"{path.name} cannot be written. Name a file in a folder that exists.",
                field="out",
            )


def write_scores(path: Path, visits: ToScore, scores: Mapping[str, Floats]) -> None:
    """One row a visit, in the order of the file that was read."""
    columns: dict[str, object] = {VISIT: visits.visit_ids}
    pq.write_table(pa.table({**columns, **scores}), path)


def write_facts(path: Path, facts: Mapping[str, object]) -> None:
    """A figure that cannot be told, such as a ranking without cases, is null."""
    path.write_text(json.dumps(_told(facts), indent=1) + "\n", encoding="utf-8")


def _told(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _told(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
