"""The rule that everything is compared with: the gravest first, nearest vehicle, nearest place."""

from __future__ import annotations

from collections import Counter

import numpy as np

from services.orientation.domain.distribution.cost import seats_of
from services.orientation.domain.distribution.problem import (
    Allocation,
    Assignment,
    Casualty,
    Problem,
)
from services.orientation.domain.distribution.room import Room
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.terms import category_of

EMERGENCY = frozenset(("157", "249"))
LAST_MIN = 1e6  # a site without an emergency department comes after every other


def nearest_first(problem: Problem, tables: Tables) -> Allocation:
    """Each in turn takes the vehicle that is there first and the nearest site with a place.

    Sites with an emergency department come before the others; what else a patient needs is
    not asked. Who is already loaded or bound keeps what was fixed. Cover is not kept.
    """
    loaded = Counter(c.loaded_in for c in problem.casualties)
    seats = np.array([seats_of(v) - loaded[v.vehicle_id] for v in problem.vehicles])
    site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    room = Room(problem)
    emergency = [not EMERGENCY.isdisjoint(s.facility.capabilities) for s in problem.sites]
    ride = tables.ride + np.where(emergency, 0.0, LAST_MIN)
    chosen: dict[str, Assignment] = {}
    for row in sorted(range(len(problem.casualties)), key=lambda r: _turn(problem.casualties[r])):
        casualty = problem.casualties[row]
        bound = site_at[casualty.bound_for] if casualty.bound_for else None
        site = _site(casualty, bound, ride[row], room)
        vehicle = casualty.loaded_in
        if not vehicle and site is not None and (seats > 0).any():
            at = int(np.argmin(np.where(seats > 0, tables.scene[row], np.inf)))
            vehicle = problem.vehicles[at].vehicle_id
            seats[at] -= 1
        finess = ""
        if site is not None and vehicle:
            room.take(site, category_of(casualty))
            finess = problem.sites[site].facility.finess_geo
        chosen[casualty.casualty_id] = Assignment(casualty.casualty_id, vehicle, finess)
    return Allocation(tuple(chosen[c.casualty_id] for c in problem.casualties))


def _turn(casualty: Casualty) -> tuple[bool, bool, int, float, str]:
    """Who is on the way first, then who lies in a vehicle, then the gravest and longest waiting."""
    return (
        not (casualty.loaded_in and casualty.bound_for),
        not casualty.loaded_in,
        int(casualty.band),
        -casualty.waited_min,
        casualty.casualty_id,
    )


def _site(
    casualty: Casualty,
    bound: int | None,
    ride: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    room: Room,
) -> int | None:
    """The nearest with a place; who is on the way already is let in, full or not."""
    able = room.able(category_of(casualty))
    if bound is not None:
        return bound if casualty.loaded_in or able[bound] else None
    if not able.any():
        return None
    return int(np.argmin(np.where(able, ride, np.inf)))
