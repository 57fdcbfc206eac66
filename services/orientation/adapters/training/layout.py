"""Columns of the ridge core: splines, complaint codes and their pairs, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.interpolate import BSpline

from services.orientation.adapters.training.encodings import families
from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    COMPLAINT,
    COUNT,
    DIASTOLIC,
    GRIDS,
    GROUP,
    HEART,
    PAIN,
    SEX,
    SYSTOLIC,
    VITALS,
    Cells,
    Complaints,
    Floats,
)
from services.orientation.domain.many import People, placed

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
    spread: bool = False  # True adds up over the complaints after the first


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

    group_of: Cells = field(repr=False)
    unknown: int  # cell of a complaint that is not known

    def matrix(self, people: People) -> sparse.csr_matrix:
        return sparse.hstack([self._columns(block, people) for block in self.blocks]).tocsr()

    def _columns(self, block: Block, people: People) -> sparse.csr_matrix:
        if not block.spread:
            return block.columns(people.cells)
        total: Any = 0
        for at in range(people.others.shape[1]):
            rows = np.flatnonzero(people.others[:, at] != self.unknown)
            some = people.where(rows)
            columns = block.columns(placed(some, some.others[:, at], self.group_of))
            where = (np.ones(len(rows)), (rows, np.arange(len(rows))))
            total = total + sparse.csr_matrix(where, shape=(people.count, len(rows))) @ columns
        return total


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


@dataclass(frozen=True, slots=True)
class Known:
    """Which inputs a core may use beside age, sex and the first complaint."""

    vitals: bool = False  # and the way of arrival
    hidden: bool = False  # rows come again with bedside values hidden
    pain: bool = False
    others: bool = False  # the complaints after the first

    def inputs(self) -> tuple[str, ...]:
        bedside = (*VITALS, AMBULANCE) if self.vitals else ()
        return (*bedside, *((PAIN,) if self.pain else ()))


def design(complaints: Complaints, slopes: Floats, people: People, known: Known) -> Design:
    """The blocks of the recipe; knots of vital signs are quantiles of `people`."""
    cells, group = people.cells, complaints.group_of_cell()
    age = _dense(lambda c: spline(GRIDS[AGE].centres()[c[AGE]], AGE_KNOTS))
    sex = _one_hot(lambda c: c[SEX], 2, 1.0)
    groups = _one_hot(lambda c: c[GROUP], len(complaints.groups), 1.0)
    blocks = [
        Block((AGE,), age),
        Block((SEX,), sex),
        Block((AGE, SEX), _times(sex, age)),
        *_complaint_blocks(complaints, slopes),
        Block((GROUP, AGE), _times(groups, age)),
    ]
    if known.vitals:
        for name in VITALS:
            blocks += _vital_blocks(name, cells)
        blocks.append(_pair_block(HEART, SYSTOLIC, lambda h, s: h / s, cells))
        blocks.append(_pair_block(SYSTOLIC, DIASTOLIC, lambda s, d: s - d, cells))
        arrival = _one_hot(lambda c: c[AMBULANCE], 3, 1.0)
        brought = _one_hot(lambda c: np.where(c[AMBULANCE] == 1, 0, 1), 1, 1.0)
        blocks.append(Block((AMBULANCE,), arrival))
        blocks.append(Block((AMBULANCE, AGE), _times(brought, age, 0.5)))
        blocks.append(Block((GROUP, AMBULANCE), _times(groups, brought)))
    if known.pain:
        blocks += _vital_blocks(PAIN, cells)
    if known.others:
        blocks.append(Block((COUNT,), _one_hot(lambda c: c[COUNT], 5, 1.0)))
        blocks += [replace(b, spread=True) for b in _complaint_blocks(complaints, slopes)]
        banded = Block((GROUP, AGE), _times(groups, _dense(_bands), 0.5), spread=True)
        blocks.append(banded)
    return Design(tuple(blocks), group, complaints.unknown)


def _complaint_blocks(complaints: Complaints, slopes: Floats) -> list[Block]:
    family, group = families(complaints), complaints.group_of_cell()
    last = int(family.max())
    return [
        Block((COMPLAINT,), _one_hot(lambda c: c[COMPLAINT], len(complaints.codes), 1.5)),
        Block((COMPLAINT,), _one_hot(lambda c: family[c[COMPLAINT]], last, 1.0)),
        Block((COMPLAINT,), _one_hot(lambda c: group[c[COMPLAINT]], len(complaints.groups), 1.0)),
        Block((COMPLAINT,), _dense(lambda c: 0.2 * slopes[c[COMPLAINT]])),
    ]
