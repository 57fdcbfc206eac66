"""What makes a forecast fit to be shown: whole numbers, parts in words, cautions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.demand.domain.classes import SHORTEST, DemandClass, Profile
from services.demand.domain.forecasts import Driver
from services.demand.domain.series import Series
from services.demand.domain.tables import Array

# A part below this share of the mean is not worth a word.
LEAST_SHARE = 0.005
# More than this share of the last year without stock: too little was seen.
CENSORED_TOO_MUCH = 0.5
PART_WORDS: Mapping[str, str] = {
    "level": "the level of the last periods",
    "slope": "a steady rise or fall",
    "season": "the time of the year or week",
    "calendar": "working days and holidays",
    "year": "steps at New Year",
    "patterns": "patterns shared by many items",
    "common": "the course common to all items",
    "group": "the course of its group",
}


def is_whole(values: Array) -> bool:
    """Whether a history counts whole units: then its quantiles are whole too."""
    return bool(len(values)) and bool((values == np.round(values)).all()) and bool(values.any())


def whole(quantiles: Array) -> Array:
    """Whole quantiles: the count whose half-open unit holds the quantile of the curve.

    A curve through whole numbers stands half a unit above and below each of them (the
    continuity correction), so the nearest count is the count's own quantile.
    """
    return np.asarray(np.floor(np.maximum(quantiles, 0.0) + 0.5))


def drivers_of(
    parts: Mapping[str, Array], mean: Array, words: Mapping[str, str] | None = None
) -> tuple[Driver, ...]:
    """The parts of one series [h] in words, the largest first; they add up to `mean`.

    Parts too small to matter are counted with the level, but for those of `words`: they were
    switched on for this series, and say so in these words.
    """
    said = words or {}
    if not parts:
        return ()
    size = {name: float(np.abs(values).sum()) for name, values in parts.items()}
    least = LEAST_SHARE * float(np.abs(mean).sum())
    kept = {n: v for n, v in parts.items() if n != "level" and (size[n] > least or n in said)}
    level = mean - np.sum([*kept.values(), np.zeros_like(mean)], axis=0)
    shown = sorted(kept.items(), key=lambda part: -size[part[0]])
    return tuple(
        Driver(
            name,
            said.get(name) or _words(name, values),
            tuple(float(value) for value in values),
        )
        for name, values in (("level", level), *shown)
    )


def _words(name: str, values: Array) -> str:
    said = PART_WORDS.get(name, f"the signal {name}")
    if name == "level":
        return f"{said.capitalize()} gives {float(values.mean()):.3g} a period on average."
    low, high = float(values.min()), float(values.max())
    if high - low < 0.01 * max(abs(low), abs(high)):
        return f"{said.capitalize()}: {low:+.3g} in each period."
    return f"{said.capitalize()}: between {low:+.3g} and {high:+.3g}."


def cautions_of(series: Series, seen: Profile, *, wrong_units: int, censored: int) -> list[str]:
    """Why the forecast of a series must not be acted on without a look."""
    word = series.period.word
    found = []
    if not seen.used:
        found.append(f"Never used in {seen.periods} {word}s: there is nothing to go by.")
    if seen.demand_class is DemandClass.NEW:
        found.append(
            f"Only {seen.periods} {word}(s) known, {SHORTEST[series.period]} are needed: this is "
            "the level of its class, not its own."
        )
    if wrong_units:
        found.append(
            f"{wrong_units} {word}(s) look like a wrong unit and were not learnt: if they are "
            "right, the forecast is far too low."
        )
    if series.unseen > 1:
        found.append(
            f"The site has reported nothing for {series.unseen} whole {word}s: what changed "
            "since is not known."
        )
    if censored > CENSORED_TOO_MUCH * min(seen.periods, _year(series)):
        found.append(
            f"No stock in {censored} of the last {min(seen.periods, _year(series))} {word}s: the "
            "need then is a guess from the periods around."
        )
    return found


def _year(series: Series) -> int:
    return {"day": 365, "week": 52, "month": 12}[series.period.word]
