"""Travel time by a built-in distance model, for where no road router is at hand."""

from __future__ import annotations

from dataclasses import dataclass

# Crow-fly distances are lengthened by this factor to road distances (France: 1.2 to 1.4).
ROAD_FACTOR = 1.3
# The model is off by about a quarter either way; more in mountains and on islands.
RELATIVE_ERROR = 0.25
TOWN_KM = 8.0


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


def speed_of(vehicle_type: str) -> Speed:
    if "HELI" in vehicle_type:
        return SPEEDS["HELICOPTER"]
    return SPEEDS.get(vehicle_type.partition(".")[0], SPEEDS["TSU"])


def travel_minutes(crow_fly_km: float, vehicle_type: str, local_hour: int) -> float:
    """Minutes on the way, within RELATIVE_ERROR either way."""
    speed = speed_of(vehicle_type)
    if not speed.slowed_by_traffic:
        return speed.ends_min + 60.0 * crow_fly_km / speed.road
    factor = 1.0
    if local_hour in RUSH_HOURS:
        factor = RUSH_FACTOR
    elif local_hour in NIGHT_HOURS:
        factor = NIGHT_FACTOR
    distance = ROAD_FACTOR * crow_fly_km
    town = min(distance, TOWN_KM)
    hours = town / (speed.town * factor) + (distance - town) / (speed.road * factor)
    return speed.ends_min + 60.0 * hours
