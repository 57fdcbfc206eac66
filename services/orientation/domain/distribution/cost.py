"""What an allocation costs, added up the obvious way; it never saw a solver."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate

from services.orientation.domain.distribution.problem import (
    ANY,
    CATEGORIES,
    UA,
    UR,
    Allocation,
    Problem,
    Site,
    Vehicle,
)
from services.orientation.domain.distribution.terms import (
    CARRIES_NOBODY,
    OVER_MIN,
    PLACE_WEIGHT,
    category_of,
    delivery,
    pickup,
    place_prices,
    waiting,
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Weighted minutes by what they come from."""

    pickup: float
    delivery: float
    places: float
    waiting: float
    cover: float

    @property
    def total(self) -> float:
        return self.pickup + self.delivery + self.places + self.waiting + self.cover


def cost(problem: Problem, allocation: Allocation) -> Cost:
    """The price of an allocation that `check` accepts."""
    vehicles = {v.vehicle_id: v for v in problem.vehicles}
    sites = {s.facility.finess_geo: s for s in problem.sites}
    people = {c.casualty_id: c for c in problem.casualties}
    gone_for, brought, left = 0.0, 0.0, 0.0
    users: dict[str, Counter[str]] = {finess: Counter() for finess in sites}
    for chosen in allocation.assignments:
        casualty = people[chosen.casualty_id]
        if chosen.waits:
            left += waiting(problem, casualty)
            continue
        gone_for += pickup(problem, casualty, vehicles[chosen.vehicle_id])
        brought += delivery(problem, casualty, sites[chosen.finess_geo])
        users[chosen.finess_geo][category_of(casualty)] += 1
    taken = sum(places_cost(problem, sites[finess], used) for finess, used in users.items())
    return Cost(gone_for, brought, taken, left, cover_cost(problem, allocation))


def places_cost(problem: Problem, site: Site, used: Counter[str]) -> float:
    """The cheapest way to place so many of each category.

    Reserved places first or shared ones first: both are tried in every split. Who finds no
    place (only somebody already bound for here) costs OVER_MIN.
    """
    shared = _sums(place_prices(problem, site, ANY))
    own = {c: _sums(place_prices(problem, site, c)) for c in CATEGORIES}
    best = float("inf")
    for first in range(min(used[UA], len(own[UA]) - 1) + 1):
        for second in range(min(used[UR], len(own[UR]) - 1) + 1):
            rest = used[UA] - first + used[UR] - second
            within = min(rest, len(shared) - 1)
            over = PLACE_WEIGHT * OVER_MIN * (rest - within)
            best = min(best, own[UA][first] + own[UR][second] + shared[within] + over)
    return best


def _sums(prices: list[float]) -> list[float]:
    return list(accumulate(prices, initial=0.0))


def cover_cost(problem: Problem, allocation: Allocation) -> float:
    at_home, gone = standing(problem, allocation)
    total = 0.0
    for cover in problem.cover:
        kept = min(cover.keep, at_home[cover.sector])
        missing = max(0, kept - (at_home[cover.sector] - gone[cover.sector]))
        total += cover.price * missing
    return total


def covers(vehicle: Vehicle) -> bool:
    """Whether a vehicle counts as cover: it stands free and takes one person."""
    return bool(vehicle.sector) and seats_of(vehicle) == 1 and vehicle.free_in_min <= 0


def seats_of(vehicle: Vehicle) -> int:
    return 0 if vehicle.vehicle_type in CARRIES_NOBODY else vehicle.seats


def standing(problem: Problem, allocation: Allocation) -> tuple[Counter[str], Counter[str]]:
    """By sector: vehicles that stood there free, and how many of them now leave."""
    loaded = {c.loaded_in for c in problem.casualties}
    home = {
        v.vehicle_id: v.sector for v in problem.vehicles if covers(v) and v.vehicle_id not in loaded
    }
    leaving = {a.vehicle_id for a in allocation.assignments if a.vehicle_id in home}
    return Counter(home.values()), Counter(home[name] for name in leaving)
