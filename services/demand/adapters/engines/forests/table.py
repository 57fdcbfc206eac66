"""Rows to learn from: every series at every origin of a history, with the path that followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.demand.adapters.engines.forests.features import features, scales
from services.demand.adapters.engines.forests.panel import Array, Ints, SparsePanel

# Origins that are learnt from, at most, evenly spread over the history.
ORIGINS = 60


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of the series `series` [r] at one origin (or several, stacked).

    `values` [r, F] features; `sizes` name -> [r]; `cap` [r]: three times the most that was
    used in 24 periods; `ago` [r, H]: the amount one season before each period ahead.
    """

    series: Ints
    values: NDArray[np.float32]
    sizes: dict[str, Array]
    cap: Array
    ago: NDArray[np.float32]

    def take(self, chosen: Ints) -> Origin:
        """The chosen rows, in the order given."""
        return Origin(
            self.series[chosen],
            self.values[chosen],
            {name: size[chosen] for name, size in self.sizes.items()},
            self.cap[chosen],
            self.ago[chosen],
        )

    def summed(self, lead: int) -> Origin:
        """The same rows when what is asked for is the sum of `lead` periods."""
        return Origin(
            self.series,
            self.values,
            {name: size * lead for name, size in self.sizes.items()},
            self.cap * lead,
            self.ago[:, :lead].sum(axis=1, keepdims=True),
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """Origins stacked, with `paths` [r, H]: the demand that followed, in base units.

    NaN where the history had ended.
    """

    origin: Origin
    paths: Array

    def __len__(self) -> int:
        return len(self.paths)

    def leg(self, first: int, end: int) -> Rows:
        """Rows whose periods ahead `first` to `end` (exclusive) are all known, those only."""
        whole = np.flatnonzero(np.isfinite(self.paths[:, end - 1]))
        return Rows(self.origin.take(whole), self.paths[whole, first:end])

    def summed(self, lead: int) -> Rows:
        """Rows whose path is one number: the sum of the first `lead` periods."""
        near = self.leg(0, lead)
        return Rows(near.origin.summed(lead), near.paths.sum(axis=1, keepdims=True))


def origin(panel: SparsePanel, known: int, ahead: int, least_age: int = 1) -> Origin:
    """What is known after `known` periods of the series at least `least_age` old by then."""
    past = panel.until(known)
    begun = np.flatnonzero(panel.start <= known - least_age)
    table = features(past)
    most = np.where(past.alive, past.y, 0.0)[:, -24:].max(1)
    return Origin(
        begun,
        table.values[begun].astype(np.float32),
        {name: size[begun] for name, size in scales(past).items()},
        3.0 * most[begun],
        _season_ago(past, ahead)[begun],
    )


def _season_ago(past: SparsePanel, ahead: int) -> NDArray[np.float32]:
    """[n, ahead] the amount of the same place in the newest known season; NaN before it began."""
    y = np.where(past.alive, past.y, np.nan)
    season = past.season if past.season > 1 else past.periods + 1
    steps = np.arange(ahead)
    place = past.periods + steps - season * (1 + steps // season)
    found = y[:, np.maximum(place, 0)]
    return np.where(place >= 0, found, np.nan).astype(np.float32)


def rows(panel: SparsePanel, ahead: int, most: int, seed: int, least_age: int = 3) -> Rows | None:
    """Training rows of at most `ORIGINS` origins; None when the history has no room for one.

    Paths that the end of the history cuts off hold NaN: near periods are learnt from newer
    origins than far ones. Of more rows than `most` an even, seeded share of each origin is
    taken.
    """
    last = panel.periods - 1
    step = max(1, -(-(last - least_age + 1) // ORIGINS))
    places = range(last, least_age - 1, -step)
    total = sum(int((panel.start <= known - least_age).sum()) for known in places)
    if not total:
        return None
    share = min(1.0, most / total)
    generator = np.random.default_rng(seed)
    found, paths = [], []
    padded = np.pad(panel.y, ((0, 0), (0, ahead)), constant_values=np.nan)
    for known in places:
        one = origin(panel, known, ahead, least_age)
        if share < 1.0:
            one = one.take(np.flatnonzero(generator.random(len(one.series)) < share))
        found.append(one)
        paths.append(padded[one.series, known : known + ahead])
    return Rows(stack(found), np.concatenate(paths))


def stack(origins: list[Origin]) -> Origin:
    """Several origins as one table, in the order given."""
    return Origin(
        np.concatenate([one.series for one in origins]),
        np.concatenate([one.values for one in origins]),
        {k: np.concatenate([one.sizes[k] for one in origins]) for k in origins[0].sizes},
        np.concatenate([one.cap for one in origins]),
        np.concatenate([one.ago for one in origins]),
    )
