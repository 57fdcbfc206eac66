"""Drift: whether the scores given of late still look like those of the training visits.

The knots of a calibration are quantiles of the training scores, so they say which share of
the visits lay below each. The population stability index compares those shares with what was
answered lately; under 0.1 nothing moved, over 0.25 the model should be looked at.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

# Share of the training visits that lie below each knot of a calibration
KNOT_SHARES: tuple[float, ...] = (
    *(float(share) for share in np.linspace(0.005, 0.9, 18)),
    0.93,
    0.95,
    0.965,
    0.975,
    0.985,
    0.99,
    0.995,
    0.998,
    0.9995,
)
EVERY = 3  # knots in one class: a class holds a few percent at least
WINDOW = 2000  # answers looked back on
FEWEST = 200  # fewer say nothing


@dataclass(slots=True)
class Drift:
    """Population stability index over the last answers. Chances are calibrated ones."""

    edges: Sequence[float]
    expected: Sequence[float]
    _seen: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOW))

    @staticmethod
    def of(knot_chances: Sequence[float]) -> Drift | None:
        """For a calibration with these chances at its knots; None when knots fell together."""
        if len(knot_chances) != len(KNOT_SHARES):
            return None
        edges = list(knot_chances[1 : len(knot_chances) - 4 : EVERY])
        below = list(KNOT_SHARES[1 : len(KNOT_SHARES) - 4 : EVERY])
        shares = [b - a for a, b in zip([0.0, *below], [*below, 1.0], strict=True)]
        return Drift(edges, shares)

    def add(self, chance: float) -> None:
        self._seen.append(bisect_right(self.edges, chance))

    def index(self) -> float | None:
        """Sum of (seen - expected) log(seen / expected); None before enough was seen."""
        if len(self._seen) < FEWEST:
            return None
        counts = [0] * len(self.expected)
        for place in self._seen:
            counts[place] += 1
        total = len(self._seen) + 0.5 * len(counts)  # an empty class is not an infinite one
        shares = [(count + 0.5) / total for count in counts]
        return sum((s - e) * math.log(s / e) for s, e in zip(shares, self.expected, strict=True))
