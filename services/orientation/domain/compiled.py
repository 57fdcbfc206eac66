"""The severity model as straight lines of code: each reason folded into one table, looked up once.

The plain model walks through its terms; here the terms of one reason become one table over
the inputs they share, and a function is written out that reads each table once. Same sums,
same reasons, a quarter of the time. The tests hold it against the plain model.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.orientation.domain.drift import Drift
from services.orientation.domain.features import (
    AGE,
    AMBULANCE,
    CALL,
    CHRONIC,
    COMPLAINT,
    COUNT,
    GRIDS,
    PAIN,
    PARTIAL,
    SEX,
    SEXES,
    VITALS,
    VITALS_KIND,
    Complaints,
    PatientInputs,
    usual_cells,
)
from services.orientation.domain.folding import AT, INPUTS, Folding, Lines
from services.orientation.domain.model import (
    MORE,
    WORST,
    Curve,
    ModelScore,
    Outcome,
    SeverityModel,
    TableSet,
    Term,
    known_complaints,
    probability,
)

AGE_AT, SEX_AT, COMPLAINT_AT, AMBULANCE_AT = AT[AGE], AT[SEX], AT[COMPLAINT], AT[AMBULANCE]
COUNT_AT, CHRONIC_AT = AT[COUNT], AT[CHRONIC]
NOTHING = [0 if name == COMPLAINT else GRIDS[name].unknown for name in INPUTS]
# bedside value → (place of its cell, cell of each usual reading, lowest value, width of a cell,
# last cell that is known); a reading is looked up faster than its cell is worked out
BEDSIDE = {
    name: (
        AT[name],
        usual_cells(GRIDS[name]),
        GRIDS[name].low,
        GRIDS[name].step,
        GRIDS[name].count - 1,
    )
    for name in (*VITALS, PAIN)
}
# the same as a place and the look-up of a usual reading: most readings need no more
USUAL = {name: (at, usual.get) for name, (at, usual, *_) in BEDSIDE.items()}
CHRONICS = GRIDS[CHRONIC]
LAST_AGE = GRIDS[AGE].count - 1  # ages start at 0, in whole years
UNKNOWN_SEX = GRIDS[SEX].unknown
KIND_OF = (CALL, *[PARTIAL] * (len(VITALS) - 1), VITALS_KIND)  # by how many vital signs are told
Sums = Callable[..., tuple[float, tuple[float, ...], float]]
Plain = Callable[..., float]


@dataclass(frozen=True, slots=True)
class _Side:
    """What only a case with several complaints, or the end of a sum, needs of one outcome."""

    others: Plain  # what one further complaint adds
    gravity: Plain  # how grave a complaint is
    worst: float
    chance: Callable[[float], float]
    curve: Curve


@dataclass(frozen=True, slots=True)
class _Written:
    """Intensive care with its reasons and admission, for one kind of knowledge."""

    sums: Sums
    codes: tuple[str, ...]  # of the reasons, in the order of the parts
    base: float
    icu: _Side
    admission: _Side


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """Answers as the plain model does; its arrays are made once, when it is loaded."""

    version: str
    complaints: Complaints
    _fresh: Mapping[str, _Written] = field(repr=False)
    _history: Mapping[str, _Written] = field(repr=False)  # for a known number of conditions

    @staticmethod
    def of(model: SeverityModel) -> CompiledModel:
        writing = _Writing(model)
        fresh, history = (
            {k: writing.written(icu, model.admission, k) for k in (CALL, PARTIAL, VITALS_KIND)}
            for icu in (model.icu, model.icu_history)
        )
        return CompiledModel(model.version, model.complaints, fresh, history)

    def drift(self) -> Drift | None:
        """Watches whether calls still look like the training visits."""
        curve = self._fresh[CALL].icu.curve
        return Drift.of([probability(value) for value in curve.values])

    def score(self, patient: PatientInputs) -> ModelScore:
        """The same figures as `SeverityModel.score`, to single precision."""
        cells = NOTHING[:]
        kind = _take_down(patient, cells)
        told = patient.complaints
        known = told if len(told) == 1 else known_complaints(told, self.complaints.unknown)
        cells[COMPLAINT_AT] = known[0]
        cells[COUNT_AT] = len(known) - 1
        if patient.chronic_conditions is None:
            written = self._fresh[kind]
        else:
            cells[CHRONIC_AT] = CHRONICS.cell(patient.chronic_conditions)
            written = self._history[kind]
        icu, admission = written.icu, written.admission
        total, parts, stays = written.sums(cells)
        codes = written.codes
        if len(known) > 1:
            more, worst = _further(icu, cells, known)
            stays += sum(_further(admission, cells, known))
            total += more + worst
            codes, parts = _with_more(codes, parts, more, worst)
        # Not by its own constructor: that one is written in Python and takes twice as long.
        return tuple.__new__(
            ModelScore,
            (
                icu.chance(total),
                admission.chance(stays),
                total,
                written.base,
                codes,
                parts,
                kind != CALL,
                icu.curve,
            ),
        )


def _take_down(patient: PatientInputs, cells: list[int]) -> str:
    """Fills in the cells of the person and the bedside; says which tables answer, as `kind`.

    What is not a number is neither above nor below any, and stays unknown.
    """
    if (age := patient.age_years) is not None:
        if age >= 0:
            cells[AGE_AT] = int(age) if age < LAST_AGE else LAST_AGE
        elif age < 0:
            cells[AGE_AT] = 0
    cells[SEX_AT] = SEXES.get(patient.sex, UNKNOWN_SEX)
    vitals = patient.vitals
    for name, value in vitals.items():
        at, usual_cell = USUAL[name]
        cell = usual_cell(value)
        if cell is not None:
            cells[at] = cell
            continue
        _, _, low, step, last = BEDSIDE[name]
        place = (value - low) / step + 0.5
        if place >= 0:
            cells[at] = int(place) if place < last else last
        elif place < 0:
            cells[at] = 0
    if patient.ambulance is not None:
        cells[AMBULANCE_AT] = int(patient.ambulance)
        return VITALS_KIND
    return KIND_OF[len(vitals) - 1 if PAIN in vitals else len(vitals)]


def _further(score: _Side, cells: list[int], known: Sequence[int]) -> tuple[float, float]:
    """What further complaints add, and what the gravest has above the first."""
    own = gravest = score.gravity(cells)
    more = 0.0
    placed = cells[:]
    for complaint in known[1:]:
        placed[COMPLAINT_AT] = complaint
        more += score.others(placed)
        gravest = max(gravest, score.gravity(placed))
    return more, score.worst * (gravest - own)


def _with_more(
    codes: tuple[str, ...], parts: tuple[float, ...], more: float, worst: float
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    told = dict(zip(codes, parts, strict=True))
    told[MORE] = told.get(MORE, 0.0) + more
    told[WORST] = worst
    return tuple(told), tuple(told.values())


class _Writing:
    """Writes out what each kind of knowledge needs; equal tables are folded once."""

    def __init__(self, model: SeverityModel) -> None:
        self._folding = Folding(model)

    def written(self, icu: Outcome, admission: Outcome, kind: str) -> _Written:
        tables, curve = icu.pick(kind)
        by_reason: dict[str, list[Term]] = {}
        for term in tables.terms:
            by_reason.setdefault(term.reason, []).append(term)
        folded = {reason: self._folding.fold(terms) for reason, terms in by_reason.items()}
        beside, beside_curve = admission.pick(kind)
        folded, alone = self._folding.join(folded, self._folding.fold(beside.terms))
        text = Lines(self._folding.sizes)
        told = text.parts(list(folded.values()), tables.intercept)
        stays = text.total(alone, beside.intercept)
        return _Written(
            text.function(f"{told}, {stays}"),
            tuple(folded),
            tables.intercept,
            self._side(tables, curve),
            self._side(beside, beside_curve),
        )

    def _side(self, tables: TableSet, curve: Curve) -> _Side:
        others, gravity = Lines(self._folding.sizes), Lines(self._folding.sizes)
        return _Side(
            others.function(others.total(self._folding.fold(tables.others), 0.0)),
            gravity.function(gravity.total(self._folding.fold(tables.gravity), 0.0)),
            tables.worst,
            chance_of(curve),
            curve,
        )


def chance_of(curve: Curve) -> Callable[[float], float]:
    """Calibrated probability of a log-odds: the curve's lines worked out once."""
    knots = curve.knots
    slopes, starts = [0.0], [curve.values[0]]
    for low, high, value, after in zip(
        knots, knots[1:], curve.values, curve.values[1:], strict=False
    ):
        slopes.append((after - value) / (high - low))
        starts.append(value - slopes[-1] * low)
    slopes.append(0.0)
    starts.append(curve.values[-1])

    def chance(x: float) -> float:
        i = bisect_right(knots, x)
        return 1.0 / (1.0 + math.exp(-(starts[i] + slopes[i] * x)))

    return chance
