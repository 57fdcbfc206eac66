"""What makes a request to share impossible: refused by field, before anything is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from services.orientation.domain.distribution.check import free_places, over
from services.orientation.domain.distribution.cost import seats_of
from services.orientation.domain.distribution.problem import (
    Assignment,
    Casualty,
    Cover,
    Problem,
    Site,
    Vehicle,
)
from services.orientation.domain.distribution.terms import (
    CARRIES_NOBODY,
    category_of,
    place_prices,
)
from services.orientation.domain.findings import Finding
from services.orientation.domain.ranking import OLD_MIN
from shared.errors import Malformed

CLOCK_SLACK = timedelta(minutes=5)


def refuse_unsound(
    casualties: Sequence[Casualty],
    vehicles: Sequence[Vehicle],
    sites: Sequence[Site],
    cover: Sequence[Cover],
    now: datetime,
) -> None:
    """Malformed with the field, for rows in the order in which they were sent."""
    _once("casualties", "casualty_id", [c.casualty_id for c in casualties])
    _once("vehicles", "vehicle_id", [v.vehicle_id for v in vehicles])
    _once("facilities", "finess_geo", [s.facility.finess_geo for s in sites])
    _once("cover", "sector", [c.sector for c in cover])
    _pins(casualties, vehicles, sites)
    known = {v.sector for v in vehicles if v.sector}
    for index, rule in enumerate(cover):
        if rule.sector not in known:
            raise Malformed(
                "SECTOR_UNKNOWN",
                f"No vehicle stands in the sector {rule.sector}. Name the sector of vehicles, or "
                "leave the rule out.",
                field=f"cover[{index}].sector",
            )
    for index, site in enumerate(sites):
        for number, places in enumerate(site.places):
            if places.counted is not None and places.counted > now + CLOCK_SLACK:
                raise Malformed(
                    "COUNT_IN_FUTURE",
                    "The places were counted after the present instant. Check the clock of the "
                    "sender.",
                    field=f"facilities[{index}].places[{number}].counted_time",
                )


def _once(rows: str, name: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, each in enumerate(ids):
        if each in seen:
            raise Malformed(
                "ID_REPEATED",
                f"{each} is sent twice. Send each of the {rows} once.",
                field=f"{rows}[{index}].{name}",
            )
        seen.add(each)


def _pins(
    casualties: Sequence[Casualty], vehicles: Sequence[Vehicle], sites: Sequence[Site]
) -> None:
    known = {v.vehicle_id: v for v in vehicles}
    places = {s.facility.finess_geo for s in sites}
    loaded: Counter[str] = Counter()
    for index, casualty in enumerate(casualties):
        if casualty.bound_for and casualty.bound_for not in places:
            raise Malformed(
                "FACILITY_UNKNOWN",
                f"The site {casualty.bound_for} is not among the facilities. Add it, or take the "
                "fixed site away.",
                field=f"casualties[{index}].bound_for",
            )
        if not casualty.loaded_in:
            continue
        vehicle = known.get(casualty.loaded_in)
        if vehicle is None:
            raise Malformed(
                "VEHICLE_UNKNOWN",
                f"The vehicle {casualty.loaded_in} is not among the vehicles. Add it, or take the "
                "person out of it.",
                field=f"casualties[{index}].loaded_in",
            )
        loaded[casualty.loaded_in] += 1
        if loaded[casualty.loaded_in] > seats_of(vehicle):
            raise Malformed(
                "SEATS_EXCEEDED",
                f"{casualty.loaded_in} is said to carry more people than it takes "
                f"({seats_of(vehicle)}). Correct its seats or its type, or who lies in it.",
                field=f"casualties[{index}].loaded_in",
            )


def previous_that_stand(
    previous: Sequence[Assignment], problem: Problem
) -> tuple[dict[str, Assignment], list[Finding]]:
    """Earlier assignments of people who are still there; what is gone is set aside and told."""
    people = {c.casualty_id for c in problem.casualties}
    vehicles = {v.vehicle_id for v in problem.vehicles}
    sites = {s.facility.finess_geo for s in problem.sites}
    kept, findings = {}, []
    for index, told in enumerate(previous):
        gone = told.casualty_id not in people
        gone |= bool(told.vehicle_id) and told.vehicle_id not in vehicles
        gone |= bool(told.finess_geo) and told.finess_geo not in sites
        if gone:
            findings.append(Finding("PREVIOUS_GONE", f"previous[{index}]"))
        if told.casualty_id in people:
            kept[told.casualty_id] = told
    return kept, findings


def findings_of(
    casualties: Sequence[Casualty],
    vehicles: Sequence[Vehicle],
    sites: Sequence[Site],
    problem: Problem,
) -> list[Finding]:
    """What whoever reads the answer should know; rows in the order in which they were sent."""
    found = _scarcity(casualties, vehicles, sites, problem)
    for index, casualty in enumerate(casualties):
        if problem.situation.novi and not casualty.category:
            found.append(Finding("CATEGORY_FROM_BAND", f"casualties[{index}].category"))
    for index, vehicle in enumerate(vehicles):
        if vehicle.vehicle_type in CARRIES_NOBODY:
            found.append(Finding("VEHICLE_CARRIES_NOBODY", f"vehicles[{index}].vehicle_type"))
    for index, site in enumerate(sites):
        found += _site(problem, site, f"facilities[{index}]")
        if _overfull(problem, site, casualties):
            found.append(Finding("SITE_OVERFULL", f"facilities[{index}].places"))
    return found


def _scarcity(
    casualties: Sequence[Casualty],
    vehicles: Sequence[Vehicle],
    sites: Sequence[Site],
    problem: Problem,
) -> list[Finding]:
    found = []
    seats = sum(seats_of(v) for v in vehicles)
    places = sum(len(place_prices(problem, s, kind)) for s in sites for kind in ("", "UA", "UR"))
    if not vehicles:
        found.append(Finding("NO_VEHICLES", "vehicles"))
    elif len(casualties) > seats:
        found.append(Finding("MORE_CASUALTIES_THAN_SEATS", "vehicles"))
    if not sites:
        found.append(Finding("NO_FACILITIES", "facilities"))
    elif len(casualties) > places:
        found.append(Finding("MORE_CASUALTIES_THAN_PLACES", "facilities"))
    return found


def _site(problem: Problem, site: Site, path: str) -> list[Finding]:
    found = []
    if site.facility.synthetic:
        found.append(Finding("CAPABILITIES_SYNTHETIC", f"{path}.capabilities"))
    if not site.places:
        return [*found, Finding("PLACES_UNKNOWN", f"{path}.places")]
    crisis = problem.situation.plan_blanc or site.plan_blanc
    for number, places in enumerate(site.places):
        at = f"{path}.places[{number}]"
        if places.crisis and not crisis:
            found.append(Finding("CRISIS_PLACES_CLOSED", at))
        elif places.category and not problem.situation.novi:
            found.append(Finding("PLACES_KEPT_FOR_NOVI", at))
        elif places.counted is None:
            found.append(Finding("PLACES_UNDATED", f"{at}.counted_time"))
        elif (problem.now - places.counted).total_seconds() / 60.0 > OLD_MIN:
            found.append(Finding("PLACES_OLD", f"{at}.counted_time"))
    return found


def _overfull(problem: Problem, site: Site, casualties: Sequence[Casualty]) -> bool:
    """Whether people are on the way to a site that has no place for them."""
    finess = site.facility.finess_geo
    going = Counter(category_of(c) for c in casualties if c.loaded_in and c.bound_for == finess)
    return over(free_places(problem, site), going) > 0
