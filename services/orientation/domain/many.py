"""Many patients at once: the same tables, the same sums, one column an input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.orientation.domain.features import (
    AMBULANCE,
    CALL,
    CHRONIC,
    COMPLAINT,
    GRIDS,
    GROUP,
    MOST_COMPLAINTS,
    PARTIAL,
    VITALS,
    VITALS_KIND,
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


def kinds(people: People) -> dict[str, Mask]:
    """Whom the tables of each kind answer for, as in `PatientInputs.kind`."""
    told = np.sum([people.cells[name] != GRIDS[name].unknown for name in VITALS], axis=0)
    whole = (people.cells[AMBULANCE] != GRIDS[AMBULANCE].unknown) | (told == len(VITALS))
    return {CALL: ~whole & (told == 0), PARTIAL: ~whole & (told > 0), VITALS_KIND: whole}


def score_many(model: SeverityModel, people: People) -> dict[str, Floats]:
    """Columns p_<outcome>_call and p_<outcome>_vitals; with known history also p_icu_..._history.

    Where no vital sign and no way of arrival is known, `_vitals` equals `_call`, as in a call.
    """
    out: dict[str, Floats] = {}
    for name, outcome in (
        ("icu", model.icu),
        ("admission", model.admission),
        ("high_triage", model.high_triage),
    ):
        for kind, found in _both(model, outcome, people).items():
            out[f"p_{name}_{kind}"] = found
    told = people.cells[CHRONIC] != GRIDS[CHRONIC].unknown
    for kind, found in _both(model, model.icu_history, people).items():
        out[f"p_icu_{kind}_history"] = np.where(told, found, out[f"p_icu_{kind}"])
    return out


def _both(model: SeverityModel, outcome: Outcome, people: People) -> dict[str, Floats]:
    """The score of a call, and the one with all that is known of the bedside."""

    def score(kind: str, some: People) -> Floats:
        tables, curve = outcome.pick(kind)
        return chance(curve, log_odds(tables, some, model.group_of, model.complaints.unknown))

    call = score(CALL, people)
    bedside = call.copy()
    for kind, rows in kinds(people).items():
        if kind != CALL:
            bedside[rows] = score(kind, people.where(rows))
    return {"call": call, "vitals": bedside}
