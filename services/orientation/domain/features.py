"""What the severity model looks at, rounded the same way in training and in service.

Each input is rounded to a cell of a grid; the last cell means "not known". Because the
model was trained on rounded values, a table with one entry a cell holds it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Cells = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` cells of width `step` from `low` on, and one more for "not known"."""

    low: float
    step: float
    count: int
    whole: bool = False  # True rounds down: an age of 0.9 years is age 0

    @property
    def unknown(self) -> int:
        return self.count

    @property
    def size(self) -> int:
        return self.count + 1

    def cell(self, value: float | None) -> int:
        if value is None or math.isnan(value):
            return self.count
        place = (value - self.low) / self.step
        index = int(place // 1) if self.whole else int((place + 0.5) // 1)
        return min(max(index, 0), self.count - 1)

    def cells(self, values: Floats) -> Cells:
        """`cell` of each value; NaN is "not known"."""
        place = (values - self.low) / self.step
        index = np.floor(place) if self.whole else np.floor(place + 0.5)
        index = np.clip(index, 0, self.count - 1)
        return np.where(np.isnan(values), self.count, index).astype(np.int64)

    def centres(self) -> Floats:
        """The value that each cell stands for, NaN for "not known"."""
        return np.append(self.low + self.step * np.arange(self.count), np.nan)


def usual_cells(grid: Grid) -> dict[float, int]:
    """Reading → cell for every tenth of the grid's range, as said and in single precision."""
    tenths = range(round(grid.low * 10), round((grid.low + grid.step * grid.count) * 10))
    said = [tenth / 10 for tenth in tenths]
    readings = (*said, *(float(np.float32(value)) for value in said))
    return {value: grid.cell(value) for value in readings}


AGE, SEX, COMPLAINT, GROUP = "age", "sex", "complaint", "group"
HEART, BREATH, SYSTOLIC, DIASTOLIC = "heart_rate", "respiratory_rate", "systolic", "diastolic"
SPO2, TEMPERATURE = "spo2", "temperature"
VITALS = (HEART, BREATH, SYSTOLIC, DIASTOLIC, SPO2, TEMPERATURE)
AMBULANCE, PAIN, CHRONIC, COUNT = "ambulance", "pain", "chronic", "count"
# Three sets of tables for each outcome, by what is known of VITALS and AMBULANCE
CALL, PARTIAL, VITALS_KIND = "call", "partial", "vitals"
MOST_COMPLAINTS = 5
GRIDS: dict[str, Grid] = {
    AGE: Grid(0, 1, 95, whole=True),
    SEX: Grid(0, 1, 2),
    HEART: Grid(30, 1, 191),
    BREATH: Grid(6, 1, 55),
    SYSTOLIC: Grid(50, 2, 93),
    DIASTOLIC: Grid(20, 2, 63),
    # 98 and more are one cell: a reading of 100 often means that oxygen is running
    SPO2: Grid(70, 1, 29),
    TEMPERATURE: Grid(33.0, 0.1, 88),
    AMBULANCE: Grid(0, 1, 2),
    PAIN: Grid(0, 1, 11),
    CHRONIC: Grid(0, 1, 4),  # number of chronic conditions, 3 and more are one cell
    COUNT: Grid(0, 1, MOST_COMPLAINTS),  # number of complaints after the first
}
# name in a case → input of the model
CASE_VITALS = {
    "heart_rate_bpm": HEART,
    "respiratory_rate_bpm": BREATH,
    "systolic_bp_mmhg": SYSTOLIC,
    "diastolic_bp_mmhg": DIASTOLIC,
    "spo2_percent": SPO2,
    "temperature_c": TEMPERATURE,
    "pain_0_10": PAIN,
}

NOTHING_KNOWN = {name: grid.unknown for name, grid in GRIDS.items()}
SEXES = {"F": 0, "M": 1}


@dataclass(frozen=True, slots=True)
class Complaints:
    """The complaint input: a cell for each code, then one for each group, then unknown."""

    codes: tuple[int, ...]
    code_groups: tuple[int, ...]
    groups: tuple[str, ...]
    _index: Mapping[int, int] = field(init=False, repr=False)
    _group_index: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {code: i for i, code in enumerate(self.codes)})
        first = len(self.codes)
        places = {name: first + i for i, name in enumerate(self.groups)}
        object.__setattr__(self, "_group_index", places)

    @property
    def unknown(self) -> int:
        return len(self.codes) + len(self.groups)

    @property
    def size(self) -> int:
        return self.unknown + 1

    def cell(self, code: int | None, group: str = "") -> int:
        """Cell of a code, else of its group, else unknown."""
        if code is not None and code in self._index:
            return self._index[code]
        return self._group_index.get(group, self.unknown)

    def group_of_cell(self) -> Cells:
        """Group number of each complaint cell; the number of groups when unknown."""
        rows = [*self.code_groups, *range(len(self.groups)), len(self.groups)]
        return np.array(rows, dtype=np.int64)


NO_VITALS: Mapping[str, float] = MappingProxyType({})


class PatientInputs(NamedTuple):
    """One patient as the model sees it. Values left out are not known."""

    age_years: float | None = None
    sex: str = ""
    complaints: tuple[int, ...] = ()  # cells
    vitals: Mapping[str, float] = NO_VITALS  # by name, also pain
    ambulance: bool | None = None
    chronic_conditions: int | None = None

    @property
    def kind(self) -> str:
        """Which tables answer: what a call tells, a few bedside values, or all of them.

        Where the way of arrival is known, a value that is missing was left out at a hospital
        door, which means something; in a call it only means that nobody measured.
        """
        if self.ambulance is None and not self.vitals:
            return CALL
        told = sum(name in self.vitals for name in VITALS)
        if self.ambulance is not None or told == len(VITALS):
            return VITALS_KIND
        return PARTIAL if told else CALL

    def cells(self) -> dict[str, int]:
        found = NOTHING_KNOWN.copy()
        found[AGE] = GRIDS[AGE].cell(self.age_years)
        found[SEX] = SEXES.get(self.sex, 2)
        for name, value in self.vitals.items():
            found[name] = GRIDS[name].cell(value)
        if self.ambulance is not None:
            found[AMBULANCE] = int(self.ambulance)
        if self.chronic_conditions is not None:
            found[CHRONIC] = GRIDS[CHRONIC].cell(self.chronic_conditions)
        return found


def schema(complaints: Complaints) -> dict[str, object]:
    """What must be equal in a bundle and in the code that loads it."""
    return {
        "version": 2,
        "grids": {n: [g.low, g.step, g.count, g.whole] for n, g in GRIDS.items()},
        "codes": list(complaints.codes),
        "code_groups": list(complaints.code_groups),
        "groups": list(complaints.groups),
    }


def complaints_from(rows: Sequence[tuple[int, str]]) -> Complaints:
    """The complaint input of a list of (code, group), in the order of the codes."""
    rows = sorted(rows)
    groups = tuple(sorted({group for _, group in rows}))
    number = {name: i for i, name in enumerate(groups)}
    return Complaints(
        tuple(code for code, _ in rows), tuple(number[group] for _, group in rows), groups
    )
