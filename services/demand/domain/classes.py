"""Classes of demand after Syntetos and Boylan, and the seasons that a history can show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.periods import Period

# Syntetos, Boylan and Croston (2005), J. Opl. Res. Soc. 56: mean interval between uses
# and squared coefficient of variation of the amounts used.
INTERVAL_LIMIT = 1.32
VARIATION_LIMIT = 0.49
# Fewer periods than this say too little to judge a series by itself.
SHORTEST: Mapping[Period, int] = {Period.DAY: 14, Period.WEEK: 8, Period.MONTH: 6}
# A yearly season of weeks is too long for the methods of this version.
SEASONS: Mapping[Period, int] = {Period.DAY: 7, Period.WEEK: 1, Period.MONTH: 12}
SEASONS_NEEDED = 2
# What lies further back no longer describes today, and costs time.
LONGEST: Mapping[Period, int] = {Period.DAY: 730, Period.WEEK: 260, Period.MONTH: 240}


class DemandClass(Enum):
    SMOOTH = "SMOOTH"
    ERRATIC = "ERRATIC"
    INTERMITTENT = "INTERMITTENT"
    LUMPY = "LUMPY"
    NEW = "NEW"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a series looks like: its class and the figures behind it."""

    demand_class: DemandClass
    periods: int
    used: int
    interval: float
    variation: float


def profile(values: NDArray[np.float64], period: Period) -> Profile:
    """Judges a history; too short a one is NEW whatever it holds."""
    used = values[values > 0]
    n = len(values)
    interval = n / len(used) if len(used) else float("inf")
    variation = float((used.std() / used.mean()) ** 2) if len(used) else 0.0
    if n < SHORTEST[period]:
        kind = DemandClass.NEW
    elif interval <= INTERVAL_LIMIT:
        kind = DemandClass.SMOOTH if variation <= VARIATION_LIMIT else DemandClass.ERRATIC
    else:
        kind = DemandClass.INTERMITTENT if variation <= VARIATION_LIMIT else DemandClass.LUMPY
    return Profile(kind, n, len(used), interval, variation)


def season_length(periods: int, period: Period) -> int:
    """The season a method may look for: 1 until the history shows it at least twice."""
    season = SEASONS[period]
    return season if periods >= SEASONS_NEEDED * season else 1
