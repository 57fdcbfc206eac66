"""From fitted cores to tables whose entries are the reasons."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.isotonic import IsotonicRegression

from services.orientation.adapters.training.cores import Cores
from services.orientation.adapters.training.layout import Table
from services.orientation.adapters.training.ridge import Ridge, Tables
from services.orientation.domain.drift import KNOT_SHARES
from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    BREATH,
    CHRONIC,
    COMPLAINT,
    COUNT,
    DIASTOLIC,
    GRIDS,
    GROUP,
    HEART,
    PAIN,
    SEX,
    SPO2,
    SYSTOLIC,
    TEMPERATURE,
    VITALS,
    Cells,
    Complaints,
    Floats,
)
from services.orientation.domain.model import MORE, Curve, TableSet, Term

ORDER = (COMPLAINT, GROUP, *VITALS, PAIN, AMBULANCE, COUNT, CHRONIC, AGE, SEX)
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
    AMBULANCE: 0.0,
    PAIN: 0.0,
    COUNT: 0.0,
}
PAIR_REASONS = {
    (HEART, SYSTOLIC): "SHOCK_INDEX",
    (SYSTOLIC, DIASTOLIC): "PULSE_PRESSURE",
    (HEART, TEMPERATURE): "HEART_RATE_AND_TEMPERATURE",
    (BREATH, SPO2): "BREATHING",
    (AGE, SEX): "SEX",
}
# input: (1 where more is worse, -1 where less is), and the range in which that is so
ONE_WAY = {
    SPO2: (-1, 0.0, 100.0),
    BREATH: (1, 16.0, 100.0),
    HEART: (1, 90.0, 300.0),
    SYSTOLIC: (-1, 0.0, 120.0),
}


def sizes_of(complaints: Complaints) -> dict[str, int]:
    sizes = {name: grid.size for name, grid in GRIDS.items()}
    return sizes | {COMPLAINT: complaints.size, GROUP: len(complaints.groups) + 1}


def reference_cells(complaints: Complaints) -> dict[str, int]:
    cells = {name: GRIDS[name].cell(value) for name, value in REFERENCE.items()}
    unknown = {
        SEX: GRIDS[SEX].unknown,
        CHRONIC: GRIDS[CHRONIC].unknown,
        COMPLAINT: complaints.unknown,
    }
    return cells | unknown | {GROUP: len(complaints.groups)}


@dataclass(frozen=True, slots=True)
class Mixture:
    """Weighted tables that will be one score: of the first complaint, and of further ones."""

    own: Tables = field(default_factory=dict, repr=False)
    others: Tables = field(default_factory=dict, repr=False)
    gravity: Tables = field(default_factory=dict, repr=False)
    intercept: float = 0.0
    worst: float = 0.0

    def plus(self, other: Mixture, weight: float) -> Mixture:
        """Both together; the gravity of the one that has any."""
        own, others = dict(self.own), dict(self.others)
        for into, tables in ((own, other.own), (others, other.others)):
            for inputs, table in tables.items():
                _add(into, inputs, weight * table)
        return Mixture(
            own,
            others,
            self.gravity or other.gravity,
            self.intercept + weight * other.intercept,
            self.worst + weight * other.worst,
        )

    def compiled(self, complaints: Complaints, seen: Mapping[str, Cells]) -> TableSet:
        """ "Not known" filled in, everything measured from the reference patient."""
        own, others, gravity = (
            {inputs: _filled(inputs, table, seen) for inputs, table in tables.items()}
            for tables in (self.own, self.others, self.gravity)
        )
        intercept = self.intercept + _anchor(own, complaints)
        for name, (side, low, high) in ONE_WAY.items():
            if (name,) in own:
                table = _one_way(own[(name,)], seen[name], name, (side, low, high))
                base = float(table[reference_cells(complaints)[name]])
                own[(name,)] = table - base
                intercept += base
        return TableSet(
            float(np.float32(intercept)), _terms(own), _terms(others), _terms(gravity), self.worst
        )


def mixture_of_ridge(ridge: Ridge, complaints: Complaints, year: float) -> Mixture:
    own, others = ridge.tables(sizes_of(complaints))
    return Mixture(own, others, {}, ridge.level(year))


def mixture_of_cores(cores: Cores, complaints: Complaints, year: float) -> Mixture:
    """Half of each core; what they say alike of further complaints is whole."""
    a = mixture_of_ridge(cores.ridge, complaints, year)
    b = Mixture(cores.boosted.tables(cores.encoded, sizes_of(complaints)), {}, {}, cores.start)
    both = Mixture().plus(a, 0.5).plus(b, 0.5)
    if (COUNT,) in a.own:
        both.own[(COUNT,)] = a.own[(COUNT,)]
    return Mixture(both.own, a.others, {}, both.intercept)


def with_gravity(mixture: Mixture, ridge: Mixture, worst: float) -> Mixture:
    """How grave a complaint is, as the ridge core has it, at an age and way of arrival."""
    kept: tuple[tuple[str, ...], ...] = ((COMPLAINT,), (GROUP, AGE), (GROUP, AMBULANCE))
    gravity = {inputs: ridge.own[inputs] for inputs in kept if inputs in ridge.own}
    return Mixture(mixture.own, mixture.others, gravity, mixture.intercept, worst)


def _one_way(table: Table, seen: Cells, name: str, way: tuple[int, float, float]) -> Table:
    """The nearest table that only rises, or only falls, in the range; "not known" is kept."""
    side, low, high = way
    values = GRIDS[name].centres()
    inside = np.flatnonzero((values >= low) & (values <= high))
    weights = np.bincount(seen, minlength=len(table))[inside] + 0.1
    model = IsotonicRegression(increasing=side > 0)
    out = table.copy()
    out[inside] = model.fit_transform(values[inside], table[inside], sample_weight=weights)
    return out


def _filled(inputs: tuple[str, ...], table: Table, seen: Mapping[str, Cells]) -> Table:
    out = table.copy()
    for axis, name in enumerate(inputs):
        if name in AVERAGED:
            _average_unknown(out, axis, seen[name])
    return out


def _terms(tables: Tables) -> tuple[Term, ...]:
    return tuple(_term(inputs, tables[inputs]) for inputs in sorted(tables))


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
    if name == COUNT:
        return MORE
    if name in (COMPLAINT, GROUP):
        if len(inputs) == 2 and inputs[1] in (*VITALS, AMBULANCE):
            return f"MOTIVE_AND_{inputs[1].upper()}"
        return "MOTIVE"
    return name.upper()


def _term(inputs: tuple[str, ...], table: Table) -> Term:
    second = inputs[1] if len(inputs) == 2 else ""
    width = table.shape[1] if second else 1
    entries = np.asarray(table, dtype=np.float32).ravel().astype(float).tolist()
    return Term(reason_of(inputs), inputs[0], second, width, entries)


RESAMPLES, TAIL = 200, 0.05


def rising_curve(score: Floats, chance: Floats) -> Curve:
    """Isotonic from score to chance, thinned to a broken line on the log-odds scale."""
    knots = np.unique(np.quantile(score, KNOT_SHARES))
    rising = _odds_at(knots, score, chance)
    return Curve(tuple(float(k) for k in knots), tuple(float(v) for v in rising))


def with_interval(curve: Curve, score: Floats, chance: Floats) -> Curve:
    """The same curve with a 90 % interval of each value, from bootstrapped visits.

    Each resample draws visits and, for each, whether it came true: a chance is no outcome, and
    taking it for one would make the interval too narrow.
    """
    random = np.random.default_rng(11)
    knots = np.asarray(curve.knots)
    drawn = []
    for _ in range(RESAMPLES):
        rows = random.integers(len(score), size=len(score))
        outcome = (random.random(len(rows)) < chance[rows]).astype(np.float64)
        drawn.append(_odds_at(knots, score[rows], outcome))
    low, high = np.quantile(np.array(drawn), [TAIL, 1 - TAIL], axis=0)
    low = np.minimum(np.maximum.accumulate(low), curve.values)
    high = np.maximum(np.maximum.accumulate(high), curve.values)
    return Curve(curve.knots, curve.values, tuple(low.tolist()), tuple(high.tolist()))


def _odds_at(knots: Floats, score: Floats, chance: Floats) -> Floats:
    """Rising log-odds at the knots: the mean of the isotonic fit around each."""
    model = IsotonicRegression(y_min=1e-5, y_max=1 - 1e-5, out_of_bounds="clip")
    model.fit(score, chance)
    edges = np.r_[-np.inf, (knots[1:] + knots[:-1]) / 2, np.inf]
    fitted = model.predict(score)
    values: list[float] = []
    for low, high in itertools.pairwise(edges):
        inside = fitted[(score > low) & (score <= high)]
        values.append(float(inside.mean()) if len(inside) else values[-1])
    odds = np.maximum.accumulate(np.log(np.array(values) / (1 - np.array(values))))
    return np.asarray(odds + 1e-4 * np.arange(len(odds)))  # the order of patients is never lost
