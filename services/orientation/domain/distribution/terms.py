"""What one choice costs, term by term, in minutes of the person it falls on.

These are the plain formulas. `tables` has the same for a whole problem at once, and a test
holds the two against each other.
"""

from __future__ import annotations

from services.orientation.domain.directory import BED_MINUTES, HALF_LIFE_MIN, UNKNOWN_BEDS_MIN
from services.orientation.domain.distribution.problem import (
    ANY,
    FIRST_LINE,
    UA,
    UR,
    Casualty,
    Places,
    Problem,
    Site,
    Vehicle,
)
from services.orientation.domain.places import distance_km
from services.orientation.domain.ranking import SHORTAGE_MIN
from services.orientation.domain.severity import Band
from services.orientation.domain.travel import travel_minutes

# A minute of a life in danger counts twelve times one of a mild case. A draft: a region's
# doctors have to set it.
WEIGHTS = {
    Band.LIFE_THREAT: 12.0,
    Band.SEVERE: 6.0,
    Band.MODERATE: 2.0,
    Band.MILD: 1.0,
    Band.NOT_ENOUGH_DATA: 2.0,
}
PATIENCE_MIN = 120.0  # who has waited this long counts twice
CARRIER = "TSU.AMB-GV"  # with a person on board every vehicle is timed like an ambulance
MEDICAL, STAFFED, SEATED = "medical", "staffed", "seated"
# Minutes that the wrong crew costs: too little care on board, or a team missed elsewhere.
CREW_MIN: dict[str, dict[Band, float]] = {
    MEDICAL: {Band.MODERATE: 3.0, Band.MILD: 10.0},
    STAFFED: {Band.LIFE_THREAT: 15.0, Band.SEVERE: 5.0},
    SEATED: {
        Band.LIFE_THREAT: 60.0,
        Band.SEVERE: 40.0,
        Band.MODERATE: 20.0,
        Band.NOT_ENOUGH_DATA: 15.0,
    },
}
# Kinds of HubSante.typeVecteur that carry nobody.
CARRIES_NOBODY = frozenset(
    word
    for line in (
        "AUTREVEC.AUTRE LIB.MEDV LIB.INF LIB.AUTREPRO SIS.FEUSIS SIS.GRIMP SIS.PCSIS SIS.SRSIS",
        "SIS.VCH SIS.VLCG SIS.VLISP SIS.VLMSP SIS.VLSIS SIS.VPL SIS.VPMA SIS.VR",
        "SMUR.VLM SMUR.VL SMUR.PSM1 SMUR.PSM2 SMUR.PSM3 SMUR.PSMP SMUR.VPC",
    )
    for word in line.split()
)
ORSAN_UA_ELSEWHERE_MIN, ORSAN_UA_UNRANKED_MIN, ORSAN_UR_FIRST_LINE_MIN = 30.0, 20.0, 10.0
PLACE_WEIGHT = 2.0  # a place is priced for a moderate case, whoever takes it
OVER_MIN = BED_MINUTES[0]  # for who is on the way to a site without a free place
# Somebody in a vehicle is left without a site only when there is none, and never when a human
# has fixed one: weighted minutes beyond all others.
LOADED_WAITS, BOUND_WAITS = 1e6, 1e8


def weight(casualty: Casualty) -> float:
    return WEIGHTS[casualty.band] * (1.0 + casualty.waited_min / PATIENCE_MIN)


def crew_of(vehicle_type: str) -> str:
    if vehicle_type.startswith("SMUR"):
        return MEDICAL
    if vehicle_type == "TSU.VSL" or vehicle_type.startswith("AUTREVEC"):
        return SEATED
    return STAFFED


def scene_minutes(problem: Problem, casualty: Casualty, vehicle: Vehicle) -> float:
    """Until the vehicle is with the person."""
    if casualty.loaded_in == vehicle.vehicle_id:
        return 0.0
    km = distance_km(vehicle.latitude, vehicle.longitude, casualty.latitude, casualty.longitude)
    return vehicle.free_in_min + travel_minutes(km, vehicle.vehicle_type, problem.local_hour)


def ride_minutes(problem: Problem, casualty: Casualty, site: Site) -> float:
    at = site.facility
    km = distance_km(casualty.latitude, casualty.longitude, at.latitude, at.longitude)
    return travel_minutes(km, CARRIER, problem.local_hour)


def lacking_minutes(casualty: Casualty, site: Site) -> float:
    has = site.facility.capabilities
    return sum(need.penalty_min for need in casualty.needs if has.isdisjoint(need.codes))


def shortage_minutes(problem: Problem, casualty: Casualty, site: Site) -> float:
    found = (problem.shortages.at(site.facility.finess_geo, name) for name in casualty.resources)
    return SHORTAGE_MIN * max((s.probability for s in found if s is not None), default=0.0)


def orsan_minutes(problem: Problem, casualty: Casualty, site: Site) -> float:
    """The plan sends the gravest to the first line and keeps the first line for them."""
    if not problem.situation.orsan:
        return 0.0
    if category_of(casualty) == UR:
        return ORSAN_UR_FIRST_LINE_MIN if site.orsan_rank == FIRST_LINE else 0.0
    if site.orsan_rank is None:
        return ORSAN_UA_UNRANKED_MIN
    return 0.0 if site.orsan_rank == FIRST_LINE else ORSAN_UA_ELSEWHERE_MIN


def category_of(casualty: Casualty) -> str:
    """As sorted on the spot; else from the band."""
    if casualty.category:
        return casualty.category
    return UA if casualty.band in (Band.LIFE_THREAT, Band.SEVERE) else UR


def pickup(problem: Problem, casualty: Casualty, vehicle: Vehicle) -> float:
    """Weighted minutes of sending this vehicle."""
    if casualty.loaded_in:
        return 0.0
    minutes = scene_minutes(problem, casualty, vehicle)
    minutes += CREW_MIN[crew_of(vehicle.vehicle_type)].get(casualty.band, 0.0)
    told = problem.previous.get(casualty.casualty_id)
    if told is not None and not told.waits and told.vehicle_id != vehicle.vehicle_id:
        minutes += problem.policy.stability_min
    return weight(casualty) * minutes


def delivery(problem: Problem, casualty: Casualty, site: Site) -> float:
    """Weighted minutes of bringing the person there."""
    minutes = ride_minutes(problem, casualty, site)
    minutes += lacking_minutes(casualty, site) + shortage_minutes(problem, casualty, site)
    minutes += orsan_minutes(problem, casualty, site)
    told = problem.previous.get(casualty.casualty_id)
    if told is not None and not told.waits and told.finess_geo != site.facility.finess_geo:
        minutes += problem.policy.stability_min
    return weight(casualty) * minutes


def waiting(problem: Problem, casualty: Casualty) -> float:
    """Weighted minutes of leaving the person where she is."""
    if casualty.loaded_in:
        return BOUND_WAITS if casualty.bound_for else LOADED_WAITS
    minutes = problem.policy.wait_min
    told = problem.previous.get(casualty.casualty_id)
    if told is not None and not told.waits:
        minutes += 2 * problem.policy.stability_min
    return weight(casualty) * minutes


def trust(problem: Problem, counted: list[Places]) -> float:
    """How far the oldest of these counts can be believed, 1 to 0."""
    ages = [
        max(0.0, (problem.now - places.counted).total_seconds() / 60.0)
        if places.counted is not None
        else float("inf")
        for places in counted
    ]
    return float(0.5 ** (max(ages, default=float("inf")) / HALF_LIFE_MIN))


def counts(problem: Problem, site: Site, category: str) -> list[Places]:
    """The counts of this category that may be used now."""
    if category and not problem.situation.novi:
        return []
    crisis = problem.situation.plan_blanc or site.plan_blanc
    return [p for p in site.places if p.category == category and (crisis or not p.crisis)]


def place_prices(problem: Problem, site: Site, category: str) -> list[float]:
    """What the first, second ... place of a category costs, in weighted minutes, rising.

    The fewer are left, the likelier the next is gone on arrival; a count that has aged is
    blended with what an unknown count costs, as in the ranking of a single case.
    """
    key = (site.facility.finess_geo, category)
    if key not in problem.prices:
        problem.prices[key] = _place_prices(problem, site, category)
    return problem.prices[key]


def _place_prices(problem: Problem, site: Site, category: str) -> list[float]:
    if site.facility.closed:
        return []
    if category == ANY and not site.places:
        return [PLACE_WEIGHT * UNKNOWN_BEDS_MIN] * problem.policy.unknown_places
    counted = counts(problem, site, category)
    free = sum(places.free for places in counted)
    believed = trust(problem, counted)
    prices = []
    for left in range(free, 0, -1):
        told = BED_MINUTES[left] if left < len(BED_MINUTES) else 0.0
        prices.append(PLACE_WEIGHT * (believed * told + (1 - believed) * UNKNOWN_BEDS_MIN))
    return prices
