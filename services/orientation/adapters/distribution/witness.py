"""CP-SAT as the witness of the flow: the same prices, another model, another solver."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from services.orientation.domain.distribution.check import free_places, over
from services.orientation.domain.distribution.cost import covers, seats_of
from services.orientation.domain.distribution.problem import ANY, CATEGORIES, Problem, Site
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.terms import (
    OVER_MIN,
    PLACE_WEIGHT,
    category_of,
    place_prices,
)

UNIT = 100


@dataclass(frozen=True, slots=True)
class Witnessed:
    """`cost` in weighted minutes; `proven` when nothing cheaper exists."""

    cost: float
    bound: float
    proven: bool
    seconds: float

    def beside(self, cost: float, people: int) -> dict[str, float | bool]:
        """The flow's cost beside it; both round each term, two a person, to a hundredth."""
        return {
            "cp_sat_cost": self.cost,
            "cp_sat_bound": self.bound,
            "proven": self.proven,
            "seconds": self.seconds,
            "equal": abs(self.cost - cost) <= 0.02 * people,
        }


class CpSatWitness:
    """Decides every seat, ride and place as a yes or no of its own."""

    def __init__(self, seconds: float = 180.0) -> None:
        self._seconds = seconds

    def solve(self, problem: Problem) -> Witnessed:
        model = cp_model.CpModel()
        tables = Tables.of(problem)
        terms: list[Any] = []
        rides = _people(model, problem, tables, terms)
        for column, site in enumerate(problem.sites):
            _places(model, problem, site, [row[column] for row in rides], terms)
        model.minimize(sum(terms))
        solver = cp_model.CpSolver()
        solver.parameters.max_time_in_seconds = self._seconds
        solver.parameters.num_workers = 8
        solver.parameters.linearization_level = 2
        status = solver.solve(model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise RuntimeError(f"CP-SAT found nothing: {solver.status_name(status)}")
        return Witnessed(
            solver.objective_value / UNIT,
            solver.best_objective_bound / UNIT,
            status == cp_model.OPTIMAL,
            solver.wall_time,
        )


def _whole(minutes: float) -> int:
    return round(minutes * UNIT)


def _people(model: Any, problem: Problem, tables: Tables, terms: list[Any]) -> list[list[Any]]:
    """Seats, rides and waiting; gives back [casualty][site], None where it may not be."""
    used: list[list[Any]] = [[] for _ in problem.vehicles]
    rides: list[list[Any]] = []
    for row, casualty in enumerate(problem.casualties):
        name = casualty.casualty_id
        waits = model.new_bool_var(f"{name} waits")
        terms.append(_whole(tables.waiting[row]) * waits)
        seats = []
        for at, vehicle in enumerate(problem.vehicles):
            if casualty.loaded_in or not seats_of(vehicle):
                continue
            seat = model.new_bool_var(f"{name} {at}")
            seats.append(seat)
            used[at].append(seat)
            terms.append(_whole(tables.pickup[row, at]) * seat)
        if not casualty.loaded_in:
            model.add(sum(seats) + waits == 1)
        own: list[Any] = []
        for at, site in enumerate(problem.sites):
            here = casualty.bound_for == site.facility.finess_geo
            pinned = here and bool(casualty.loaded_in)
            if (casualty.bound_for and not here) or (site.facility.closed and not pinned):
                own.append(None)
                continue
            ride = model.new_bool_var(f"{name} to {at}")
            own.append(ride)
            terms.append(_whole(tables.delivery[row, at]) * ride)
        model.add(sum(ride for ride in own if ride is not None) + waits == 1)
        rides.append(own)
    _vehicles(model, problem, used, terms)
    return rides


def _vehicles(model: Any, problem: Problem, used: list[list[Any]], terms: list[Any]) -> None:
    loaded = [c.loaded_in for c in problem.casualties]
    for at, vehicle in enumerate(problem.vehicles):
        model.add(sum(used[at]) <= max(0, seats_of(vehicle) - loaded.count(vehicle.vehicle_id)))
    for cover in problem.cover:
        home = [
            at
            for at, v in enumerate(problem.vehicles)
            if v.sector == cover.sector and covers(v) and v.vehicle_id not in loaded
        ]
        keep = min(cover.keep, len(home))
        missing = model.new_int_var(0, keep, f"cover {cover.sector}")
        gone = sum(sum(used[at]) for at in home)  # one seat each
        model.add(missing >= keep - (len(home) - gone))
        terms.append(_whole(cover.price) * missing)


def _places(model: Any, problem: Problem, site: Site, rides: list[Any], terms: list[Any]) -> None:
    """Every place is taken or not; reserved places take their category alone."""
    finess = site.facility.finess_geo
    going = [category_of(c) for c in problem.casualties if c.loaded_in and c.bound_for == finess]
    taken: dict[str, Any] = {}
    for kind in (*CATEGORIES, ANY):
        places = []
        for number, price in enumerate(place_prices(problem, site, kind)):
            place = model.new_bool_var(f"{finess} {kind} {number}")
            places.append(place)
            terms.append(_whole(price) * place)
        taken[kind] = sum(places)
    most = over(free_places(problem, site), Counter(going))
    beyond = model.new_int_var(0, most, f"{finess} beyond")
    terms.append(_whole(PLACE_WEIGHT * OVER_MIN) * beyond)
    everybody = sum(ride for ride in rides if ride is not None)
    model.add(everybody == sum(taken.values()) + beyond)
    for kind in CATEGORIES:
        mine = sum(
            ride
            for ride, casualty in zip(rides, problem.casualties, strict=True)
            if ride is not None and category_of(casualty) == kind
        )
        model.add(taken[kind] <= mine)
