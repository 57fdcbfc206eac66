"""How long those wait who get nothing now: the second round, with the vehicles that return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.orientation.domain.distribution.cost import seats_of
from services.orientation.domain.distribution.problem import Allocation, Problem
from services.orientation.domain.distribution.room import Room
from services.orientation.domain.distribution.tables import (
    Floats,
    Tables,
    kilometres,
    minutes_of,
)
from services.orientation.domain.distribution.terms import category_of, weight

ON_SCENE_MIN = 15.0  # with the patient before leaving
HAND_OVER_MIN = 20.0  # at the hospital before the vehicle is free again
NO_SEAT, NO_PLACE, COVER, NOT_WORTH = "NO_SEAT", "NO_PLACE", "COVER_KEPT", "TOO_FAR"


@dataclass(frozen=True, slots=True)
class Wait:
    """Why somebody waits, and minutes until a vehicle can be there; None when nobody can say."""

    reason: str
    minutes: float | None


def waits(problem: Problem, tables: Tables, allocation: Allocation) -> dict[str, Wait]:
    """Of every casualty without a site: the heaviest first takes the next vehicle that is free.

    A vehicle is free again after the way to its patient, ON_SCENE_MIN, the ride and
    HAND_OVER_MIN; it then starts from the hospital. One that was kept back for cover may be
    asked for at once, which the reason says. Without any place left the wait is unknown.
    """
    row_of = {c.casualty_id: row for row, c in enumerate(problem.casualties)}
    rows = [row_of[a.casualty_id] for a in allocation.assignments if a.waits]
    rows.sort(key=lambda r: (-weight(problem.casualties[r]), problem.casualties[r].casualty_id))
    if not rows:
        return {}
    fleet = _Fleet(problem, tables, allocation, row_of)
    room = Room(problem)
    site_of = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    for chosen in allocation.assignments:
        if not chosen.waits:
            casualty = problem.casualties[row_of[chosen.casualty_id]]
            room.take(site_of[chosen.finess_geo], category_of(casualty))
    found: dict[str, Wait] = {}
    for row in rows:
        casualty = problem.casualties[row]
        able = room.able(category_of(casualty))
        if not able.any():
            found[casualty.casualty_id] = Wait(NO_PLACE, None)
        elif casualty.loaded_in:
            found[casualty.casualty_id] = Wait(NOT_WORTH, None)
        else:
            site = int(np.argmin(np.where(able, tables.delivery[row], np.inf)))
            found[casualty.casualty_id] = wait = fleet.send(row, site)
            if wait.minutes is not None:
                room.take(site, category_of(casualty))
    return found


class _Fleet:
    """When each vehicle may be sent again, and how far it then is from everybody."""

    def __init__(
        self, problem: Problem, tables: Tables, allocation: Allocation, row_of: dict[str, int]
    ) -> None:
        self.problem, self.tables = problem, tables
        self.free_at = np.array(
            [0.0 if seats_of(v) else np.inf for v in problem.vehicles], dtype=np.float64
        )
        self.way = tables.scene.copy()  # [casualty, vehicle] from where it will be sent
        self.sent = [False] * len(problem.vehicles)
        km = kilometres(
            [(c.latitude, c.longitude) for c in problem.casualties],
            [(s.facility.latitude, s.facility.longitude) for s in problem.sites],
        )
        kinds = {v.vehicle_type for v in problem.vehicles}
        self.back = {kind: minutes_of(km, kind, problem.local_hour) for kind in kinds}
        self._first_round(allocation, row_of)

    def _first_round(self, allocation: Allocation, row_of: dict[str, int]) -> None:
        column_of = {v.vehicle_id: i for i, v in enumerate(self.problem.vehicles)}
        site_of = {s.facility.finess_geo: i for i, s in enumerate(self.problem.sites)}
        for chosen in allocation.assignments:
            if not chosen.vehicle_id:
                continue
            at, row = column_of[chosen.vehicle_id], row_of[chosen.casualty_id]
            if chosen.waits:
                self.free_at[at] = np.inf  # it stands with its patient until a place is found
                continue
            site = site_of[chosen.finess_geo]
            busy = self.tables.scene[row, at] + self.tables.ride[row, site] + HAND_OVER_MIN
            busy += 0.0 if self.problem.casualties[row].loaded_in else ON_SCENE_MIN
            if busy > self.free_at[at]:
                self._return(at, site, float(busy))

    def _return(self, vehicle: int, site: int, minutes: float) -> None:
        """The vehicle starts again from this site at this minute."""
        self.free_at[vehicle] = minutes
        self.way[:, vehicle] = self.back[self.problem.vehicles[vehicle].vehicle_type][:, site]
        self.sent[vehicle] = True

    def send(self, row: int, site: int) -> Wait:
        """The first vehicle that can be there goes; the fleet remembers it."""
        if not np.isfinite(self.free_at).any():
            return Wait(NO_SEAT, None)
        reach: Floats = self.free_at + self.way[row]
        first = int(np.argmin(reach))
        reason = NO_SEAT
        if not self.sent[first]:
            reason = COVER if self.problem.cover else NOT_WORTH
        minutes = float(reach[first])
        ride = float(self.tables.ride[row, site])
        self._return(first, site, minutes + ON_SCENE_MIN + ride + HAND_OVER_MIN)
        return Wait(reason, minutes)
