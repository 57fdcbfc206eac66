"""Travel time: a built-in distance model, and what a router of real roads adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

# Crow-fly distances are lengthened by this factor to road distances (France: 1.2 to 1.4).
ROAD_FACTOR = 1.3
# The model is off by about a quarter either way; more in mountains and on islands.
RELATIVE_ERROR = 0.25
TOWN_KM = 8.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speed:
    """km/h in town and on the road beyond, minutes lost at both ends."""

    town: float
    road: float
    ends_min: float
    slowed_by_traffic: bool = True


SPEEDS = {
    "SMUR": Speed(45, 85, 2.0),
    "SIS": Speed(40, 75, 2.5),
    "TSU": Speed(32, 72, 3.0),
    "HELICOPTER": Speed(200, 220, 12.0, slowed_by_traffic=False),
}
RUSH_HOURS = frozenset((7, 8, 17, 18))
NIGHT_HOURS = frozenset((22, 23, 0, 1, 2, 3, 4, 5))
RUSH_FACTOR, NIGHT_FACTOR = 0.85, 1.1
# A router gives the minutes of an ordinary car on an empty road. With a siren a vehicle
# needs this share of them; what is left unknown is smaller than with the crow.
SIREN_SHARE = {"SMUR": 0.8, "SIS": 0.9}
ROAD_RELATIVE_ERROR = 0.15


class Roads(Protocol):
    """A router of real roads, as far as it has answered already; never waited for."""

    def car_minutes(self, latitude: float, longitude: float, sites: Sequence[str]) -> Floats | None:
        """Minutes by car to each site (geographic FINESS), NaN where it does not know."""
        ...


def speed_of(vehicle_type: str) -> Speed:
    if "HELI" in vehicle_type:
        return SPEEDS["HELICOPTER"]
    return SPEEDS.get(vehicle_type.partition(".")[0], SPEEDS["TSU"])


def traffic(local_hour: int) -> float:
    """Speed of the hour as a share of the usual one."""
    if local_hour in RUSH_HOURS:
        return RUSH_FACTOR
    return NIGHT_FACTOR if local_hour in NIGHT_HOURS else 1.0


@lru_cache(maxsize=1024)
def _paces(vehicle_type: str, local_hour: int) -> tuple[float, float, float]:
    """Minutes a crow-fly kilometre on the road, what one in town costs more, and at both ends."""
    speed = speed_of(vehicle_type)
    if not speed.slowed_by_traffic:
        return 60.0 / speed.road, 0.0, speed.ends_min
    factor = traffic(local_hour)
    beyond = ROAD_FACTOR * 60.0 / (speed.road * factor)
    return beyond, ROAD_FACTOR * 60.0 / (speed.town * factor) - beyond, speed.ends_min


def crow_minutes(crow_fly_km: Floats, vehicle_type: str, local_hour: int) -> Floats:
    """Minutes on the way for each distance, within RELATIVE_ERROR either way."""
    beyond, slower, ends = _paces(vehicle_type, local_hour)
    minutes = np.minimum(crow_fly_km, TOWN_KM / ROAD_FACTOR)
    minutes *= slower
    minutes += crow_fly_km * beyond
    minutes += ends
    return np.asarray(minutes)


def road_minutes(car_minutes: Floats, vehicle_type: str, local_hour: int) -> Floats:
    """Minutes on the way from those of a car, within ROAD_RELATIVE_ERROR; NaN stays NaN."""
    speed = speed_of(vehicle_type)
    if not speed.slowed_by_traffic:
        return np.full_like(car_minutes, np.nan)  # a helicopter takes no road
    share = SIREN_SHARE.get(vehicle_type.partition(".")[0], 1.0)
    return np.asarray(speed.ends_min + car_minutes * share / traffic(local_hour))


def travel_minutes(crow_fly_km: float, vehicle_type: str, local_hour: int) -> float:
    """The same for one distance."""
    return float(crow_minutes(np.asarray(crow_fly_km), vehicle_type, local_hour))
