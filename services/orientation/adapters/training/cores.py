"""One outcome's two cores side by side, half ridge and half boosted pairs, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.orientation.adapters.training import boosted as pairs
from services.orientation.adapters.training import ridge as splines
from services.orientation.adapters.training.layout import Known, design
from services.orientation.domain.features import (
    AMBULANCE,
    COMPLAINT,
    GRIDS,
    PAIN,
    VITALS,
    Cells,
    Complaints,
    Floats,
)
from services.orientation.domain.many import People


@dataclass(frozen=True, slots=True)
class Recipe:
    """What differs from outcome to outcome."""

    strength: float  # inverse L2 penalty of the ridge
    rounds: int
    seeds: tuple[int, ...] = (1, 2, 3)


ICU = Recipe(strength=0.3, rounds=300)
ADMISSION = Recipe(strength=0.1, rounds=350)
# Share of the rows that come a second time with bedside values hidden
HIDDEN_AGAIN = 0.25


@dataclass(frozen=True, slots=True)
class Cores:
    """Both cores fitted on the same visits. B starts from what A says of further complaints."""

    ridge: splines.Ridge
    boosted: pairs.Boosted
    encoded: pairs.Encoded = field(repr=False)
    start: float  # log-odds that B starts from

    def decide_first(self, people: People, year: float, given: Floats | float) -> Floats:
        """The score of people with one complaint."""
        a = self.ridge.decide(people, year, given)
        own = {
            name: self.encoded.tables[people.cells[COMPLAINT], i]
            for i, name in enumerate(self.encoded.names)
        }
        x = pairs.values(list(self.boosted.names), people.cells, own)
        b = self.boosted.decide(x) + self.start + self.ridge.lean * np.asarray(given)
        return np.asarray(0.5 * a + 0.5 * b)


def dropped_out(people: People, seed: int) -> tuple[People, Cells]:
    """The rows, and after them a random share again with bedside values hidden at random.

    One half of the copies loses all of them, the other each with an even chance: the
    entry for "not known" must not mean "too well to be measured".
    """
    random = np.random.default_rng(seed)
    again = np.flatnonzero(random.random(people.count) < HIDDEN_AGAIN)
    every = random.random(len(again)) < 0.5
    out = {}
    for name, column in people.cells.items():
        copy = column[again]
        if name in (*VITALS, PAIN, AMBULANCE):
            hidden = every | (random.random(len(again)) < 0.5)
            copy = np.where(hidden, GRIDS[name].unknown, copy)
        out[name] = np.concatenate([column, copy])
    return People(out, np.concatenate([people.others, people.others[again]])), again


@dataclass(frozen=True, slots=True)
class Teaching:
    """The visits of one outcome with the complaint numbers that go with them."""

    people: People
    year: Floats = field(repr=False)
    label: Floats = field(repr=False)
    own: Floats = field(repr=False)  # cross-fitted risk of each row's complaint
    encoded: pairs.Encoded = field(repr=False)
    slopes: Floats = field(repr=False)

    def ridge(
        self, complaints: Complaints, strength: float, known: Known, given: Floats | None = None
    ) -> splines.Ridge:
        layout = design(complaints, self.slopes, self.people, known)
        return splines.fit(
            layout, self.people, self.label, self.year, strength=strength, given=given
        )

    def fit(
        self,
        complaints: Complaints,
        recipe: Recipe,
        known: Known,
        given: Floats | None = None,
    ) -> Cores:
        """`given` is a score of each row that both cores lean on."""
        core_a = self.ridge(complaints, recipe.strength, known, given)
        names = pairs.feature_names(self.encoded, known)
        numbers: Mapping[str, Floats] = {
            name: self.own if i == 0 else self.encoded.tables[self.people.cells[COMPLAINT], i]
            for i, name in enumerate(self.encoded.names)
        }
        x = pairs.values(names, self.people.cells, numbers)
        rate = float(self.label.mean())
        start = float(np.log(rate / (1 - rate)))
        offset = start + core_a.more(self.people)
        if given is not None:
            mean = float(core_a.lean * given.mean())
            start -= mean
            offset += core_a.lean * given - mean
        core_b = pairs.fit(
            names,
            x,
            self.label,
            self.encoded,
            seeds=recipe.seeds,
            rounds=recipe.rounds,
            start=np.asarray(offset),
        )
        return Cores(core_a, core_b, self.encoded, start)
