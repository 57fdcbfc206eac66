"""What the number of chronic conditions adds to a score that is already there."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from services.orientation.adapters.training.layout import AGE_KNOTS, Table, spline
from services.orientation.domain.features import AGE, CHRONIC, GRIDS, Cells, Floats

PENALTY = 2.0


def chronic_table(cells: dict[str, Cells], label: Floats, score: Floats) -> Table:
    """Log-odds to add by (number, age): a ridge on top of `score`, 0 where the number is unknown.

    The number goes with age, so that a known one also changes what an age is worth.
    """
    told = cells[CHRONIC] != GRIDS[CHRONIC].unknown
    age_basis = spline(GRIDS[AGE].centres(), AGE_KNOTS) / 2
    number = np.eye(GRIDS[CHRONIC].size)[:, : GRIDS[CHRONIC].count]

    def columns(chronic: Cells, age: Cells) -> Table:
        crossed = number[chronic][:, :, None] * age_basis[age][:, None, :] / 2
        parts = [number[chronic], age_basis[age], crossed.reshape(len(age), -1)]
        return np.concatenate(parts, axis=1)

    x = columns(cells[CHRONIC][told], cells[AGE][told])
    y, start = label[told], score[told]

    def loss(w: Floats) -> tuple[float, Floats]:
        odds = start + x @ w
        gap = 1 / (1 + np.exp(-odds)) - y
        value = float(np.sum(np.logaddexp(0, odds) - y * odds) + PENALTY / 2 * w @ w)
        return value, x.T @ gap + PENALTY * w

    fitted = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    ages = np.arange(GRIDS[AGE].size)
    table = np.zeros((GRIDS[CHRONIC].size, GRIDS[AGE].size))
    for chronic in range(GRIDS[CHRONIC].count):
        table[chronic] = columns(np.full(len(ages), chronic), ages) @ np.asarray(fitted.x)
    return table
