"""Places that are left while casualties are placed one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.orientation.domain.distribution.problem import ANY, CATEGORIES, Problem
from services.orientation.domain.distribution.terms import place_prices


class Room:
    """Reserved places go first, then shared ones: nobody who fits is turned away by order."""

    def __init__(self, problem: Problem) -> None:
        kinds = (*CATEGORIES, ANY)
        self._left = np.array(
            [[len(place_prices(problem, site, kind)) for site in problem.sites] for kind in kinds],
            dtype=np.int64,
        ).reshape(len(kinds), len(problem.sites))

    def able(self, category: str) -> npt.NDArray[np.bool_]:
        """The sites that have a place for this category."""
        return np.asarray((self._left[CATEGORIES.index(category)] > 0) | (self._left[-1] > 0))

    def take(self, site: int, category: str) -> None:
        """One place fewer; a site that is already full stays full."""
        own = CATEGORIES.index(category)
        row = own if self._left[own, site] > 0 else -1
        self._left[row, site] = max(0, self._left[row, site] - 1)
