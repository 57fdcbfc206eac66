"""The shipped tables that a replay draws from."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from services.orientation.domain.pathways import Need
from services.orientation.domain.patients import VITAL_FIELDS
from services.orientation.domain.replay.truth import Diagnosis

YEAR = 2021  # the one shipped year with diagnoses
CODES = tuple(f"complaint_code_{i}" for i in range(1, 6))
DIAGNOSIS = "post_diagnosis_1"  # further ones are mostly what somebody lives with


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who came by ambulance."""

    age_years: float | None
    sex: str
    complaints: tuple[int, ...]
    vitals: dict[str, float] = field(repr=False)
    diagnosis: str = field(repr=False)
    admitted: bool


def read_visits(data: Path) -> tuple[Visit, ...]:
    """Ambulance arrivals with a complaint and a diagnosis; NHAMCS, see data/README.md."""
    table = pq.read_table(data / "nhamcs_2015_2021.parquet")
    chosen = pc.and_(pc.equal(table["year"], YEAR), pc.equal(table["arrived_by_ambulance"], True))
    rows = table.filter(chosen).to_pylist()
    return tuple(_visit(row) for row in rows if row[CODES[0]] and row[DIAGNOSIS])


def _visit(row: dict[str, Any]) -> Visit:
    names = [name for name in VITAL_FIELDS if name in row]
    return Visit(
        row["age_years"],
        row["sex"] or "",
        tuple(dict.fromkeys(int(row[c]) for c in CODES if row[c])),
        {n: float(row[n]) for n in names if row[n] is not None and np.isfinite(row[n])},
        row[DIAGNOSIS],
        row["outcome_admitted"] == 1,
    )


def read_diagnoses(data: Path) -> tuple[Diagnosis, ...]:
    with (data / "diagnosis_needs.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(
            Diagnosis(row["prefix"], row["label"], _needs(row["needs"]), row["grave"] == "true")
            for row in csv.DictReader(handle)
        )


def _needs(text: str) -> tuple[Need, ...]:
    found = []
    for need in text.split():
        codes, _, minutes = need.partition(":")
        found.append(Need(tuple(codes.split("|")), float(minutes)))
    return tuple(found)


def read_shape(data: Path) -> npt.NDArray[np.float64]:
    """[weekday, hour] calls beside the mean hour."""
    shape = np.ones((7, 24))
    with (data / "calls_hour_of_week.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            shape[int(row["weekday"]), int(row["hour"])] = float(row["share"])
    return shape
