"""The structures that are averaged: how fast level, slope, season and year steps may move."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

DAILY_SEASON = 7
LONG_SEASON = 24
"""Seasons of more periods than this (weeks of a year) move more slowly from period to period."""


@dataclass(frozen=True, slots=True)
class Structure:
    """One structural model; every figure is a variance in units of the noise variance.

    level: growth of a random walk per period. slope: of a straight line, per period squared.
    wave: of a smooth shape over the season. same: of single periods of the season.
    fading: how alike the shapes of two seasons one apart are (1: the same for ever).
    year: step of the level at each New Year.
    """

    level: float = 0.0
    slope: float = 0.0
    wave: float = 0.0
    same: float = 0.0
    fading: float = 1.0
    year: float = 0.0


MONTHLY_SEASONS = (
    (0.0, 0.0, 1.0),
    (0.0, 0.2, 1.0),
    *(
        (wave, same, fading)
        for wave, same in ((0.15, 0.2), (0.6, 0.2), (3.0, 1.0), (15.0, 4.0))
        for fading in (1.0, 0.93)
    ),
)
DAILY_SEASONS = (
    *((0.0, 0.0, 1.0), (0.0, 0.1, 1.0), (0.0, 0.5, 1.0)),
    *((0.0, 0.2, 0.98), (0.0, 1.0, 0.98)),
)
NO_SEASON = ((0.0, 0.0, 1.0),)


def structures(season: int, year_steps: bool) -> tuple[Structure, ...]:
    """The grid for one series of a panel; chosen on rolling origins inside public data.

    Months: 4 levels x 2 slopes x 10 seasons x 3 year steps. The slope is none or a firm one:
    in between, panels with true growth (PBS) lost 0.001 WQL.
    """
    if season == DAILY_SEASON:
        return _grid((0.0, 0.0005, 0.003, 0.02), (0.0,), DAILY_SEASONS, (0.0,))
    steps = (0.0, 0.5, 4.0) if year_steps else (0.0,)
    seasons = MONTHLY_SEASONS if season > 1 else NO_SEASON
    if season > LONG_SEASON:
        return _grid((0.0, 0.005, 0.03, 0.15), (0.0, 0.0002), seasons, steps)
    return _grid((0.0, 0.02, 0.1, 0.4), (0.0, 0.004), seasons, steps)


def factor_structures(season: int) -> tuple[Structure, ...]:
    """The grid for what many series share: calmer slopes, since one error would hit them all."""
    seasons = MONTHLY_SEASONS if season > 1 else NO_SEASON
    if season == DAILY_SEASON:
        seasons = DAILY_SEASONS
    slow = season == DAILY_SEASON or season > LONG_SEASON
    slopes = (0.0,) if slow else (0.0, 0.0004, 0.0012)
    return _grid((0.0, 0.01, 0.04, 0.15, 0.5), slopes, seasons, (0.0,))


def _grid(
    levels: tuple[float, ...],
    slopes: tuple[float, ...],
    seasons: tuple[tuple[float, float, float], ...],
    years: tuple[float, ...],
) -> tuple[Structure, ...]:
    return tuple(
        Structure(level, slope, wave, same, fading, year)
        for level, slope, (wave, same, fading), year in product(levels, slopes, seasons, years)
    )
