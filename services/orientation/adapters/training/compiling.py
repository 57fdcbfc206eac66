"""From fitted cores to tables whose entries are the reasons."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from sklearn.isotonic import IsotonicRegression

from services.orientation.adapters.training.cores import Cores
from services.orientation.adapters.training.ridge import Table
from services.orientation.domain.features import (
    AGE,
    BREATH,
    COMPLAINT,
    DIASTOLIC,
    GRIDS,
    GROUP,
    HEART,
    SEX,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    VITALS,
    Cells,
    Complaints,
    Floats,
)
from services.orientation.domain.model import Curve, TableSet, Term

ORDER = (COMPLAINT, GROUP, *VITALS, AGE, SEX)
# Nobody knows an age, a sex or a motive less for being ill: "not known" is the mean of all.
AVERAGED = (AGE, SEX, COMPLAINT, GROUP)
REFERENCE = {
    AGE: 45.0,
    HEART: 80.0,
    BREATH: 16.0,
    SYSTOLIC: 125.0,
    DIASTOLIC: 75.0,
    SPO2: 98.0,
    TEMPERATURE: 37.0,
}
PAIR_REASONS = {
    (HEART, SYSTOLIC): "SHOCK_INDEX",
    (SYSTOLIC, DIASTOLIC): "PULSE_PRESSURE",
    (HEART, TEMPERATURE): "HEART_RATE_AND_TEMPERATURE",
    (BREATH, SPO2): "BREATHING",
    (AGE, SEX): "SEX",
}
KNOTS = 27
Tables = dict[tuple[str, ...], Table]


def sizes_of(complaints: Complaints) -> dict[str, int]:
    sizes = {name: grid.size for name, grid in GRIDS.items()}
    return sizes | {COMPLAINT: complaints.size, GROUP: len(complaints.groups) + 1}


def reference_cells(complaints: Complaints) -> dict[str, int]:
    cells = {name: GRIDS[name].cell(value) for name, value in REFERENCE.items()}
    unknown = {SEX: GRIDS[SEX].unknown, COMPLAINT: complaints.unknown}
    return cells | unknown | {GROUP: len(complaints.groups)}


def compile_cores(
    cores: Cores, complaints: Complaints, seen: Mapping[str, Cells], year: float
) -> TableSet:
    """Half of each core, "not known" filled in, everything measured from the reference."""
    sizes = sizes_of(complaints)
    tables: Tables = {}
    for part in (cores.ridge.tables(sizes), cores.boosted.tables(cores.encoded, sizes)):
        for inputs, table in part.items():
            _add(tables, inputs, 0.5 * table)
    for inputs, table in tables.items():
        for axis, name in enumerate(inputs):
            if name in AVERAGED:
                _average_unknown(table, axis, seen[name])
    shift = cores.ridge.year_slope * (year - cores.ridge.year_middle)
    intercept = 0.5 * (cores.ridge.intercept + shift) + _anchor(tables, complaints)
    terms = tuple(_term(inputs, tables[inputs]) for inputs in sorted(tables))
    return TableSet(float(np.float32(intercept)), terms)


def _add(tables: Tables, inputs: tuple[str, ...], table: Table) -> None:
    ordered = tuple(sorted(inputs, key=ORDER.index))
    turned = table if ordered == inputs else table.T
    known = tables.get(ordered)
    tables[ordered] = turned.copy() if known is None else known + turned


def _average_unknown(table: Table, axis: int, seen: Cells) -> None:
    last = table.shape[axis] - 1
    weights = np.bincount(seen, minlength=last + 1)[: last + 1].astype(np.float64)
    weights[last] = 0
    mean = np.average(table, axis=axis, weights=weights)
    index: list[object] = [slice(None)] * table.ndim
    index[axis] = last
    table[tuple(index)] = mean  # type: ignore[index]  # a tuple of slices and one number


def _anchor(tables: Tables, complaints: Complaints) -> float:
    """Makes every entry 0 at the reference: what pairs owe to one input moves to its table."""
    at = reference_cells(complaints)
    for inputs in [key for key in tables if len(key) == 2]:
        first, second = inputs
        table = tables[inputs]
        row, column = table[at[first], :].copy(), table[:, at[second]].copy()
        corner = float(table[at[first], at[second]])
        tables[inputs] = table - row[None, :] - column[:, None] + corner
        _add(tables, (first,), column)
        _add(tables, (second,), row - corner)
    total = 0.0
    for alone in [key for key in tables if len(key) == 1]:
        base = float(tables[alone][at[alone[0]]])
        tables[alone] = tables[alone] - base
        total += base
    return total


def reason_of(inputs: tuple[str, ...]) -> str:
    if inputs in PAIR_REASONS:
        return PAIR_REASONS[inputs]
    name = inputs[0]
    if name in (COMPLAINT, GROUP):
        if len(inputs) == 2 and inputs[1] in VITALS:
            return f"MOTIVE_AND_{inputs[1].upper()}"
        return "MOTIVE"
    return name.upper()


def _term(inputs: tuple[str, ...], table: Table) -> Term:
    second = inputs[1] if len(inputs) == 2 else ""
    width = table.shape[1] if second else 1
    entries = np.asarray(table, dtype=np.float32).ravel().astype(float).tolist()
    return Term(reason_of(inputs), inputs[0], second, width, entries)


def decide(tables: TableSet, cells: Mapping[str, Cells]) -> Floats:
    """The table sum of many rows at once."""
    total = np.full(len(cells[AGE]), tables.intercept)
    for term in tables.terms:
        at = cells[term.first] * term.width
        place = at + cells[term.second] if term.second else at
        total += np.asarray(term.entries)[place]
    return total


def rising_curve(score: Floats, chance: Floats) -> Curve:
    """Isotonic from score to chance, thinned to a broken line on the log-odds scale."""
    model = IsotonicRegression(y_min=1e-5, y_max=1 - 1e-5, out_of_bounds="clip")
    model.fit(score, chance)
    spread = np.r_[
        np.linspace(0.005, 0.9, KNOTS - 9),
        0.93,
        0.95,
        0.965,
        0.975,
        0.985,
        0.99,
        0.995,
        0.998,
        0.9995,
    ]
    knots = np.unique(np.quantile(score, spread))
    edges = np.r_[-np.inf, (knots[1:] + knots[:-1]) / 2, np.inf]
    fitted = model.predict(score)
    values = []
    for low, high in itertools.pairwise(edges):
        inside = fitted[(score > low) & (score <= high)]
        values.append(float(inside.mean()))
    odds = np.maximum.accumulate(np.log(np.array(values) / (1 - np.array(values))))
    rising = odds + 1e-4 * np.arange(len(odds))  # the order of patients is never lost
    return Curve(tuple(float(k) for k in knots), tuple(float(v) for v in rising))
