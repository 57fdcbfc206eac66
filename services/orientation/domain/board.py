"""The board: open cases, vehicles and bed counts as a call centre wants to see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.orientation.domain.facilities import Facility
from services.orientation.domain.modes import Mode
from services.orientation.domain.severity import Band
from services.orientation.domain.vehicles import Vehicle

MOST = 500
LONGEST_OPEN = timedelta(hours=24)  # a case that nobody touched for a day is not shown
# HubSante.etat from the end of the active phase on
ENDED = frozenset(("ACHEVE", "VALIDE", "CLOTURE", "CLASSE", "ARCHIVE"))


@dataclass(frozen=True, slots=True)
class OpenCase:
    """`key` is the keyed hash of the case id."""

    key: str
    exercise: bool
    band: Band
    department: str
    owner: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Board:
    """One look at everything; `open_cases` counts all of them, the lists hold up to MOST."""

    at: datetime
    open_cases: int
    cases: tuple[OpenCase, ...] = field(repr=False)
    vehicles: tuple[Vehicle, ...] = field(repr=False)
    facilities: tuple[Facility, ...] = field(repr=False)
    mode: Mode


def counted_first(facilities: Iterable[Facility]) -> tuple[Facility, ...]:
    """Facilities that told of free beds, the oldest count first: what to ask about next."""
    told = [(count.updated, f) for f in facilities if (count := f.free_beds()) is not None]
    told.sort(key=lambda pair: (pair[0], pair[1].finess_geo))
    return tuple(facility for _, facility in told[:MOST])
