"""Which method suits which history, and the sentence that says why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from services.demand.domain.classes import (
    INTERVAL_LIMIT,
    SHORTEST,
    VARIATION_LIMIT,
    DemandClass,
    Profile,
    season_length,
)
from services.demand.domain.periods import Period


class Method(Enum):
    """Names shown beside a forecast."""

    BLEND = "AutoETS + DynamicOptimizedTheta"
    POOLED = "TSB + IMAPA, pooled errors"
    CLASS_LEVEL = "class level"


@dataclass(frozen=True, slots=True)
class Choice:
    method: Method
    season: int
    reason: str


def choose(seen: Profile, period: Period) -> Choice:
    """The method for a history, by its class."""
    word = period.word
    if seen.demand_class is DemandClass.NEW:
        return Choice(
            Method.CLASS_LEVEL,
            1,
            f"Only {seen.periods} {word}s are known and {SHORTEST[period]} are needed to judge "
            "this item by itself: the level of its class is used, with the width of that class.",
        )
    figures = (
        f"Used in {seen.used} of {seen.periods} {word}s, amounts vary with CV² "
        f"{seen.variation:.2f} (limits: one use in {INTERVAL_LIMIT} {word}s, CV² "
        f"{VARIATION_LIMIT})"
    )
    if seen.demand_class in (DemandClass.SMOOTH, DemandClass.ERRATIC):
        season = season_length(seen.periods, period)
        told = f"a season of {season} {word}s" if season > 1 else "no season"
        return Choice(
            Method.BLEND,
            season,
            f"{figures}: {seen.demand_class.value.lower()}. The mean of two methods, quantile "
            f"by quantile, with {told}, had lower errors than either alone.",
        )
    return Choice(
        Method.POOLED,
        1,
        f"{figures}: {seen.demand_class.value.lower()}. Methods made for rare use give the "
        "mean; the interval comes from the errors that like items had in back-tests.",
    )


def stand_in(choice: Choice, failure: str) -> Choice:
    """What is used when the chosen method failed on a series."""
    return Choice(
        Method.POOLED,
        1,
        f"{choice.method.value} could not be used on this history ({failure}). The mean comes "
        "from simple smoothing, the interval from the errors that like items had in back-tests.",
    )
