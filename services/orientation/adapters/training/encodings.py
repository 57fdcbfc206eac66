"""Numbers that stand for a complaint: shrunk rates of its code, family and group."""

from __future__ import annotations

import numpy as np

from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import (
    BREATH,
    COMPLAINT,
    GRIDS,
    HEART,
    SPO2,
    SYSTOLIC,
    Cells,
    Complaints,
    Floats,
)

# input, side, limit: how often a complaint comes with an alarming vital sign
ALARMS = ((SPO2, -1, 91.5), (SYSTOLIC, -1, 92.5), (BREATH, 1, 25.5), (HEART, 1, 125.0))


def families(complaints: Complaints) -> Cells:
    """Number of the family (code // 10) of each complaint cell; groups and unknown have none."""
    bases = sorted({code // 10 for code in complaints.codes})
    number = {base: i for i, base in enumerate(bases)}
    rows = [number[code // 10] for code in complaints.codes]
    return np.array(rows + [len(bases)] * (len(complaints.groups) + 1), dtype=np.int64)


def shrunk_logit(
    complaints: Complaints, cells: Cells, label: Floats, strength: tuple[float, float, float]
) -> Floats:
    """Log-odds of `label` for each complaint cell: code → family → group → all."""
    group_of, family_of = complaints.group_of_cell(), families(complaints)
    overall = float(label.mean())

    def pooled(of: Cells, size: int, prior: Floats, weight: float) -> Floats:
        count = np.bincount(of[cells], minlength=size)[:size]
        found = np.bincount(of[cells], weights=label, minlength=size)[:size]
        return np.asarray((found + weight * prior) / (count + weight))

    groups = len(complaints.groups) + 1
    by_group = pooled(group_of, groups, np.full(groups, overall), strength[2])
    by_group[-1] = overall
    family_group = np.full(family_of.max() + 1, groups - 1)
    family_group[family_of[: len(complaints.codes)]] = group_of[: len(complaints.codes)]
    by_family = pooled(family_of, len(family_group), by_group[family_group], strength[1])
    prior = np.where(
        np.arange(complaints.size) < len(complaints.codes),
        by_family[family_of],
        by_group[group_of],
    )
    own = np.arange(complaints.size)
    rate = pooled(own, complaints.size, prior, strength[0])
    rate[len(complaints.codes) :] = prior[len(complaints.codes) :]
    return np.asarray(np.log(rate / (1 - rate)))


def cross_fitted(
    complaints: Complaints,
    cells: Cells,
    label: Floats,
    strength: tuple[float, float, float],
    *,
    seed: int,
    folds: int = 10,
) -> Floats:
    """The encoding of each row, learnt without the row's own fold."""
    fold = np.random.default_rng(seed).integers(0, folds, len(cells))
    out = np.empty(len(cells))
    for k in range(folds):
        rest = fold != k
        table = shrunk_logit(complaints, cells[rest], label[rest], strength)
        out[~rest] = table[cells[~rest]]
    return out


def profiles(complaints: Complaints, visits: Visits) -> Floats:
    """Columns per complaint cell: how often it comes by ambulance and with each alarm."""
    cells = visits.cells[COMPLAINT]
    columns = []
    known = ~np.isnan(visits.ambulance)
    columns.append(shrunk_logit(complaints, cells[known], visits.ambulance[known], (20, 20, 20)))
    for name, side, limit in ALARMS:
        values = GRIDS[name].centres()[visits.cells[name]]
        known = ~np.isnan(values)
        alarm = (side * values[known] > side * limit).astype(np.float64)
        columns.append(shrunk_logit(complaints, cells[known], alarm, (20, 20, 20)))
    stacked = np.stack(columns, axis=1)
    weights = np.bincount(cells, minlength=complaints.size).astype(np.float64)
    mean = np.average(stacked, axis=0, weights=weights)
    spread = np.sqrt(np.average((stacked - mean) ** 2, axis=0, weights=weights))
    return np.asarray((stacked - mean) / spread)
