"""One outcome's two cores side by side: half ridge, half boosted pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.orientation.adapters.training import boosted as pairs
from services.orientation.adapters.training import ridge as splines
from services.orientation.adapters.training.visits import Visits
from services.orientation.domain.features import COMPLAINT, GRIDS, VITALS, Cells, Complaints, Floats


@dataclass(frozen=True, slots=True)
class Recipe:
    """What differs from outcome to outcome."""

    strength: float  # inverse L2 penalty of the ridge
    seeds: tuple[int, ...] = (1, 2, 3)
    group_age: float = 1.0


ICU = Recipe(strength=0.3)
ADMISSION = Recipe(strength=0.1)


@dataclass(frozen=True, slots=True)
class Cores:
    """Both cores fitted on the same visits."""

    ridge: splines.Ridge
    boosted: pairs.Boosted
    encoded: pairs.Encoded = field(repr=False)

    def decide(self, visits: Visits, year: float) -> Floats:
        a = self.ridge.decide(visits.cells, year)
        own = {
            name: self.encoded.tables[visits.cells[COMPLAINT], i]
            for i, name in enumerate(self.encoded.names)
        }
        x = pairs.values(list(self.boosted.names), visits.cells, own)
        return np.asarray(0.5 * a + 0.5 * self.boosted.decide(x))


def dropped_out(cells: Mapping[str, Cells], seed: int) -> tuple[dict[str, Cells], Cells]:
    """The rows, and after them a random half again with vital signs hidden at random.

    One half of the copies loses all of them, the other each with an even chance: the
    entry for "not known" must not mean "too well to be measured".
    """
    count = len(cells[COMPLAINT])
    random = np.random.default_rng(seed)
    again = np.flatnonzero(random.random(count) < 0.5)
    every = random.random(len(again)) < 0.5
    out = {}
    for name, column in cells.items():
        copy = column[again]
        if name in VITALS:
            hidden = every | (random.random(len(again)) < 0.5)
            copy = np.where(hidden, GRIDS[name].unknown, copy)
        out[name] = np.concatenate([column, copy])
    return out, again


@dataclass(frozen=True, slots=True)
class Teaching:
    """The visits of one outcome with the complaint numbers that go with them."""

    visits: Visits
    label: Floats = field(repr=False)
    own: Floats = field(repr=False)  # cross-fitted risk of each row's complaint
    encoded: pairs.Encoded = field(repr=False)
    slopes: Floats = field(repr=False)

    def fit(self, complaints: Complaints, recipe: Recipe, *, vitals: bool) -> Cores:
        cells: Mapping[str, Cells] = self.visits.cells
        rows = np.arange(self.visits.count)
        if vitals:
            cells, again = dropped_out(cells, seed=7)
            rows = np.concatenate([rows, again])
        label, year = self.label[rows], self.visits.year[rows]
        layout = splines.design(
            complaints, self.slopes, cells, vitals=vitals, group_age=recipe.group_age
        )
        core_a = splines.fit(layout, cells, label, year, recipe.strength)
        names = pairs.feature_names(self.encoded, vitals=vitals)
        numbers = {
            name: self.encoded.tables[cells[COMPLAINT], i]
            for i, name in enumerate(self.encoded.names)
        }
        numbers[self.encoded.names[0]] = self.own[rows]
        x = pairs.values(names, cells, numbers)
        core_b = pairs.fit(names, x, label, self.encoded, seeds=recipe.seeds)
        return Cores(core_a, core_b, self.encoded)
