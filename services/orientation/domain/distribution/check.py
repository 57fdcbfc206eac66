"""Whether an allocation may be carried out: every rule again, without the solver's word."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from services.orientation.domain.distribution.cost import seats_of
from services.orientation.domain.distribution.problem import (
    ANY,
    CATEGORIES,
    Allocation,
    Casualty,
    Problem,
    Site,
)
from services.orientation.domain.distribution.terms import category_of, place_prices


@dataclass(frozen=True, slots=True)
class Violation:
    """`rule` is a stable word, `who` the id that breaks it."""

    rule: str
    who: str


def check(problem: Problem, allocation: Allocation) -> tuple[Violation, ...]:
    """Every rule that is broken; none for an allocation that may be carried out."""
    broken = list(_ids(problem, allocation))
    if broken:  # what follows needs ids that exist
        return tuple(broken)
    broken += _pins(problem, allocation)
    broken += _seats(problem, allocation)
    broken += _places(problem, allocation)
    return tuple(broken)


def _ids(problem: Problem, allocation: Allocation) -> list[Violation]:
    people = Counter(c.casualty_id for c in problem.casualties)
    told = Counter(a.casualty_id for a in allocation.assignments)
    vehicles = {v.vehicle_id for v in problem.vehicles}
    sites = {s.facility.finess_geo for s in problem.sites}
    broken = [Violation("CASUALTY_MORE_THAN_ONCE", who) for who, n in told.items() if n > 1]
    broken += [Violation("CASUALTY_UNKNOWN", who) for who in told if who not in people]
    broken += [Violation("CASUALTY_FORGOTTEN", who) for who in people if who not in told]
    for chosen in allocation.assignments:
        if chosen.waits and not chosen.vehicle_id:
            continue
        if chosen.vehicle_id not in vehicles:
            broken.append(Violation("VEHICLE_UNKNOWN", chosen.vehicle_id))
        if not chosen.waits and chosen.finess_geo not in sites:
            broken.append(Violation("FACILITY_UNKNOWN", chosen.finess_geo))
    return broken


def _pins(problem: Problem, allocation: Allocation) -> list[Violation]:
    chosen = allocation.of()
    broken = []
    for casualty in problem.casualties:
        told = chosen[casualty.casualty_id]
        if casualty.loaded_in and told.vehicle_id != casualty.loaded_in:
            broken.append(Violation("LOADED_MOVED", casualty.casualty_id))
        allowed = (casualty.bound_for,) if casualty.loaded_in else (casualty.bound_for, "")
        if casualty.bound_for and told.finess_geo not in allowed:
            broken.append(Violation("BOUND_MOVED", casualty.casualty_id))
    return broken


def _seats(problem: Problem, allocation: Allocation) -> list[Violation]:
    used = Counter(a.vehicle_id for a in allocation.assignments if a.vehicle_id)
    return [
        Violation("SEATS_EXCEEDED", v.vehicle_id)
        for v in problem.vehicles
        if used[v.vehicle_id] > seats_of(v)
    ]


def _places(problem: Problem, allocation: Allocation) -> list[Violation]:
    """Only who is already on the way may find a site full or closed."""
    people = {c.casualty_id: c for c in problem.casualties}
    inside: dict[str, list[Casualty]] = {}
    for chosen in allocation.assignments:
        inside.setdefault(chosen.finess_geo, []).append(people[chosen.casualty_id])
    broken = []
    for site in problem.sites:
        here = inside.get(site.facility.finess_geo)
        if here:
            bound = Counter(category_of(c) for c in here if c.bound_for and c.loaded_in)
            used = Counter(category_of(c) for c in here)
            free = free_places(problem, site)
            if over(free, used) > over(free, bound):
                broken.append(Violation("PLACES_EXCEEDED", site.facility.finess_geo))
    return broken


def free_places(problem: Problem, site: Site) -> dict[str, int]:
    """Places of each category that may be used now."""
    return {c: len(place_prices(problem, site, c)) for c in (*CATEGORIES, ANY)}


def over(free: dict[str, int], used: Counter[str]) -> int:
    """How many of these find no place."""
    beyond = sum(max(0, used[c] - free[c]) for c in CATEGORIES)
    return max(0, beyond - free[ANY])
