"""Core A: a shrunk logistic regression on splines and complaint codes, compiled to tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn.linear_model import LogisticRegression

from services.orientation.adapters.training.encodings import families
from services.orientation.domain.features import (
    AGE,
    COMPLAINT,
    DIASTOLIC,
    GRIDS,
    GROUP,
    HEART,
    SEX,
    SYSTOLIC,
    VITALS,
    Cells,
    Complaints,
    Floats,
)

AGE_KNOTS = (0.0, 2.0, 8.0, 18.0, 30.0, 45.0, 60.0, 75.0, 94.0)
AGE_BANDS = ((0, 3), (3, 16), (65, 200))
Table = npt.NDArray[np.float64]
Columns = Callable[[Mapping[str, Cells]], sparse.csr_matrix]


def spline(values: Floats, knots: tuple[float, ...], degree: int = 2) -> Table:
    """Quadratic B-spline basis; rows of zeros where the value is not known."""
    t = np.r_[[knots[0]] * degree, knots, [knots[-1]] * degree]
    known = ~np.isnan(values)
    inside = np.clip(values[known], knots[0], knots[-1])
    out = np.zeros((len(values), len(t) - degree - 1))
    out[known] = BSpline.design_matrix(inside, t, degree).toarray()
    return out


def quantile_knots(values: Floats, count: int = 8) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    knots = np.unique(np.quantile(known, np.linspace(0, 1, count)))
    return tuple(float(k) for k in knots)


@dataclass(frozen=True, slots=True)
class Block:
    """Columns of the design that depend on one input or a pair of them."""

    inputs: tuple[str, ...]
    columns: Columns


def _dense(make: Callable[[Mapping[str, Cells]], Table]) -> Columns:
    return lambda cells: sparse.csr_matrix(make(cells))


def _one_hot(index: Callable[[Mapping[str, Cells]], Cells], size: int, scale: float) -> Columns:
    """One column a value; values from `size` on have none."""

    def columns(cells: Mapping[str, Cells]) -> sparse.csr_matrix:
        found = index(cells)
        rows = np.flatnonzero(found < size)
        data = np.full(len(rows), scale)
        return sparse.csr_matrix((data, (rows, found[rows])), shape=(len(found), size))

    return columns


def _times(left: Columns, right: Columns, scale: float = 1.0) -> Columns:
    """All products of a column of the left and a column of the right."""

    def columns(cells: Mapping[str, Cells]) -> sparse.csr_matrix:
        a, b = left(cells).tocsc(), right(cells).toarray()
        parts = [a.multiply(b[:, [j]] * scale) for j in range(b.shape[1])]
        return sparse.hstack(parts).tocsr()

    return columns


@dataclass(frozen=True, slots=True)
class Design:
    """The blocks of one core."""

    blocks: tuple[Block, ...]

    def matrix(self, cells: Mapping[str, Cells]) -> sparse.csr_matrix:
        return sparse.hstack([block.columns(cells) for block in self.blocks]).tocsr()


def _value(name: str) -> Callable[[Mapping[str, Cells]], Floats]:
    centres = GRIDS[name].centres()
    return lambda cells: centres[cells[name]]


def _bands(cells: Mapping[str, Cells]) -> Table:
    age = GRIDS[AGE].centres()[cells[AGE]]
    return np.stack([(age >= low) & (age < high) for low, high in AGE_BANDS], 1).astype(float)


def _vital_blocks(name: str, cells: Mapping[str, Cells]) -> list[Block]:
    value = _value(name)
    seen = value(cells)
    knots = quantile_knots(seen)
    middle, spread = float(np.nanmean(seen)), float(np.nanstd(seen))

    def own(c: Mapping[str, Cells]) -> Table:
        v = value(c)
        return np.asarray(np.c_[spline(v, knots), np.isnan(v).astype(float)])

    def slope(c: Mapping[str, Cells]) -> Table:
        v = value(c)
        return np.asarray(np.where(np.isnan(v), 0.0, (v - middle) / spread))[:, None]

    return [
        Block((name,), _dense(own)),
        Block((name, AGE), _times(_dense(_bands), _dense(slope), 0.25)),
    ]


def _pair_block(
    first: str, second: str, join: Callable[[Floats, Floats], Floats], cells: Mapping[str, Cells]
) -> Block:
    a, b = _value(first), _value(second)
    knots = quantile_knots(join(a(cells), b(cells)))
    return Block((first, second), _dense(lambda c: spline(join(a(c), b(c)), knots)))


def design(
    complaints: Complaints,
    slopes: Floats,
    cells: Mapping[str, Cells],
    *,
    vitals: bool,
    group_age: float = 1.0,
) -> Design:
    """The blocks of the recipe; knots of vital signs are quantiles of `cells`."""
    family = families(complaints)
    group = complaints.group_of_cell()
    age = _dense(lambda c: spline(GRIDS[AGE].centres()[c[AGE]], AGE_KNOTS))
    sex = _one_hot(lambda c: c[SEX], 2, 1.0)
    groups = _one_hot(lambda c: c[GROUP], len(complaints.groups), 1.0)
    last_family = int(family.max())
    blocks = [
        Block((AGE,), age),
        Block((SEX,), sex),
        Block((AGE, SEX), _times(sex, age)),
        Block((COMPLAINT,), _one_hot(lambda c: c[COMPLAINT], len(complaints.codes), 1.5)),
        Block((COMPLAINT,), _one_hot(lambda c: family[c[COMPLAINT]], last_family, 1.0)),
        Block((COMPLAINT,), _one_hot(lambda c: group[c[COMPLAINT]], len(complaints.groups), 1.0)),
        Block((COMPLAINT,), _dense(lambda c: 0.2 * slopes[c[COMPLAINT]])),
        Block((GROUP, AGE), _times(groups, age, group_age)),
    ]
    if vitals:
        for name in VITALS:
            blocks += _vital_blocks(name, cells)
        blocks.append(_pair_block(HEART, SYSTOLIC, lambda h, s: h / s, cells))
        blocks.append(_pair_block(SYSTOLIC, DIASTOLIC, lambda s, d: s - d, cells))
    return Design(tuple(blocks))


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted core A. `year_slope` is per year from `year_middle` on."""

    layout: Design
    weights: Floats = field(repr=False)
    intercept: float
    year_slope: float
    year_middle: float

    def decide(self, cells: Mapping[str, Cells], year: Floats | float) -> Floats:
        rest = np.asarray(self.layout.matrix(cells) @ self.weights)
        shift = self.year_slope * (np.asarray(year) - self.year_middle)
        return np.asarray(rest + self.intercept + shift)

    def tables(self, sizes: Mapping[str, int]) -> dict[tuple[str, ...], Table]:
        """What each set of inputs adds, for every cell."""
        out: dict[tuple[str, ...], Table] = {}
        start = 0
        for block in self.layout.blocks:
            shape = tuple(sizes[name] for name in block.inputs)
            grid = np.indices(shape).reshape(len(shape), -1)
            columns = block.columns(dict(zip(block.inputs, grid, strict=True)))
            stop = start + columns.shape[1]
            table = np.asarray(columns @ self.weights[start:stop]).reshape(shape)
            out[block.inputs] = out.get(block.inputs, np.zeros(shape)) + table
            start = stop
        return out


def fit(
    layout: Design, cells: Mapping[str, Cells], label: Floats, year: Floats, strength: float
) -> Ridge:
    """Logistic regression with an L2 penalty of 1 / `strength`."""
    x = layout.matrix(cells)
    middle = float(year.mean())
    spread = float(year.std())
    if spread > 0:
        x = sparse.hstack([x, sparse.csr_matrix(((year - middle) / spread)[:, None])]).tocsr()
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=400, tol=1e-5)
    model.fit(x, label)
    weights = model.coef_[0]
    slope = float(weights[-1] / spread) if spread > 0 else 0.0
    kept = weights[:-1] if spread > 0 else weights
    return Ridge(layout, kept, float(model.intercept_[0]), slope, middle)
