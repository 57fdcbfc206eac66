"""Many patients at once: the same tables, the same sums, one column an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orientation.domain.features import (
    AMBULANCE,
    CHRONIC,
    COMPLAINT,
    GRIDS,
    GROUP,
    MOST_COMPLAINTS,
    VITALS,
    Cells,
    Floats,
)
from services.orientation.domain.model import Curve, Outcome, SeverityModel, TableSet, Term

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class People:
    """Cells of each input; `others` are the complaints after the first, padded with unknown."""

    cells: Mapping[str, Cells] = field(repr=False)
    others: Cells = field(repr=False)

    @property
    def count(self) -> int:
        return len(self.others)

    def where(self, keep: Mask | Cells) -> People:
        return People({n: column[keep] for n, column in self.cells.items()}, self.others[keep])


def arrange(complaints: Sequence[Cells], unknown: int) -> tuple[Cells, Cells]:
    """First complaint and the others without gaps and repeats, as the service counts them."""
    grid = np.stack(complaints, axis=1)
    for at in range(1, grid.shape[1]):
        again = (grid[:, :at] == grid[:, [at]]).any(axis=1)
        grid[again, at] = unknown
    order = np.argsort(grid == unknown, axis=1, kind="stable")
    grid = np.take_along_axis(grid, order, axis=1)[:, :MOST_COMPLAINTS]
    return grid[:, 0], grid[:, 1:]


def sum_terms(terms: Sequence[Term], cells: Mapping[str, Cells], count: int) -> Floats:
    total = np.zeros(count)
    for term in terms:
        at = cells[term.first] * term.width
        total += np.asarray(term.entries)[at + cells[term.second] if term.second else at]
    return total


def placed(people: People, complaint: Cells, group_of: Cells) -> dict[str, Cells]:
    """The same people with another complaint in the first place."""
    return {**people.cells, COMPLAINT: complaint, GROUP: group_of[complaint]}


def log_odds(tables: TableSet, people: People, group_of: Sequence[int], unknown: int) -> Floats:
    """The table sum of each person, before the last calibration."""
    groups = np.asarray(group_of)
    total = tables.intercept + sum_terms(tables.terms, people.cells, people.count)
    own = sum_terms(tables.gravity, people.cells, people.count)
    gravest = own.copy()
    for at in range(people.others.shape[1]):
        rows = np.flatnonzero(people.others[:, at] != unknown)
        some = people.where(rows)
        cells = placed(some, some.others[:, at], groups)
        total[rows] += sum_terms(tables.others, cells, some.count)
        gravest[rows] = np.maximum(gravest[rows], sum_terms(tables.gravity, cells, some.count))
    return np.asarray(total + tables.worst * (gravest - own))


def chance(curve: Curve, odds: Floats) -> Floats:
    """Calibrated probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.interp(odds, curve.knots, curve.values))))


def has_bedside_values(people: People) -> Mask:
    known = [people.cells[name] != GRIDS[name].unknown for name in (*VITALS, AMBULANCE)]
    return np.asarray(np.any(known, axis=0))


def score_many(model: SeverityModel, people: People) -> dict[str, Floats]:
    """Columns p_<outcome>_call and p_<outcome>_vitals; with known history also p_icu_..._history.

    Where no vital sign and no way of arrival is known, `_vitals` equals `_call`, as in a call.
    """
    bedside = has_bedside_values(people)
    out: dict[str, Floats] = {}
    for name, outcome in (
        ("icu", model.icu),
        ("admission", model.admission),
        ("high_triage", model.high_triage),
    ):
        for kind, found in _both(model, outcome, people, bedside).items():
            out[f"p_{name}_{kind}"] = found
    told = people.cells[CHRONIC] != GRIDS[CHRONIC].unknown
    for kind, found in _both(model, model.icu_history, people, bedside).items():
        out[f"p_icu_{kind}_history"] = np.where(told, found, out[f"p_icu_{kind}"])
    return out


def _both(
    model: SeverityModel, outcome: Outcome, people: People, bedside: Mask
) -> dict[str, Floats]:
    unknown = model.complaints.unknown
    found = {}
    for kind in ("call", "vitals"):
        tables, curve = outcome.pick(kind == "vitals")
        found[kind] = chance(curve, log_odds(tables, people, model.group_of, unknown))
    found["vitals"] = np.where(bedside, found["vitals"], found["call"])
    return found
