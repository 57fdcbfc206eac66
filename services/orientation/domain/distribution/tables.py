"""The terms of a whole problem at once, as arrays: the same formulas, a hundred times faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from services.orientation.domain.distribution.cost import Cost, cover_cost, places_cost
from services.orientation.domain.distribution.problem import (
    FIRST_LINE,
    UR,
    Allocation,
    Problem,
)
from services.orientation.domain.distribution.terms import (
    CARRIER,
    CREW_MIN,
    ORSAN_UA_ELSEWHERE_MIN,
    ORSAN_UA_UNRANKED_MIN,
    ORSAN_UR_FIRST_LINE_MIN,
    category_of,
    crew_of,
    shortage_minutes,
    waiting,
    weight,
)
from services.orientation.domain.pathways import Need
from services.orientation.domain.places import EARTH_KM
from services.orientation.domain.travel import (
    NIGHT_FACTOR,
    NIGHT_HOURS,
    ROAD_FACTOR,
    RUSH_FACTOR,
    RUSH_HOURS,
    TOWN_KM,
    speed_of,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tables:
    """Minutes and weighted minutes of every choice; rows are casualties."""

    scene: Floats = field(repr=False)  # [casualty, vehicle] minutes until it is there
    ride: Floats = field(repr=False)  # [casualty, site] minutes on the way
    lacking: Floats = field(repr=False)  # [casualty, site] minutes that lacking needs cost
    pickup: Floats = field(repr=False)  # [casualty, vehicle] weighted
    delivery: Floats = field(repr=False)  # [casualty, site] weighted
    waiting: Floats = field(repr=False)  # [casualty] weighted
    plain_pickup: Floats = field(repr=False)  # the same three without the price of a change
    plain_delivery: Floats = field(repr=False)
    plain_waiting: Floats = field(repr=False)

    @staticmethod
    def of(problem: Problem) -> Tables:
        weights = np.array([weight(c) for c in problem.casualties])[:, None]
        scene, ride, lacking = _scene(problem), _ride(problem), _lacking(problem)
        loaded = np.array([bool(c.loaded_in) for c in problem.casualties], dtype=bool)
        pickup = (scene + _crews(problem)) * weights
        pickup[loaded] = 0.0
        delivery = (ride + lacking + _shortages(problem) + _orsan(problem)) * weights
        plain = replace(problem, previous={})
        changed = _changes(problem) if problem.previous else (0.0, 0.0)
        moved = pickup + changed[0] * weights
        moved[loaded] = 0.0
        return Tables(
            scene,
            ride,
            lacking,
            moved,
            delivery + changed[1] * weights,
            np.array([waiting(problem, c) for c in problem.casualties]),
            pickup,
            delivery,
            np.array([waiting(plain, c) for c in problem.casualties]),
        )

    def priced(self, problem: Problem, allocation: Allocation, *, plain: bool = False) -> Cost:
        """What `cost` says, by look-up. `plain` leaves out the price of changed instructions."""
        pickup = self.plain_pickup if plain else self.pickup
        delivery = self.plain_delivery if plain else self.delivery
        left = self.plain_waiting if plain else self.waiting
        vehicle_at = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
        site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
        rows, vehicles, sites, staying = [], [], [], []
        users: dict[int, Counter[str]] = {}
        for row, chosen in enumerate(allocation.assignments):
            if chosen.waits:
                staying.append(row)
                continue
            rows.append(row)
            vehicles.append(vehicle_at[chosen.vehicle_id])
            sites.append(site_at[chosen.finess_geo])
            used = users.setdefault(sites[-1], Counter())
            used[category_of(problem.casualties[row])] += 1
        return Cost(
            float(pickup[rows, vehicles].sum()),
            float(delivery[rows, sites].sum()),
            sum(places_cost(problem, problem.sites[at], used) for at, used in users.items()),
            float(left[staying].sum()),
            cover_cost(problem, allocation),
        )


def minutes_of(km: Floats, vehicle_type: str, local_hour: int) -> Floats:
    """`travel_minutes` of every distance."""
    speed = speed_of(vehicle_type)
    if not speed.slowed_by_traffic:
        return np.asarray(speed.ends_min + 60.0 * km / speed.road)
    factor = 1.0
    if local_hour in RUSH_HOURS:
        factor = RUSH_FACTOR
    elif local_hour in NIGHT_HOURS:
        factor = NIGHT_FACTOR
    distance = ROAD_FACTOR * km
    town = np.minimum(distance, TOWN_KM)
    hours = town / (speed.town * factor) + (distance - town) / (speed.road * factor)
    return np.asarray(speed.ends_min + 60.0 * hours)


def kilometres(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> Floats:
    """Great-circle kilometres between all positions (latitude, longitude), [one, other]."""
    a = np.radians(np.array(one, dtype=np.float64).reshape(-1, 2))[:, None, :]
    b = np.radians(np.array(other, dtype=np.float64).reshape(-1, 2))[None, :, :]
    half = (
        np.sin((b[..., 0] - a[..., 0]) / 2) ** 2
        + np.cos(a[..., 0]) * np.cos(b[..., 0]) * np.sin((b[..., 1] - a[..., 1]) / 2) ** 2
    )
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, half))))


def _scene(problem: Problem) -> Floats:
    km = kilometres(
        [(c.latitude, c.longitude) for c in problem.casualties],
        [(v.latitude, v.longitude) for v in problem.vehicles],
    )
    found = np.empty_like(km)
    kinds: dict[str, list[int]] = {}
    for column, vehicle in enumerate(problem.vehicles):
        kinds.setdefault(vehicle.vehicle_type, []).append(column)
    for kind, columns in kinds.items():
        found[:, columns] = minutes_of(km[:, columns], kind, problem.local_hour)
    found += np.array([v.free_in_min for v in problem.vehicles])
    column_of = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
    for row, casualty in enumerate(problem.casualties):
        if casualty.loaded_in:
            found[row, column_of[casualty.loaded_in]] = 0.0
    return found


def _ride(problem: Problem) -> Floats:
    km = kilometres(
        [(c.latitude, c.longitude) for c in problem.casualties],
        [(s.facility.latitude, s.facility.longitude) for s in problem.sites],
    )
    return minutes_of(km, CARRIER, problem.local_hour)


def _lacking(problem: Problem) -> Floats:
    """Casualties with the same needs share a row, and needs share their column of sites."""
    without: dict[Need, Floats] = {}
    rows: dict[tuple[Need, ...], Floats] = {}
    found = np.empty((len(problem.casualties), len(problem.sites)))
    for at, casualty in enumerate(problem.casualties):
        row = rows.get(casualty.needs)
        if row is None:
            row = np.zeros(len(problem.sites))
            for need in casualty.needs:
                if need not in without:
                    lacks = [s.facility.capabilities.isdisjoint(need.codes) for s in problem.sites]
                    without[need] = np.array(lacks) * need.penalty_min
                row = row + without[need]
            rows[casualty.needs] = row
        found[at] = row
    return found


def _shortages(problem: Problem) -> Floats:
    found = np.zeros((len(problem.casualties), len(problem.sites)))
    if not problem.shortages.worst:
        return found
    for row, casualty in enumerate(problem.casualties):
        if casualty.resources:
            found[row] = [shortage_minutes(problem, casualty, site) for site in problem.sites]
    return found


def _orsan(problem: Problem) -> Floats:
    found = np.zeros((len(problem.casualties), len(problem.sites)))
    if not problem.situation.orsan:
        return found
    relative = np.array([category_of(c) == UR for c in problem.casualties])
    for column, site in enumerate(problem.sites):
        first = site.orsan_rank == FIRST_LINE
        elsewhere = ORSAN_UA_UNRANKED_MIN if site.orsan_rank is None else ORSAN_UA_ELSEWHERE_MIN
        found[:, column] = np.where(
            relative, ORSAN_UR_FIRST_LINE_MIN * first, 0.0 if first else elsewhere
        )
    return found


def _crews(problem: Problem) -> Floats:
    bands = sorted({c.band for c in problem.casualties})
    crews = [crew_of(v.vehicle_type) for v in problem.vehicles]
    by_band = {band: [CREW_MIN[crew].get(band, 0.0) for crew in crews] for band in bands}
    found = np.array([by_band[c.band] for c in problem.casualties], dtype=np.float64)
    return found.reshape(len(problem.casualties), len(problem.vehicles))


def _changes(problem: Problem) -> tuple[Floats, Floats]:
    """Minutes that every choice but the one told before costs: of a vehicle, of a site."""
    pickup = np.zeros((len(problem.casualties), len(problem.vehicles)))
    delivery = np.zeros((len(problem.casualties), len(problem.sites)))
    vehicle_at = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
    site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    for row, casualty in enumerate(problem.casualties):
        told = problem.previous.get(casualty.casualty_id)
        if told is None or told.waits:
            continue
        pickup[row] = delivery[row] = problem.policy.stability_min
        if told.vehicle_id in vehicle_at:
            pickup[row, vehicle_at[told.vehicle_id]] = 0.0
        if told.finess_geo in site_at:
            delivery[row, site_at[told.finess_geo]] = 0.0
    return pickup, delivery
