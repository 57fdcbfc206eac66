"""What may drive demand: a calendar, known ahead, or a signal, known up to now."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from services.demand.domain.tables import Array


class Kind(Enum):
    """A calendar says what the coming periods are; a signal leads demand by some periods."""

    CALENDAR = "calendar"
    SIGNAL = "signal"


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver of n series over T known periods and, a calendar only, the h that follow.

    `values` [n or 1, T + h]: one row for all series or one a series; NaN where not known.
    A signal is an amount of 0 or more (calls, acts); a calendar counts days of a kind.
    """

    name: str
    kind: Kind
    values: Array = field(repr=False)

    def of(self, row: int) -> Array:
        """[T + h] as it is for one series."""
        return np.asarray(self.values[min(row, len(self.values) - 1)])

    def since(self, start: int) -> Driver:
        """The same from period `start` on, for a series that began then."""
        return Driver(self.name, self.kind, self.values[:, start:])

    def until(self, length: int) -> Driver:
        """The driver as it was known after `length` periods.

        What a calendar said of the future was known; what a signal said was not.
        """
        if self.kind is Kind.CALENDAR:
            return self
        return Driver(self.name, self.kind, self.values[:, :length])


def filled_forward(values: Array) -> Array:
    """The last known value at or before each period; the first known one before that.

    All zeros when nothing is known.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values))
    place = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    place = np.where(place < 0, int(np.argmax(known)), place)
    return np.asarray(values[place])
