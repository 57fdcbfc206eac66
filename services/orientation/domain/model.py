"""The severity model: a sum of looked-up table entries, and the entries are the reasons."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.orientation.domain.features import (
    CALL,
    COMPLAINT,
    COUNT,
    GROUP,
    MOST_COMPLAINTS,
    PARTIAL,
    Complaints,
    PatientInputs,
)


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
    """The tables of one score. At the reference patient every entry is 0.

    `others` are added once for each complaint after the first. `gravity` says how grave a
    complaint is at an age; what the gravest complaint has above the first counts by `worst`.
    """

    intercept: float
    terms: tuple[Term, ...]
    others: tuple[Term, ...] = ()
    gravity: tuple[Term, ...] = ()
    worst: float = 0.0

    def add_up(self, cells: Mapping[str, int], into: dict[str, float]) -> float:
        """Log-odds of the first complaint; what each reason adds goes into `into`."""
        total = self.intercept
        for term in self.terms:
            at = cells[term.first] * term.width
            entry = term.entries[at + cells[term.second] if term.second else at]
            total += entry
            reason = term.reason
            into[reason] = into[reason] + entry if reason in into else entry
        return total


def total_of(terms: Sequence[Term], cells: Mapping[str, int]) -> float:
    total = 0.0
    for term in terms:
        at = cells[term.first] * term.width
        total += term.entries[at + cells[term.second] if term.second else at]
    return total


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising broken line from one log-odds scale to another.

    `low` and `high` are the ends of a 90 % interval of `values`; empty where none was made.
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __call__(self, x: float) -> float:
        return self._between(x, self.values)

    def interval(self, x: float) -> tuple[float, float] | None:
        """Ends of the interval as probabilities: for people like this one, not for this one."""
        if not self.low or not self.high:
            return None
        return probability(self._between(x, self.low)), probability(self._between(x, self.high))

    def _between(self, x: float, values: tuple[float, ...]) -> float:
        if x <= self.knots[0]:
            return values[0]
        if x >= self.knots[-1]:
            return values[-1]
        i = bisect_right(self.knots, x)
        low, high = self.knots[i - 1], self.knots[i]
        share = (x - low) / (high - low)
        return values[i - 1] + share * (values[i] - values[i - 1])


def probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))


class ModelScore(NamedTuple):
    """`added` adds up, with `base`, to `log_odds`: the sum before the last calibration."""

    p_icu: float
    p_admission: float
    log_odds: float
    base: float
    codes: tuple[str, ...]
    added: tuple[float, ...]  # what the reason of each code adds
    vitals_used: bool
    curve: Curve  # the calibration that made p_icu of log_odds

    @property
    def interval(self) -> tuple[float, float] | None:
        """Ends of the 90 % interval of p_icu, where the calibration was bootstrapped."""
        return self.curve.interval(self.log_odds)

    @property
    def reasons(self) -> tuple[tuple[str, float], ...]:
        return tuple(zip(self.codes, self.added, strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tables and calibration of one outcome, by what is known of the bedside."""

    call: tuple[TableSet, Curve]
    partial: tuple[TableSet, Curve]
    vitals: tuple[TableSet, Curve]

    def pick(self, kind: str) -> tuple[TableSet, Curve]:
        if kind == CALL:
            return self.call
        return self.partial if kind == PARTIAL else self.vitals


MORE = "MORE_COMPLAINTS"
WORST = "GRAVEST_COMPLAINT"


class Scorer(Protocol):
    """What an answer needs of a model, plain or compiled."""

    @property
    def version(self) -> str: ...

    @property
    def complaints(self) -> Complaints: ...

    def score(self, patient: PatientInputs) -> ModelScore: ...


def known_complaints(told: Sequence[int], unknown: int) -> Sequence[int]:
    """The complaints that say something, each once; "unknown" where none does."""
    if len(told) == 1:
        return told
    known = list(dict.fromkeys(c for c in told if c != unknown))
    return known[:MOST_COMPLAINTS] or [unknown]


@dataclass(frozen=True, slots=True)
class SeverityModel:
    """P(intensive care), P(admission) and P(nurse level 1-2) of one patient, with reasons."""

    version: str
    complaints: Complaints
    group_of: Sequence[int] = field(repr=False)
    icu: Outcome = field(repr=False)
    admission: Outcome = field(repr=False)
    high_triage: Outcome = field(repr=False)
    icu_history: Outcome = field(repr=False)  # for a known number of chronic conditions

    def score(self, patient: PatientInputs) -> ModelScore:
        """The nurse's level is left to `score_many`: a call is not answered with it."""
        cells = patient.cells()
        known = known_complaints(patient.complaints, self.complaints.unknown)
        cells[COUNT] = len(known) - 1
        kind = patient.kind
        icu = self.icu if patient.chronic_conditions is None else self.icu_history
        tables, curve = icu.pick(kind)
        reasons: dict[str, float] = {}
        self._place(cells, known[0])
        total = tables.add_up(cells, reasons)
        if len(known) > 1:
            more, worst = self._further(tables, cells, known)
            reasons[MORE] = reasons.get(MORE, 0.0) + more
            reasons[WORST] = worst
            total += more + worst
        admission, admission_curve = self.admission.pick(kind)
        return ModelScore(
            probability(curve(total)),
            probability(admission_curve(self._plain(admission, cells, known))),
            total,
            tables.intercept,
            tuple(reasons),
            tuple(reasons.values()),
            kind != CALL,
            curve,
        )

    def _plain(self, tables: TableSet, cells: dict[str, int], complaints: Sequence[int]) -> float:
        """The sum alone, of which nobody asks the reasons."""
        self._place(cells, complaints[0])
        total = tables.intercept + total_of(tables.terms, cells)
        return total + sum(self._further(tables, cells, complaints)) if complaints[1:] else total

    def _further(
        self, tables: TableSet, cells: dict[str, int], complaints: Sequence[int]
    ) -> tuple[float, float]:
        """What further complaints add, and what the gravest has above the first."""
        self._place(cells, complaints[0])
        own = gravest = total_of(tables.gravity, cells)
        more = 0.0
        for complaint in complaints[1:]:
            self._place(cells, complaint)
            more += total_of(tables.others, cells)
            gravest = max(gravest, total_of(tables.gravity, cells))
        return more, tables.worst * (gravest - own)

    def _place(self, cells: dict[str, int], complaint: int) -> None:
        cells[COMPLAINT] = complaint
        cells[GROUP] = self.group_of[complaint]
