"""The day itself: events in the order of time, with an orienter that only sees what is known."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from services.orientation.domain.pathways import Need
from services.orientation.domain.places import distance_km
from services.orientation.domain.replay.world import (
    TICK_MIN,
    Call,
    Hospital,
    Seen,
    Stand,
    World,
)
from services.orientation.domain.severity import Band
from services.orientation.domain.travel import travel_minutes

HAND_OVER_MIN = 20.0
# A patient in the wrong place: until a transfer is agreed on, and what handing over takes.
TRANSFER_MIN, TRANSFER_HAND_OVER_MIN = 45.0, 10.0
CARRIER = "TSU.AMB-GV"
COUNT_EVERY_TICKS = 2  # a site sends its count of free boxes every half hour


@dataclass(slots=True)
class Unit:
    """A vehicle of the day: where it is, and from when it is free."""

    stand: Stand
    free_at: float = 0.0
    latitude: float = 0.0
    longitude: float = 0.0

    def place(self, minute: float, hour: int) -> tuple[float, float]:
        """Where it was left; back at its stand once it had the time to drive there."""
        home = (self.stand.latitude, self.stand.longitude)
        km = distance_km(self.latitude, self.longitude, *home)
        way = travel_minutes(km, self.stand.vehicle_type, hour)
        return home if minute - self.free_at >= way else (self.latitude, self.longitude)


@dataclass(slots=True)
class Ward:
    """A hospital of the day: who holds a box, who waits for one, what it last told."""

    hospital: Hospital
    inside: int = 0
    queue: list[tuple[int, float, int]] = field(default_factory=list)  # band, since, call
    told_free: int = 0
    told_at: float = 0.0

    def free(self, minute: float) -> int:
        return self.hospital.boxes - self.hospital.crowd_at(minute) - self.inside


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call that no vehicle was sent to yet."""

    call: Call
    band: Band


@dataclass(frozen=True, slots=True)
class Present:
    """What an orienter may look at: nothing of the truth but what was told."""

    minute: float
    hour: int
    waiting: Sequence[Waiting]
    units: Sequence[Unit]
    wards: Sequence[Ward]


class Orienter(Protocol):
    """A way to orient."""

    def hear(self, call: Call, minute: float) -> Band:
        """The call comes: how severe it is."""
        ...

    def send(self, now: Present) -> list[tuple[int, int]]:
        """(place among the waiting, place among the units) of vehicles that leave now."""
        ...

    def bring(self, call: Call, now: Present) -> int:
        """The patient is on board: which ward to drive to."""
        ...

    def known_needs(self, call: Call) -> tuple[Need, ...]:
        """What the call itself asked for."""
        ...


class Kind(IntEnum):
    """What happens; at the same minute the lower goes first."""

    TICK = 0
    BOX = 1
    CALL = 2
    FREE = 3
    DEPART = 4
    ARRIVE = 5


@dataclass(slots=True)
class _Trip:
    call: Call
    band: Band
    unit: int
    team_min: float
    ward: int = -1
    arrival_min: float = 0.0


class Day:
    """Plays one world with one orienter, to the last patient."""

    def __init__(self, world: World, orienter: Orienter) -> None:
        self.world, self.orienter = world, orienter
        self.units = [Unit(stand, 0.0, stand.latitude, stand.longitude) for stand in world.stands]
        self.wards = [Ward(hospital) for hospital in world.hospitals]
        self.waiting: list[Waiting] = []
        self.trips: dict[int, _Trip] = {}
        self.seen: list[Seen] = []
        self._events: list[tuple[float, Kind, int, int]] = []
        self._count = 0

    def play(self) -> tuple[Seen, ...]:
        """What every patient went through, in the order of the calls."""
        for call in self.world.calls:
            self._at(call.minute, Kind.CALL, call.number)
        for ward in self.wards:
            ward.told_free = max(0, ward.free(0.0))
        self._at(0.0, Kind.TICK, 0)
        while self._events and len(self.seen) < len(self.world.calls):
            minute, kind, _, what = heapq.heappop(self._events)
            self._happen(minute, kind, what)
        return tuple(sorted(self.seen, key=lambda s: s.number))

    def _at(self, minute: float, kind: Kind, what: int) -> None:
        self._count += 1
        heapq.heappush(self._events, (minute, kind, self._count, what))

    def _hour(self, minute: float) -> int:
        return (self.world.begin.hour + int(minute // 60)) % 24

    def _present(self, minute: float) -> Present:
        return Present(minute, self._hour(minute), self.waiting, self.units, self.wards)

    def _happen(self, minute: float, kind: Kind, what: int) -> None:
        if kind is Kind.TICK:
            self._tick(minute, what)
        elif kind is Kind.BOX:
            self.wards[what].inside -= 1
            self._admit(what, minute)
        elif kind is Kind.CALL:
            call = self.world.calls[what]
            self.waiting.append(Waiting(call, self.orienter.hear(call, minute)))
            self._send(minute)
        elif kind is Kind.FREE:
            self._send(minute)
        elif kind is Kind.DEPART:
            self._depart(minute, self.trips[what])
        else:
            self._arrive(minute, self.trips[what])

    def _tick(self, minute: float, number: int) -> None:
        for at, ward in enumerate(self.wards):
            self._admit(at, minute)
            if number % COUNT_EVERY_TICKS == ward.hospital.counts_at:
                ward.told_free, ward.told_at = max(0, ward.free(minute)), minute
        self._at(minute + TICK_MIN, Kind.TICK, number + 1)

    def _send(self, minute: float) -> None:
        if not self.waiting:
            return
        now = self._present(minute)
        leaving = self.orienter.send(now)
        for at, unit_at in leaving:
            waiting, unit = self.waiting[at], self.units[unit_at]
            call = waiting.call
            if unit.free_at > minute:
                raise AssertionError(f"{unit.stand.vehicle_id} was sent while it was busy")
            km = distance_km(*unit.place(minute, now.hour), call.latitude, call.longitude)
            way = call.road * travel_minutes(km, unit.stand.vehicle_type, now.hour)
            there = minute + way
            unit.free_at = float("inf")
            self.trips[call.number] = _Trip(call, waiting.band, unit_at, there - call.minute)
            self._at(there + call.on_scene_min, Kind.DEPART, call.number)
        gone = {at for at, _ in leaving}
        self.waiting = [w for at, w in enumerate(self.waiting) if at not in gone]

    def _depart(self, minute: float, trip: _Trip) -> None:
        call = trip.call
        trip.ward = self.orienter.bring(call, self._present(minute))
        at = self.wards[trip.ward].hospital.facility
        km = distance_km(call.latitude, call.longitude, at.latitude, at.longitude)
        way = call.road * travel_minutes(km, CARRIER, self._hour(minute))
        self._at(minute + way, Kind.ARRIVE, call.number)

    def _arrive(self, minute: float, trip: _Trip) -> None:
        unit, ward = self.units[trip.unit], self.wards[trip.ward]
        trip.arrival_min = minute - trip.call.minute
        unit.free_at = minute + HAND_OVER_MIN
        at = ward.hospital.facility
        unit.latitude, unit.longitude = at.latitude, at.longitude
        self._at(unit.free_at, Kind.FREE, trip.unit)
        heapq.heappush(ward.queue, (int(trip.band), minute, trip.call.number))
        self._admit(trip.ward, minute)

    def _admit(self, at: int, minute: float) -> None:
        """Boxes that are free take who waits, the gravest first."""
        ward = self.wards[at]
        while ward.queue and ward.free(minute) > 0:
            _, since, number = heapq.heappop(ward.queue)
            ward.inside += 1
            trip = self.trips.pop(number)
            self._at(minute + trip.call.box_min, Kind.BOX, at)
            self.seen.append(self._told(trip, ward, minute - since, minute))

    def _told(self, trip: _Trip, ward: Ward, waited: float, minute: float) -> Seen:
        call, site = trip.call, ward.hospital.facility
        wrong = bool(lacking(site.capabilities, call.truth))
        right = trip.arrival_min + waited
        if wrong:
            right += TRANSFER_MIN + self._transfer(call, ward, minute) + TRANSFER_HAND_OVER_MIN
        return Seen(
            call.number,
            trip.band,
            call.grave,
            trip.team_min,
            trip.arrival_min,
            waited,
            wrong,
            bool(lacking(site.capabilities, self.orienter.known_needs(call))),
            right,
            site.finess_geo,
        )

    def _transfer(self, call: Call, ward: Ward, minute: float) -> float:
        """Minutes to the nearest site that has all that turned out to be needed."""
        here = ward.hospital.facility
        able = [
            other.hospital.facility
            for other in self.wards
            if not lacking(other.hospital.facility.capabilities, call.truth)
        ]
        km = min(distance_km(here.latitude, here.longitude, f.latitude, f.longitude) for f in able)
        return call.road * travel_minutes(km, CARRIER, self._hour(minute))


def lacking(capabilities: frozenset[str], needs: Sequence[Need]) -> list[Need]:
    return [need for need in needs if capabilities.isdisjoint(need.codes)]
