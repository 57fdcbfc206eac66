"""Vehicles and teams as they are known now: the newest state and the newest position of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.orientation.domain.case import NEVER

# What GEO-POS calls a state → HubSante.statutVecteur; DISPONIBLE stands for a vehicle that is
# back and may be sent again.
POSITION_STATES = {
    "ALERTEE": "DECLENCHE",
    "PARTIE": "DEPART",
    "ARRIVEE_LIEU": "ARRIVEE",
    "TRANSPORT_DESTINATION": "TRANSP",
    "ARRIVEE_DESTINATION": "DESTIN",
    "FIN_MED": "FINPEC",
    "QUITTE_DEST": "RETOUR",
}
FREE_STATES = frozenset(("RETOUR", "RET-BASE", "REN-BASE", "ANNULE", "DISPONIBLE"))


@dataclass(frozen=True, slots=True)
class VehicleWord:
    """What one message says of one vehicle; what is left out says nothing."""

    resource_id: str
    exercise: bool = False
    owner: str = ""
    vehicle_type: str = ""
    state: str = ""
    state_time: datetime = NEVER
    latitude: float | None = None
    longitude: float | None = None
    position_time: datetime = NEVER
    case_id: str = ""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """`case_key` is the keyed hash of the case it is engaged on, "" when on none."""

    resource_id: str
    exercise: bool
    owner: str = ""
    vehicle_type: str = ""
    state: str = ""
    state_time: datetime = NEVER
    latitude: float | None = None
    longitude: float | None = None
    position_time: datetime = NEVER
    case_key: str = ""

    @property
    def free(self) -> bool:
        return self.state in FREE_STATES


def told(known: Vehicle | None, word: VehicleWord, case_key: str = "") -> Vehicle:
    """The vehicle after one more word. Newer wins; of two as old the greater text does.

    The same words in any order, any number of times, give the same vehicle.
    """
    vehicle = known or Vehicle(word.resource_id, word.exercise)
    vehicle = replace(
        vehicle,
        owner=max(vehicle.owner, word.owner),
        vehicle_type=max(vehicle.vehicle_type, word.vehicle_type),
    )
    if word.state and (word.state_time, word.state) > (vehicle.state_time, vehicle.state):
        vehicle = replace(vehicle, state=word.state, state_time=word.state_time, case_key=case_key)
    if word.latitude is not None and word.longitude is not None:
        place = (word.position_time, word.latitude, word.longitude)
        latitude, longitude = vehicle.latitude, vehicle.longitude
        if (
            latitude is None
            or longitude is None
            or place
            > (
                vehicle.position_time,
                latitude,
                longitude,
            )
        ):
            vehicle = replace(
                vehicle,
                latitude=word.latitude,
                longitude=word.longitude,
                position_time=word.position_time,
            )
    return vehicle


def owner_of(resource_id: str) -> str:
    """The SAMU in fr.health.samu440.resource.VLM4; "" where the id names none."""
    head, found, _ = resource_id.partition(".resource.")
    return head if found else ""
