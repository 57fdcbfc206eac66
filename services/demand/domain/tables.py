"""Histories of many series on one grid of periods, and what is forecast for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class HistoryTable:
    """n series over the same T periods; all end with the last period of the grid.

    `periods` [T]: starts of the periods. `recorded` [n, T]: amounts as recorded, duplicates
    summed, 0 where nothing was (also below 0, where more came back than went out). `values`
    [n, T]: the amounts to learn from, never below 0 and never missing; reading makes them
    equal to what was recorded wherever that can be learnt. `known` [n, T]: `values` was
    observed there; elsewhere it was filled in. `observed` [n, T]: the file has a row.
    `start` [n]: place of the first row of each series. `columns`: numbers known for the past
    only, name -> [n, T], NaN where unknown. `categories`: name -> n words that never change.
    `season`: periods in a cycle, 1 for none. `frequency`: the alias of the grid.
    """

    ids: tuple[str, ...]
    periods: Days = field(repr=False)
    season: int
    frequency: str
    recorded: Array = field(repr=False)
    values: Array = field(repr=False)
    known: Flags = field(repr=False)
    observed: Flags = field(repr=False)
    start: Ints = field(repr=False)
    columns: Mapping[str, Array] = field(default_factory=dict, repr=False)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def length(self) -> int:
        """Number of periods on the grid."""
        return len(self.periods)

    @property
    def alive(self) -> Flags:
        """[n, T]: the period belongs to the series' history."""
        return np.asarray(np.arange(self.length)[None, :] >= self.start[:, None])

    @property
    def lengths(self) -> Ints:
        """[n] periods from the first row to the end of the grid."""
        return np.asarray(self.length - self.start, dtype=np.int64)

    def until(self, length: int) -> HistoryTable:
        """What was known after the first `length` periods; series not yet begun are left out."""
        cut = replace(
            self,
            periods=self.periods[:length],
            recorded=self.recorded[:, :length],
            values=self.values[:, :length],
            known=self.known[:, :length],
            observed=self.observed[:, :length],
            columns={name: column[:, :length] for name, column in self.columns.items()},
        )
        return cut.rows(np.flatnonzero(self.start < length))

    def rows(self, chosen: Ints) -> HistoryTable:
        """The chosen series, in the order given."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in chosen),
            recorded=self.recorded[chosen],
            values=self.values[chosen],
            known=self.known[chosen],
            observed=self.observed[chosen],
            start=self.start[chosen],
            columns={name: column[chosen] for name, column in self.columns.items()},
            categories={
                name: tuple(words[i] for i in chosen) for name, words in self.categories.items()
            },
        )

    def history(self, row: int) -> Array:
        """The amounts of one series from its first row on."""
        return self.values[row, self.start[row] :]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a forecast is asked for: the periods ahead, the levels, the lead time in periods.

    `trial`: the answer is only compared with those of other methods, so a method may make less
    effort than for an answer that is used.
    """

    ahead: Days = field(repr=False)
    levels: tuple[float, ...]
    lead: int | None = None
    trial: bool = False

    @property
    def horizon(self) -> int:
        return len(self.ahead)


@dataclass(frozen=True, slots=True)
class TableForecast:
    """Forecasts of n series over h periods at q levels, in the order of the table's ids.

    `mean` [n, h], `quantiles` [n, h, q]; `lead_mean` [n] and `lead_quantiles` [n, q] of the
    sum over the lead time, none when no lead time was asked for. `methods` and `reasons`:
    which method served each series, and the sentence that says why. `drivers`: name -> [n, h]
    in base units, the parts that a mean is made of beside its level; none where a method has
    no parts, 0 for the series that it did not serve.
    """

    levels: tuple[float, ...]
    mean: Array = field(repr=False)
    quantiles: Array = field(repr=False)
    lead_mean: Array | None = field(default=None, repr=False)
    lead_quantiles: Array | None = field(default=None, repr=False)
    methods: tuple[str, ...] = field(default=(), repr=False)
    reasons: tuple[str, ...] = field(default=(), repr=False)
    drivers: Mapping[str, Array] = field(default_factory=dict, repr=False)

    def rows(self, chosen: Ints) -> TableForecast:
        """The chosen series, in the order given."""
        return replace(
            self,
            mean=self.mean[chosen],
            quantiles=self.quantiles[chosen],
            lead_mean=None if self.lead_mean is None else self.lead_mean[chosen],
            lead_quantiles=None if self.lead_quantiles is None else self.lead_quantiles[chosen],
            methods=tuple(self.methods[i] for i in chosen) if self.methods else (),
            reasons=tuple(self.reasons[i] for i in chosen) if self.reasons else (),
            drivers={name: part[chosen] for name, part in self.drivers.items()},
        )

    def at(self, level: float) -> Array:
        """[n, h] the quantile of one of its levels; ValueError for any other."""
        return np.asarray(self.quantiles[:, :, self.levels.index(level)])


def tidied(forecast: TableForecast) -> TableForecast:
    """The same forecast fit to be shown: finite, never below 0, never crossing.

    Raises ArithmeticError rather than hide a number that is not finite.
    """
    parts = (
        forecast.mean,
        forecast.quantiles,
        forecast.lead_mean,
        forecast.lead_quantiles,
    )
    if not all(part is None or np.isfinite(part).all() for part in parts):
        raise ArithmeticError("a method gave a number that is not finite")
    return replace(
        forecast,
        mean=np.maximum(forecast.mean, 0.0),
        quantiles=_showable(forecast.quantiles),
        lead_mean=None if forecast.lead_mean is None else np.maximum(forecast.lead_mean, 0.0),
        lead_quantiles=(
            None if forecast.lead_quantiles is None else _showable(forecast.lead_quantiles)
        ),
    )


def _showable(quantiles: Array) -> Array:
    return np.asarray(np.sort(np.maximum(quantiles, 0.0), axis=-1))


def in_whole_units(forecast: TableForecast) -> TableForecast:
    """The same with quantiles in whole units, for what cannot be halved; means stay as they are.

    A count k stands for all amounts from k - 1/2 to k + 1/2, so the nearest whole number is the
    smallest that is enough at each level. Whole steps cover a little more than they say.
    """
    lead = forecast.lead_quantiles
    return replace(
        forecast,
        quantiles=np.round(forecast.quantiles),
        lead_quantiles=None if lead is None else np.round(lead),
    )


def joined(n: int, parts: Sequence[tuple[Ints, TableForecast]]) -> TableForecast:
    """One forecast of n series from forecasts of some of them, by their rows."""
    first = parts[0][1]
    mean = np.full((n, first.mean.shape[1]), np.nan)
    quantiles = np.full((n, *first.quantiles.shape[1:]), np.nan)
    lead = first.lead_mean is not None
    lead_mean, lead_quantiles = np.full(n, np.nan), np.full((n, len(first.levels)), np.nan)
    methods, reasons = [""] * n, [""] * n
    drivers = {
        name: np.zeros((n, first.mean.shape[1])) for _, part in parts for name in part.drivers
    }
    for rows, part in parts:
        mean[rows], quantiles[rows] = part.mean, part.quantiles
        if part.lead_mean is not None and part.lead_quantiles is not None:
            lead_mean[rows], lead_quantiles[rows] = part.lead_mean, part.lead_quantiles
        for name, driver in part.drivers.items():
            drivers[name][rows] = driver
        for place, row in enumerate(rows):
            methods[row], reasons[row] = part.methods[place], part.reasons[place]
    return TableForecast(
        first.levels,
        mean,
        quantiles,
        lead_mean if lead else None,
        lead_quantiles if lead else None,
        tuple(methods),
        tuple(reasons),
        drivers,
    )
