"""What goes into the forests and what comes out: plain arrays, one row a series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SparsePanel:
    """Histories of n series on one grid of T periods, all ending with the same period.

    `y` [n, T]: demand, in base units, 0 where there was no record. `observed` [n, T]: a
    record exists. `start` [n]: place of a series' first record; what lies before it is
    not history. `columns`: numbers known for the past only, name -> [n, T] with NaN;
    names that speak of stock (`stock_initial`, `stock_received`, `stock_end`,
    `stock_ordered`, `stock_adjustment`, `system_amc`, `stockout_days`) have features of
    their own, any other is used as it is. `categories`: name -> n words that never change.
    `season`: periods in a cycle, 1 for none.
    """

    ids: tuple[str, ...]
    y: Array
    observed: Flags
    start: Ints
    season: int = 1
    columns: Mapping[str, Array] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, periods = self.y.shape
        if n != len(self.ids) or self.observed.shape != (n, periods) or self.start.shape != (n,):
            raise ValueError(f"y is {n} x {periods}: ids, observed and start must agree with it")
        if len(set(self.ids)) != n:
            raise ValueError("two series have the same id")
        if not n or not periods:
            raise ValueError("an empty panel cannot be forecast")
        if not np.isfinite(self.y).all() or (self.y < 0).any():
            raise ValueError("y must be finite and not below 0: repair the history first")
        if (self.start < 0).any():
            raise ValueError("start must be a place of the grid, 0 is its first period")
        if self.season < 1:
            raise ValueError("season is a number of periods, 1 or more")
        self._check_columns()

    def _check_columns(self) -> None:
        n, periods = self.y.shape
        for name, values in self.columns.items():
            if values.shape != (n, periods):
                raise ValueError(f"column {name} must be {n} x {periods} like y")
        for name, words in self.categories.items():
            if len(words) != n:
                raise ValueError(f"category {name} must have one word per series ({n})")

    @property
    def periods(self) -> int:
        return int(self.y.shape[1])

    @property
    def alive(self) -> Flags:
        """[n, T]: the period belongs to the series' history."""
        return np.asarray(np.arange(self.periods)[None, :] >= self.start[:, None])

    def until(self, periods: int) -> SparsePanel:
        """What was known after the first `periods` periods; some series may not have begun."""
        return replace(
            self,
            y=self.y[:, :periods],
            observed=self.observed[:, :periods],
            columns={name: values[:, :periods] for name, values in self.columns.items()},
        )

    def rows(self, chosen: Ints) -> SparsePanel:
        """The chosen series, in the order given."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in chosen),
            y=self.y[chosen],
            observed=self.observed[chosen],
            start=self.start[chosen],
            columns={k: v[chosen] for k, v in self.columns.items()},
            categories={k: tuple(v[i] for i in chosen) for k, v in self.categories.items()},
        )


@dataclass(frozen=True, slots=True)
class SparseForecast:
    """Forecasts of n series for h periods, in base units; quantiles never cross.

    `mean` [n, h], `quantiles` [n, h, q]; `lead_mean` [n] and `lead_quantiles` [n, q] of
    the sum over the lead time (none when no lead time was asked for). `method` and `why`
    have a name and a sentence per series, `flags` the words of what to be wary of.
    `backtest` holds the loss of every blend that was tried, by name.
    """

    ids: tuple[str, ...]
    levels: tuple[float, ...]
    mean: Array
    quantiles: Array
    lead_mean: Array | None
    lead_quantiles: Array | None
    method: tuple[str, ...]
    why: tuple[str, ...]
    flags: tuple[tuple[str, ...], ...]
    backtest: Mapping[str, float]
