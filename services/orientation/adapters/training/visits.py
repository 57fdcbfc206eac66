"""The NHAMCS visits with their outcomes, read from the shipped file or the original ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from services.orientation.adapters.visits import numbers, people_of
from services.orientation.domain.features import AMBULANCE, GRIDS, Cells, Complaints, Floats
from services.orientation.domain.many import People
from shared.errors import Missing

SHIPPED = "nhamcs_2015_2021.parquet"
ORIGINALS = ("nhamcs_2015_2020_icu_vs_not_admitted.parquet", "nhamcs_2021.parquet")
KEPT_APART = 2022  # the year that is scored separately: never used here
DIAGNOSES = ("post_diagnosis_1", "post_diagnosis_2", "post_diagnosis_3")
# Discharge diagnoses that stand for a grave state, by their beginning (ICD-10-CM): sepsis,
# shock, respiratory and heart failure, arrest, stroke and other harm to the brain, infarction,
# embolism, aneurysm, bleeding gut, failing liver, anaphylaxis, poisoning.
GRAVE = (
    "A40", "A41", "R65", "R57", "J96", "J80", "J81", "I50", "I46", "I60", "I61", "I62", "I63",
    "G93", "G41", "R40", "S06", "I21", "I22", "I26", "I71", "K92", "K72", "T78", "T36", "T37",
    "T38", "T39", "T40", "T41", "T42", "T43", "T44", "T45", "T46", "T47", "T48", "T49", "T50",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visits:
    """`people` and their outcomes as 1, 0 or NaN where they are not known."""

    people: People
    year: Floats = field(repr=False)
    icu: Floats = field(repr=False)  # 1 intensive care, 0 not admitted
    admitted: Floats = field(repr=False)
    high_triage: Floats = field(repr=False)  # 1 nurse level 1 or 2
    grave: Floats = field(repr=False)  # 1 admitted with a grave diagnosis

    @property
    def cells(self) -> Mapping[str, Cells]:
        return self.people.cells

    @property
    def ambulance(self) -> Floats:
        return GRIDS[AMBULANCE].centres()[self.people.cells[AMBULANCE]]

    @property
    def count(self) -> int:
        return len(self.year)

    def where(self, keep: npt.NDArray[np.bool_] | Cells) -> Visits:
        return Visits(
            self.people.where(keep),
            self.year[keep],
            self.icu[keep],
            self.admitted[keep],
            self.high_triage[keep],
            self.grave[keep],
        )


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
    cells = {n: np.concatenate([p.cells[n] for p in parts]) for n in parts[0].cells}
    visits = Visits(
        People(cells, np.concatenate([p.people.others for p in parts])),
        np.concatenate([p.year for p in parts]),
        np.concatenate([p.icu for p in parts]),
        np.concatenate([p.admitted for p in parts]),
        np.concatenate([p.high_triage for p in parts]),
        np.concatenate([p.grave for p in parts]),
    )
    return visits.where(visits.year < KEPT_APART)


def _visits(table: pa.Table, complaints: Complaints) -> Visits:
    level = numbers(table, "triage_level")
    admitted = numbers(table, "outcome_admitted")
    return Visits(
        people_of(table, complaints),
        numbers(table, "year"),
        numbers(table, "outcome_icu_vs_not_admitted"),
        admitted,
        np.where(np.isnan(level), np.nan, (level <= 2).astype(np.float64)),
        np.where(np.isnan(admitted), np.nan, admitted * _grave(table)),
    )


def _grave(table: pa.Table) -> Floats:
    found = np.zeros(table.num_rows)
    for name in DIAGNOSES:
        if name in table.column_names:
            words = table[name].cast(pa.string()).to_pylist()
            found = np.maximum(found, [float((word or "").startswith(GRAVE)) for word in words])
    return np.asarray(found)
