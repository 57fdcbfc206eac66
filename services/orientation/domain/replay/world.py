"""A day as it happens whoever orients: every draw is made before the play begins.

Both ways of orienting meet the same calls at the same minutes, the same vehicles, the same
crowd of walk-in patients and the same luck on the road, so that they differ by choice alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from services.orientation.domain.facilities import Facility
from services.orientation.domain.pathways import Need
from services.orientation.domain.severity import Band
from services.orientation.domain.typed import TypedUpdate

Counts = npt.NDArray[np.int64]
TICK_MIN = 15  # the crowd of walk-in patients changes, and sites may count, this often


@dataclass(frozen=True, slots=True)
class Call:
    """One patient who will be carried. `truth` is what nobody knows when the call comes.

    `road` stretches every travel time of this patient, `box_min` is how long a box is held.
    """

    number: int
    minute: float
    latitude: float
    longitude: float
    said: TypedUpdate  # on the phone
    measured: TypedUpdate  # with the vital signs that the team takes
    truth: tuple[Need, ...]
    grave: bool
    on_scene_min: float
    box_min: float
    road: float


@dataclass(frozen=True, slots=True)
class Stand:
    """A vehicle and where it waits."""

    vehicle_id: str
    vehicle_type: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Hospital:
    """A site with boxes; `crowd` is how many walk-in patients hold one, tick after tick."""

    facility: Facility
    boxes: int
    crowd: Counts = field(repr=False)
    counts_at: int  # which tick of the hour its count is sent on

    def crowd_at(self, minute: float) -> int:
        """Nobody once the crowd that was drawn is over: a play must end."""
        tick = int(minute // TICK_MIN)
        return int(self.crowd[tick]) if tick < self.crowd.size else 0


@dataclass(frozen=True, slots=True)
class World:
    begin: datetime
    calls: tuple[Call, ...]
    stands: tuple[Stand, ...]
    hospitals: tuple[Hospital, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one patient went through; minutes are counted from the call."""

    number: int
    band: Band  # as scored from the call
    grave: bool
    team_min: float  # until the first team was there
    arrival_min: float
    box_wait_min: float
    wrong: bool  # the first site lacks something that turned out to be needed
    wrong_known: bool  # ... or something that the call itself asked for
    right_care_min: float  # a box in a site that has all that turned out to be needed
    site: str

    @property
    def right_care_without_box_wait_min(self) -> float:
        return self.right_care_min - self.box_wait_min
