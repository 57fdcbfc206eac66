"""What goes into the panel engine and what comes out of it: arrays only, no clock, no files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

EMPTY = "EMPTY"
"""Nothing is known of the series: it is given as 0 and must not be trusted."""
MISSING_FILLED = "MISSING_FILLED"
"""Unknown periods inside the series were filled from its season and its neighbours."""
NEGATIVE_CUT = "NEGATIVE_CUT"
"""Amounts below 0 were read as 0."""
SHORT = "SHORT"
"""Shorter than two seasons: the season is mostly the prior's."""
ALL_ZERO = "ALL_ZERO"
"""Nothing was ever used."""
CONSTANT = "CONSTANT"
"""The same amount in every period: the width is that of counting alone."""
SPIKE = "SPIKE"
"""One amount is a thousand times the usual one: probably a typing error."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Series on one grid of periods, all ending at the same period.

    values: one array a series, amounts by period (never negative; NaN where not known), the
        oldest first. Not known is not zero: such periods are filled and the series is flagged.
    season: periods in a season (12 for months, 52 for weeks, 7 for days; 1: none).
    calendar: [longest history + horizon, columns] of calendar.regressors; None: no calendar.
    years: [longest history + horizon], the calendar year of each period, for steps at New Year
        (new codes, new contracts); None: no such steps.
    groups: one word a series (site, department, class); None: no groups.
    first_period: row of `calendar` and `years` that holds each series' first value. None: the
        longest series begins at row 0. Given, it must agree with a common end.
    """

    values: Sequence[Array] = field(repr=False)
    season: int
    calendar: Array | None = field(default=None, repr=False)
    years: Integers | None = field(default=None, repr=False)
    groups: Sequence[str] | None = field(default=None, repr=False)
    first_period: Sequence[int] | None = field(default=None, repr=False)

    def origin(self) -> int:
        """Row of `calendar` and `years` that holds the first period to forecast."""
        if self.first_period is None:
            return max(len(values) for values in self.values)
        return self.first_period[0] + len(self.values[0])

    def rows(self, keep: Sequence[int], drop_last: int = 0) -> Panel:
        """Some series only, without their last periods; the calendar stays where it was."""
        end = self.origin()
        kept = [self.values[k] for k in keep]
        return Panel(
            values=[values[: len(values) - drop_last] for values in kept],
            season=self.season,
            calendar=self.calendar,
            years=self.years,
            groups=None if self.groups is None else [self.groups[k] for k in keep],
            first_period=[end - len(values) for values in kept],
        )


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of the engine; the defaults did best on rolling origins.

    power: amounts are modelled as ((y + 0.375)^power - 1) / power.
    smallest_panel: series below which nothing is shared between them.
    longest: periods of history used at most; None: 120 (daily grids 364).
    calibrate: compare the intervals with what came true at earlier origins of the same panel.
    calibration_power: how much of that correction is believed (1: all).
    """

    power: float = 0.5
    smallest_panel: int = 50
    smallest_group: int = 8
    group_shrinkage: float = 20.0
    shared_patterns: int = 3
    prior_steps: int = 10
    prior_weight: float = 0.1
    level_bins: int = 3
    length_step: int = 3
    longest: int | None = None
    calibrate: bool = True
    calibration_power: float = 0.75
    lead_draws: int = 400
    lead_stretch: float = 1.1
    explain: bool = True
    chunk: int = 128


@dataclass(frozen=True, slots=True)
class Widths:
    """What the stated widths are multiplied with: 1 where the model is right as it stands.

    `before`: the periods to come before a New Year of which too few like it were seen; from
    there on core and tail are at least `beyond`. None: there is no such New Year.
    """

    core: float = 1.0
    tail: float = 1.0
    lead: float = 1.0
    before: int | None = None
    beyond: tuple[float, float] = (1.0, 1.0)

    def ahead(self, horizon: int) -> tuple[Array, Array]:
        """([h] core, [h] tail) of each period to come."""
        core, tail = np.full(horizon, self.core), np.full(horizon, self.tail)
        if self.before is not None:
            core[self.before :] = max(self.core, self.beyond[0])
            tail[self.before :] = max(self.tail, self.beyond[1])
        return core, tail


@dataclass(frozen=True, slots=True)
class PanelForecast:
    """Forecasts of n series over h periods at q levels, in the order of the panel.

    mean [n, h], quantiles [n, h, q]: amounts by period; lead_mean [n], lead_quantiles [n, q]:
    of the sum of the first `lead_time` periods (None when not asked).
    components: name -> [n, h] on the latent (power) scale; they add up to `latent_mean`.
    shared: [n], the share of the evidence for following the common and group factors.
    flags: one tuple of words (see the top of this file) a series.
    """

    mean: Array = field(repr=False)
    quantiles: Array = field(repr=False)
    lead_mean: Array | None = field(repr=False)
    lead_quantiles: Array | None = field(repr=False)
    latent_mean: Array = field(repr=False)
    components: dict[str, Array] = field(repr=False)
    shared: Array = field(repr=False)
    widths: Widths
    flags: list[tuple[str, ...]] = field(repr=False)
