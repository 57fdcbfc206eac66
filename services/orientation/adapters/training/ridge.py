"""Core A: a shrunk logistic regression on the blocks of a design, given back as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from services.orientation.adapters.training.layout import Block, Design, Table
from services.orientation.domain.features import COUNT, Floats
from services.orientation.domain.many import People

Tables = dict[tuple[str, ...], Table]


@dataclass(frozen=True, slots=True)
class Ridge:
    """A fitted core A. `year_slope` is per year from `year_middle` on.

    `lean` is the weight of a score that was given as one more input.
    """

    layout: Design
    weights: Floats = field(repr=False)
    intercept: float
    year_slope: float
    year_middle: float
    lean: float = 0.0

    def decide(self, people: People, year: Floats | float, given: Floats | float = 0.0) -> Floats:
        rest = np.asarray(self.layout.matrix(people) @ self.weights)
        shift = self.year_slope * (np.asarray(year) - self.year_middle)
        return np.asarray(rest + self.intercept + shift + self.lean * np.asarray(given))

    def more(self, people: People) -> Floats:
        """What the complaints after the first add, and how many they are."""
        matrix, start = self.layout.matrix(people).tocsc(), 0
        total = np.zeros(people.count)
        for block in self.layout.blocks:
            stop = start + _width(block)
            if block.spread or block.inputs == (COUNT,):
                total += matrix[:, start:stop] @ self.weights[start:stop]
            start = stop
        return total

    def level(self, year: float) -> float:
        return self.intercept + self.year_slope * (year - self.year_middle)

    def tables(self, sizes: Mapping[str, int]) -> tuple[Tables, Tables]:
        """What each set of inputs adds, for every cell; then the same for further complaints."""
        own: Tables = {}
        others: Tables = {}
        start = 0
        for block in self.layout.blocks:
            stop = start + _width(block)
            shape = tuple(sizes[name] for name in block.inputs)
            grid = np.indices(shape).reshape(len(shape), -1)
            columns = block.columns(dict(zip(block.inputs, grid, strict=True)))
            table = np.asarray(columns @ self.weights[start:stop]).reshape(shape)
            out = others if block.spread else own
            out[block.inputs] = out.get(block.inputs, np.zeros(shape)) + table
            start = stop
        return own, others


def _width(block: Block) -> int:
    zero = {name: np.zeros(1, dtype=np.int64) for name in block.inputs}
    return int(block.columns(zero).shape[1])


def fit(
    layout: Design,
    people: People,
    label: Floats,
    year: Floats,
    *,
    strength: float,
    given: Floats | None = None,
) -> Ridge:
    """Logistic regression with an L2 penalty of 1 / `strength`."""
    parts = [layout.matrix(people)]
    middle, spread = float(year.mean()), float(year.std())
    if given is not None:
        parts.append(sparse.csr_matrix(given[:, None]))
    if spread > 0:
        parts.append(sparse.csr_matrix(((year - middle) / spread)[:, None]))
    model = LogisticRegression(C=strength, solver="lbfgs", max_iter=400, tol=1e-5)
    model.fit(sparse.hstack(parts).tocsr(), label)
    weights = model.coef_[0]
    width = parts[0].shape[1]
    slope = float(weights[-1] / spread) if spread > 0 else 0.0
    lean = float(weights[width]) if given is not None else 0.0
    return Ridge(layout, weights[:width], float(model.intercept_[0]), slope, middle, lean)
