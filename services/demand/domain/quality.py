"""What a reader should know of the history behind a forecast, in sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.classes import SEASONS, Profile, season_length
from services.demand.domain.findings import WRONG_UNIT_FACTOR
from services.demand.domain.history_files import Target
from services.demand.domain.series import Series

OUTLIER_FACTOR = 20.0
SILENT_SHARE = 3.0
LEAST_TO_JUDGE = 8
# Periods that a site may be silent whatever it had reported before.
SILENT_TOO_LONG = 6
RUNAWAY_FACTOR = 10.0


def findings(series: Series, seen: Profile) -> tuple[str, ...]:
    """Sentences on the history, the most important first; none when all is well."""
    word, n = series.period.word, len(series.values)
    found: list[str] = []
    if not seen.used:
        found.append(f"Never used in the {n} {word}s known: the forecast is near 0.")
    elif n >= LEAST_TO_JUDGE and np.ptp(series.values) == 0:
        found.append(
            f"The same amount in all {n} {word}s: check that these are counts and not a "
            "standing order."
        )
    season = SEASONS[series.period]
    if season > 1 and season_length(n, series.period) == 1:
        found.append(f"Only {n} {word}s known: a season of {season} {word}s cannot be seen yet.")
    if seen.used and n:
        found.extend(_gaps(series, seen))
    found.extend(_outliers(series))
    if series.overreturned:
        found.append(
            f"In {series.overreturned} {word}(s) more came back than went out: counted as 0. "
            "Check the returns."
        )
    if series.unseen:
        found.append(
            f"This site has reported nothing for the last {series.unseen} whole {word}(s): "
            "they are bridged, not counted as 0. Check the feed."
        )
    return tuple(found)


def _gaps(series: Series, seen: Profile) -> list[str]:
    word = series.period.word
    found = []
    empty = seen.periods - seen.used
    if empty:
        shelf = "whether the item was in stock then is not known."
        if series.out is not None:
            shelf = "where the shelf was reported empty it is said apart."
        found.append(f"{empty} of {seen.periods} {word}s have no use and count as 0; {shelf}")
    silent = int(len(series.values) - 1 - np.flatnonzero(series.values)[-1])
    if silent >= LEAST_TO_JUDGE and silent > SILENT_SHARE * seen.interval:
        found.append(
            f"No use in the last {silent} {word}s, after one every {seen.interval:.1f} "
            f"{word}s: is the item still in use here?"
        )
    return found


def _outliers(series: Series) -> list[str]:
    used = series.values[series.values > 0]
    if len(used) < LEAST_TO_JUDGE:
        return []
    middle = float(np.median(used))
    far = int(np.sum(used > OUTLIER_FACTOR * middle))
    if not far:
        return []
    return [
        f"{far} {series.period.word}(s) hold more than {OUTLIER_FACTOR:.0f} times the usual "
        f"amount (usual: {middle:g}): check them for a wrong unit. Only what is "
        f"{WRONG_UNIT_FACTOR:.0f} times the usual one is not learnt."
    ]


def shelf_words(series: Series, censored: int, target: Target) -> tuple[str, ...]:
    """What the reported days without stock did to the history."""
    if series.out is None or not series.out.any():
        return ()
    word, touched = series.period.word, int((series.out > 0).sum())
    if target is Target.RECORDED:
        return (
            f"Stock was missing in {touched} {word}(s): learnt as recorded, since what will be "
            "recorded is forecast.",
        )
    return (
        f"Stock was missing in {touched} {word}(s), in {censored} of them most of the time: "
        "scaled to the days with stock, or filled with what was usual, not learnt as no need.",
    )


def ran_away(mean: NDArray[np.float64], values: NDArray[np.float64]) -> bool:
    """Whether a mean leaves everything that was ever seen far behind: no method may."""
    highest = float(values.max()) if len(values) else 0.0
    return float(mean.max()) > RUNAWAY_FACTOR * max(highest, 1.0)
