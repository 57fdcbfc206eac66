"""The severity model: a sum of looked-up table entries, and the entries are the reasons."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.orientation.domain.features import COMPLAINT, GROUP, VITALS, Complaints, PatientInputs


@dataclass(frozen=True, slots=True)
class Term:
    """A table over one input or a pair of inputs, flat, the second input running fastest."""

    reason: str
    first: str
    second: str  # "" for a table over one input
    width: int  # cells of the second input, 1 without one
    entries: Sequence[float] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TableSet:
    """The tables of one score. At the reference patient every entry is 0."""

    intercept: float
    terms: tuple[Term, ...]

    def add_up(self, cells: Mapping[str, int], into: dict[str, float]) -> float:
        """Log-odds; what each reason adds goes into `into`."""
        total = self.intercept
        for term in self.terms:
            at = cells[term.first] * term.width
            entry = term.entries[at + cells[term.second] if term.second else at]
            total += entry
            into[term.reason] = into.get(term.reason, 0.0) + entry
        return total


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising broken line from one log-odds scale to another."""

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, x: float) -> float:
        if x <= self.knots[0]:
            return self.values[0]
        if x >= self.knots[-1]:
            return self.values[-1]
        i = bisect_right(self.knots, x)
        low, high = self.knots[i - 1], self.knots[i]
        share = (x - low) / (high - low)
        return self.values[i - 1] + share * (self.values[i] - self.values[i - 1])


def probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


@dataclass(frozen=True, slots=True)
class ModelScore:
    """`reasons` add up, with `base`, to `log_odds`: the sum before the last calibration."""

    p_icu: float
    p_admission: float
    log_odds: float
    base: float
    reasons: tuple[tuple[str, float], ...]
    vitals_used: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tables and calibration of one outcome, with and without vital signs."""

    call: TableSet
    vitals: TableSet
    call_curve: Curve
    vitals_curve: Curve

    def pick(self, with_vitals: bool) -> tuple[TableSet, Curve]:
        return (self.vitals, self.vitals_curve) if with_vitals else (self.call, self.call_curve)


WORST_WEIGHT = 0.35


@dataclass(frozen=True, slots=True)
class SeverityModel:
    """P(intensive care) and P(admission) of one patient, with exact reasons."""

    version: str
    complaints: Complaints
    group_of: Sequence[int] = field(repr=False)
    icu: Outcome = field(repr=False)
    admission: Outcome = field(repr=False)

    def score(self, patient: PatientInputs) -> ModelScore:
        cells = patient.cells()
        known = [c for c in patient.complaints if c != self.complaints.unknown]
        first = known[0] if known else self.complaints.unknown
        with_vitals = any(name in patient.vitals for name in VITALS)
        tables, curve = self.icu.pick(with_vitals)
        reasons: dict[str, float] = {}
        self._place(cells, first)
        total = tables.add_up(cells, reasons)
        if len(known) > 1:
            sums = []
            for other in known[1:]:
                self._place(cells, other)
                sums.append(tables.add_up(cells, {}))
            worst = WORST_WEIGHT * max(0.0, max(sums) - total)
            reasons["OTHER_COMPLAINTS"] = worst
            total += worst
            self._place(cells, first)
        adm_tables, adm_curve = self.admission.pick(with_vitals)
        admission = adm_tables.add_up(cells, {})
        return ModelScore(
            probability(curve(total)),
            probability(adm_curve(admission)),
            total,
            tables.intercept,
            tuple(reasons.items()),
            with_vitals,
        )

    def _place(self, cells: dict[str, int], complaint: int) -> None:
        cells[COMPLAINT] = complaint
        cells[GROUP] = self.group_of[complaint]
