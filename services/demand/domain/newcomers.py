"""Forecasts for items too new to judge: what like items use, shrunk toward their own as it comes.

The level of a newcomer is overall + class + site + item, on a log scale: the class along its
code (ATC: the anatomical group, then finer), the site's own weight, and the same item at other
sites. Each part is believed by the number of series that it was seen on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Periods of an item's own that weigh as much as its like, at least and at most: few where single
# periods are alike and the like are mixed, many where it is the other way round.
LEAST_PRIOR, MOST_PRIOR = 0.05, 24.0
# Spread of log levels within a class nobody knows: a factor of 2.7 either way.
UNKNOWN_SPREAD = 1.0
# No amount of anything is smaller: the logarithm of a level must be a number.
LEAST_LEVEL = 1e-9
# Levels that differ by more than a factor of 50 either way are no class: nobody knows more.
MOST_SPREAD = 4.0
# Series that must share a class or a site for half of what they have in common to be believed.
HALF_BELIEVED = 3.0
# The same item elsewhere says more: one other site is believed by two thirds.
ITEM_HALF_BELIEVED = 0.5
# Series of a class that the scatter of single periods is taken from; of all series when fewer.
LEAST_MEMBERS = 3
GRID = (np.arange(199) + 0.5) / 199
KEPT = 2000
# An ATC code is read at its five levels: J, J01, J01C, J01CA, J01CA04.
ATC = re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?")
ATC_LEVELS = (1, 3, 4, 5, 7)


class Like(NamedTuple):
    """A series long enough to judge, and what is alike in it."""

    item_id: str
    site_id: str
    item_class: str
    values: Array


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of a newcomer's like: `level` of a period, `spread` the standard deviation
    of its logarithm, `ratios` the sorted amounts of single periods over their series' mean.
    `seen`: in words, how many series said so."""

    level: float
    spread: float
    ratios: Array = field(repr=False)
    seen: str


def class_path(item_class: str) -> tuple[str, ...]:
    """A class and what it belongs to, the widest first; an ATC code has up to five levels."""
    if not item_class:
        return ()
    if ATC.fullmatch(item_class):
        return tuple(item_class[:n] for n in ATC_LEVELS if n <= len(item_class))
    return (item_class,)


@dataclass(frozen=True, slots=True)
class Crowd:
    """All that the series long enough to judge say about one that is not."""

    everyone: Array
    classes: Mapping[str, tuple[float, int]]
    sites: Mapping[str, tuple[float, int]]
    items: Mapping[str, tuple[float, int]]
    spread: float
    ratios: Mapping[str, Array] = field(repr=False)

    def usual(self, item_id: str, site_id: str, item_class: str) -> Usual:
        """What is usual for an item at a site where it is new."""
        if not len(self.everyone):
            return nobody()
        level = float(self.everyone.mean())
        path = [name for name in class_path(item_class) if name in self.classes]
        level += sum(self.classes[name][0] for name in path)
        site, here = self.sites.get(site_id, (0.0, 0))
        item, elsewhere = self.items.get(item_id, (0.0, 0))
        doubt = ITEM_HALF_BELIEVED / (ITEM_HALF_BELIEVED + elsewhere)
        told = []
        if elsewhere:
            told.append(f"the same item at {elsewhere} other site(s)")
        if path:
            told.append(f"{self.classes[path[-1]][1]} item(s) of class {path[-1]}")
        if here:
            told.append(f"{here} item(s) of this site")
        fitting = [name for name in ("", *path) if name in self.ratios]
        return Usual(
            float(np.exp(level + site + item)),
            self.spread * float(np.sqrt(0.3 + 0.7 * doubt)),
            self.ratios[fitting[-1]],
            ", ".join(told) or f"{len(self.everyone)} item(s) of other classes and sites",
        )


def learn(series: Iterable[Like]) -> Crowd:
    """What the used ones among these series have in common."""
    used = [one for one in series if len(one.values) and one.values.mean() > LEAST_LEVEL]
    logs = np.log([float(one.values.mean()) for one in used]) if used else np.zeros(0)
    left = logs - logs.mean() if len(logs) else logs
    paths = [class_path(one.item_class) for one in used]
    classes: dict[str, tuple[float, int]] = {}
    for depth in range(max((len(path) for path in paths), default=0)):
        names = [path[depth] if depth < len(path) else "" for path in paths]
        found, left = _effects(names, left, HALF_BELIEVED)
        classes |= found
    sites, left = _effects([one.site_id for one in used], left, HALF_BELIEVED)
    items, _ = _effects([one.item_id for one in used], left, ITEM_HALF_BELIEVED)
    spread = float(np.sqrt((np.sum(left**2) + UNKNOWN_SPREAD**2) / (len(left) + 1)))
    return Crowd(logs, classes, sites, items, min(spread, MOST_SPREAD), _ratios(used, paths))


def _effects(
    names: Sequence[str], left: Array, half: float
) -> tuple[dict[str, tuple[float, int]], Array]:
    """name -> (effect, series), shrunk, and what they leave open; "" has no effect."""
    members: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if name:
            members.setdefault(name, []).append(place)
    found, rest = {}, left.copy()
    for name, places in members.items():
        effect = float(left[places].sum() / (len(places) + half))
        found[name] = (effect, len(places))
        rest[places] -= effect
    return found, rest


def _ratios(used: Sequence[Like], paths: Sequence[tuple[str, ...]]) -> dict[str, Array]:
    grouped: dict[str, list[Array]] = {}
    for one, path in zip(used, paths, strict=True):
        for name in ("", *path):
            grouped.setdefault(name, []).append(one.values / one.values.mean())
    return {
        name: _thinned(np.sort(np.concatenate(members)))
        for name, members in grouped.items()
        if not name or len(members) >= LEAST_MEMBERS
    }


def _thinned(ratios: Array) -> Array:
    if len(ratios) <= KEPT:
        return ratios
    return np.asarray(np.quantile(ratios, (np.arange(KEPT) + 0.5) / KEPT))


def nobody() -> Usual:
    """Nothing is known: about one unit a period, exponential amounts."""
    return Usual(1.0, 2 * UNKNOWN_SPREAD, -np.log1p(-GRID), "nothing: no other item is known")


def prior_weight(known: Usual) -> float:
    """Periods that the like are worth: the variance of one period over that between items.

    Both relative to a level; the usual weights of an empirical Bayes estimate.
    """
    weight = float(np.var(known.ratios)) / max(known.spread, 1e-9) ** 2
    return float(np.clip(weight, LEAST_PRIOR, MOST_PRIOR))


def own_weight(periods: int, known: Usual) -> float:
    """How much an item's own mean counts after so many periods; the rest is its like's."""
    return periods / (periods + prior_weight(known))


def predict(values: Array, known: Usual, levels: Sequence[float]) -> tuple[float, Array]:
    """(mean, quantiles) of one period: own mean and the like's level weighed by data held.

    Levels of like items scatter in ratio, so they are weighed as logarithms. Nothing used so far
    counts as at most one usual use still to come: it is not a level of 0. The distribution is
    the product of two: where the level may lie (narrower with each period of its own) and how
    single periods scatter around a level.
    """
    n = len(values)
    weight = own_weight(n, known)
    used = known.ratios[known.ratios > 0]
    usual = known.level * float(used.mean() if len(used) else 1.0)
    own = float(values.mean()) if np.any(values > 0) else usual / (n + 1)
    both = np.log(np.maximum([own, known.level], LEAST_LEVEL))
    centre = float(np.exp(weight * both[0] + (1 - weight) * both[1]))
    # Levels scatter log-normally around the centre; the logistic curve is close to the
    # normal one and needs no table.
    spread = known.spread * float(np.sqrt(1 - weight))
    steps = np.exp(spread * np.log(GRID / (1 - GRID)) / 1.702)
    ratios = np.quantile(known.ratios, GRID)
    amounts = centre * (steps[:, None] * ratios[None, :]).ravel()
    return float(amounts.mean()), np.asarray(np.quantile(amounts, levels), dtype=np.float64)


def words(periods: int, word: str, known: Usual) -> str:
    """Why a newcomer is forecast so, with the weights."""
    own = own_weight(periods, known)
    return (
        f"Only {periods} {word}(s) are known here, too few to judge this item by itself: its own "
        f"mean counts for {own:.0%}, what is usual for its like for {1 - own:.0%} (a level of "
        f"{known.level:.3g} a {word}, seen on {known.seen}). Its own counts more with each {word}."
    )
