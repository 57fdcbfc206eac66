"""The scores of the recipe put together from fitted parts, as tables ready to be added up.

intensive care = half ridge + half pairs + what further complaints add to admission
                 + 0.35 x what the gravest complaint has above the first
admission, nurse level = half ridge + half pairs, both leaning on the ridge of intensive care
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.orientation.adapters.training.compiling import (
    Mixture,
    mixture_of_cores,
    mixture_of_ridge,
    with_gravity,
)
from services.orientation.adapters.training.cores import Cores, Recipe
from services.orientation.adapters.training.layout import Known
from services.orientation.adapters.training.ridge import Ridge
from services.orientation.adapters.training.teach import icu_teaching, later_teaching
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import CALL, PARTIAL, Complaints, Floats
from services.orientation.domain.many import Mask, People, log_odds
from services.orientation.domain.model import TableSet

WORST = 0.35
BORROWED_STRENGTH = 0.2


def _known(kind: str) -> Known:
    return Known(vitals=kind != CALL, hidden=kind == PARTIAL)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Builds scores for one list of complaints; `icu` are the visits with intensive care."""

    complaints: Complaints
    icu: Visits
    year: float  # the score is that of this year

    def odds(self, tables: TableSet, people: People) -> Floats:
        return log_odds(tables, people, self._groups, self.complaints.unknown)

    @property
    def _groups(self) -> Sequence[int]:
        return [int(g) for g in self.complaints.group_of_cell()]

    def icu_cores(self, kind: str, admission: Visits, recipe: Recipe) -> Cores:
        known = _known(kind)
        return icu_teaching(self.complaints, self.icu, admission, known).fit(
            self.complaints, recipe, known
        )

    def lead(self, ridge: Ridge) -> Mixture:
        """The ridge of intensive care alone, with the gravest complaint."""
        mixture = mixture_of_ridge(ridge, self.complaints, self.year)
        return with_gravity(mixture, mixture, WORST)

    def borrowed(self, kind: str, admission: Visits) -> Mixture:
        """Admission with all complaints minus admission with the first one."""
        out = Mixture()
        for others, weight in ((True, 1.0), (False, -1.0)):
            known = replace(_known(kind), hidden=False, others=others)
            teaching = later_teaching(
                self.complaints, self.icu, admission, admission.admitted, known
            )
            ridge = teaching.ridge(self.complaints, BORROWED_STRENGTH, known)
            out = out.plus(mixture_of_ridge(ridge, self.complaints, self.year), weight)
        return out

    def icu_score(self, cores: Cores, lead: Mixture, borrowed: Mixture | None) -> TableSet:
        """Without `borrowed` the score of the first complaint alone."""
        core = mixture_of_cores(cores, self.complaints, self.year)
        if borrowed is not None:
            core = with_gravity(core.plus(borrowed, 1.0), lead, WORST)
        return core.compiled(self.complaints, self.icu.cells)

    def later(
        self, kind: str, visits: Visits, label: Floats, lead: Mixture, recipe: Recipe
    ) -> Later:
        """Admission or the nurse's level, on `visits`."""
        known = replace(_known(kind), pain=kind != CALL, others=True)
        teaching = later_teaching(self.complaints, self.icu, visits, label, known)
        leading = lead.compiled(self.complaints, self.icu.cells)
        middle = float(self.odds(leading, visits.people).mean())
        given = self.odds(leading, teaching.people) - middle
        cores = teaching.fit(self.complaints, recipe, known, given)
        core = mixture_of_cores(cores, self.complaints, self.year)
        moved = Mixture(lead.own, lead.others, lead.gravity, lead.intercept - middle, lead.worst)
        tables = core.plus(moved, cores.ridge.lean).compiled(self.complaints, visits.cells)
        return Later(tables, cores)


@dataclass(frozen=True, slots=True)
class Later:
    """A score of an outcome of 2021 with the cores it was made of."""

    tables: TableSet = field(repr=False)
    cores: Cores = field(repr=False)


def out_of_fold(count: int, folds: int, seed: int) -> list[tuple[Mask, Mask]]:
    """(seen, not seen) as masks of each fold."""
    fold = np.random.default_rng(seed).permutation(count) % folds
    return [(fold != k, fold == k) for k in range(folds)]
