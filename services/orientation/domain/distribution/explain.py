"""An allocation in words and figures."""

from __future__ import annotations

import numpy as np

from services.orientation.domain.distribution.answer import CoverTold, Outcome, Told
from services.orientation.domain.distribution.cost import standing
from services.orientation.domain.distribution.detours import Way, ways
from services.orientation.domain.distribution.problem import (
    Allocation,
    Assignment,
    Casualty,
    Places,
    Problem,
    Site,
)
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.terms import (
    CREW_MIN,
    category_of,
    counts,
    crew_of,
    orsan_minutes,
    shortage_minutes,
)
from services.orientation.domain.distribution.waits import (
    COVER,
    NO_PLACE,
    NO_SEAT,
    Wait,
    waits,
)
from services.orientation.domain.ranking import OLD_MIN
from services.orientation.domain.severity import Band, Reason
from services.orientation.domain.travel import RELATIVE_ERROR

GRAVE = (Band.LIFE_THREAT, Band.SEVERE)
WAIT_TEXTS = {
    NO_SEAT: "Every vehicle that could come is needed more elsewhere",
    NO_PLACE: "No place that may be used is left at any site",
    COVER: "The vehicles that are left are kept as cover of their sector",
}
TOO_FAR = "Every ride that is left costs more than waiting"


def explain(problem: Problem, tables: Tables, allocation: Allocation) -> tuple[Told, ...]:
    """One entry a casualty, in the order of the problem."""
    book = _Book(problem, tables, allocation)
    return tuple(
        book.entry(row, casualty, chosen)
        for row, (casualty, chosen) in enumerate(
            zip(problem.casualties, allocation.assignments, strict=True)
        )
    )


class _Book:
    """What is looked up again and again while words are found."""

    def __init__(self, problem: Problem, tables: Tables, allocation: Allocation) -> None:
        self.problem, self.tables = problem, tables
        self.waits = waits(problem, tables, allocation)
        self.site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
        self.vehicle_at = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
        self.capacity: dict[tuple[int, str], Reason] = {}
        self.ways = ways(problem, tables, allocation)

    def entry(self, row: int, casualty: Casualty, chosen: Assignment) -> Told:
        before = self.problem.previous.get(casualty.casualty_id)
        changed = before is not None and before != chosen
        reasons: list[Reason] = []
        pinned = bool(casualty.loaded_in)
        scene = ride = None
        met: tuple[str, ...] = ()
        missing: tuple[str, ...] = ()
        wait, way = self.waits.get(casualty.casualty_id), self.ways[row]
        if wait is not None:
            reasons.append(_waiting(casualty, wait))
        elif way is not None:
            vehicle = self.vehicle_at[chosen.vehicle_id]
            column = self.site_at[chosen.finess_geo]
            scene = float(self.tables.scene[row, vehicle])
            ride = way.minutes
            reasons += self._vehicle(casualty, vehicle, scene, way)
            reasons.append(
                Reason(
                    "RIDE",
                    f"About {ride:.0f} min on the way, give or take {RELATIVE_ERROR:.0%} "
                    "(distance model)",
                )
            )
            site = self.problem.sites[column]
            met, missing, words = _capabilities(casualty, site)
            reasons += words
            reasons.append(self._places(column, category_of(casualty)))
            reasons += self._site(casualty, site)
            reasons += self._not_nearest(row, column)
        if changed and before is not None:
            reasons.append(_change(before, chosen))
        return Told(
            chosen,
            casualty.band,
            category_of(casualty) if self.problem.situation.novi else casualty.category,
            scene,
            ride,
            met,
            missing,
            pinned,
            changed,
            wait,
            tuple(reasons),
        )

    def _vehicle(self, casualty: Casualty, at: int, scene: float, way: Way) -> list[Reason]:
        vehicle = self.problem.vehicles[at]
        if casualty.loaded_in:
            told = [Reason("LOADED", "Already on board: the vehicle stays")]
        else:
            told = [Reason("VEHICLE", f"{vehicle.vehicle_type} there in about {scene:.0f} min")]
        if way.stops > 1:
            told.append(_shared(way))
        if casualty.loaded_in:
            return told
        minutes = CREW_MIN[crew_of(vehicle.vehicle_type)].get(casualty.band, 0.0)
        if minutes and casualty.band in GRAVE:
            told.append(
                Reason("CREW_BELOW_NEED", "No vehicle with a fuller crew is worth its longer way")
            )
        return told

    def _places(self, column: int, category: str) -> Reason:
        key = (column, category)
        if key not in self.capacity:
            self.capacity[key] = _places(self.problem, self.problem.sites[column], category)
        return self.capacity[key]

    def _site(self, casualty: Casualty, site: Site) -> list[Reason]:
        told = []
        if casualty.bound_for:
            told.append(Reason("BOUND", "A human has fixed this site"))
        if site.facility.closed:
            told.append(Reason("CLOSED", "Reported closed: call before arriving"))
        if self.problem.situation.orsan and not orsan_minutes(self.problem, casualty, site):
            told.append(Reason("ORSAN_RANK", "In its line of the ORSAN plan"))
        if shortage_minutes(self.problem, casualty, site):
            told.append(Reason("SHORTAGE", "Something this person may need may run out here"))
        return told

    def _not_nearest(self, row: int, column: int) -> list[Reason]:
        nearest = int(np.argmin(self.tables.ride[row]))
        if nearest == column:
            return []
        site = self.problem.sites[nearest]
        why = "its places serve others better"
        if site.facility.closed:
            why = "it is closed"
        elif self.tables.lacking[row, nearest] > self.tables.lacking[row, column]:
            why = "it lacks something that is needed"
        elif sum(p.free for p in site.places) == 0 and site.places:
            why = "it has no free place"
        return [
            Reason(
                "NOT_NEAREST",
                f"{site.facility.name} is nearer ({self.tables.ride[row, nearest]:.0f} min): {why}",
            )
        ]


def _capabilities(
    casualty: Casualty, site: Site
) -> tuple[tuple[str, ...], tuple[str, ...], list[Reason]]:
    has = site.facility.capabilities
    met: dict[str, None] = {}
    missing: dict[str, None] = {}
    lacking = []
    for need in casualty.needs:
        found = [code for code in need.codes if code in has]
        if found:
            met |= dict.fromkeys(found)
        else:
            missing |= dict.fromkeys(need.codes)
            lacking.append(" or ".join(need.codes))
    source = "synthetic" if site.facility.synthetic else "ROR"
    if lacking:
        told = [Reason("CAPABILITY_MISSING", f"Lacks {', '.join(lacking)} ({source} capabilities)")]
    elif met:
        told = [Reason("CAPABILITIES_MET", f"Has {', '.join(met)} ({source} capabilities)")]
    else:
        told = []
    return tuple(met), tuple(missing), told


def _places(problem: Problem, site: Site, category: str) -> Reason:
    if not site.places:
        return Reason(
            "PLACES_UNKNOWN",
            f"Nobody counted its places: {problem.policy.unknown_places} are taken for granted",
        )
    counted = counts(problem, site, category) + counts(problem, site, "")
    free = sum(places.free for places in counted)
    age = _age_min(problem, counted)
    if age is None:
        return Reason("PLACES_UNDATED", f"{free} free, nobody said when: hardly believed")
    told = f"{free} free, counted {age:.0f} min ago"
    if age > OLD_MIN:
        return Reason("PLACES_OLD", f"{told}: too old to trust")
    return Reason("PLACES_FREE", told)


def _age_min(problem: Problem, counted: list[Places]) -> float | None:
    """Age of the oldest count, None when one has no date or nothing was counted."""
    ages = [
        None if p.counted is None else max(0.0, (problem.now - p.counted).total_seconds() / 60)
        for p in counted
    ]
    known = [age for age in ages if age is not None]
    return max(known) if known and len(known) == len(ages) else None


def _waiting(casualty: Casualty, wait: Wait) -> Reason:
    text = WAIT_TEXTS.get(wait.reason, TOO_FAR)
    if wait.minutes is not None:
        text += f"; a vehicle could be there in about {wait.minutes:.0f} min"
    if casualty.loaded_in:
        text += "; stays in the vehicle"
    return Reason(f"WAITS_{wait.reason}", text)


def _shared(way: Way) -> Reason:
    text = f"Stop {way.stop} of {way.stops} of this vehicle"
    if way.stop == 1:
        return Reason("SHARED_VEHICLE", f"{text}: the gravest are brought first")
    return Reason(
        "SHARED_VEHICLE",
        f"{text}, after {way.after}: about {way.detour_min:.0f} min more than straight there",
    )


def _change(before: Assignment, now: Assignment) -> Reason:
    parts = []
    if before.vehicle_id != now.vehicle_id:
        parts.append(f"vehicle {before.vehicle_id or 'none'} before")
    if before.finess_geo != now.finess_geo:
        parts.append(f"site {before.finess_geo or 'none'} before")
    return Reason("CHANGED", f"Changed: {', '.join(parts)}")


def outcome(problem: Problem, tables: Tables, allocation: Allocation) -> Outcome:
    """The figures of any allocation, whoever made it; earlier instructions weigh nothing."""
    vehicle_at = {v.vehicle_id: i for i, v in enumerate(problem.vehicles)}
    site_at = {s.facility.finess_geo: i for i, s in enumerate(problem.sites)}
    arrivals, grave, wrong = [], [], 0
    found = ways(problem, tables, allocation)
    for row, (casualty, chosen, way) in enumerate(
        zip(problem.casualties, allocation.assignments, found, strict=True)
    ):
        if way is None:
            continue
        column = site_at[chosen.finess_geo]
        minutes = float(tables.scene[row, vehicle_at[chosen.vehicle_id]]) + way.minutes
        arrivals.append(minutes)
        if casualty.band in GRAVE:
            grave.append(minutes)
        wrong += bool(tables.lacking[row, column] > 0)
    return Outcome(
        tables.priced(problem, allocation, plain=True).total,
        len(arrivals),
        len(problem.casualties) - len(arrivals),
        wrong,
        float(np.mean(arrivals)) if arrivals else None,
        float(np.mean(grave)) if grave else None,
    )


def cover_told(problem: Problem, allocation: Allocation) -> tuple[CoverTold, ...]:
    stood, gone = standing(problem, allocation)
    return tuple(
        CoverTold(c.sector, stood[c.sector], c.keep, stood[c.sector] - gone[c.sector])
        for c in problem.cover
    )


def unchanged(problem: Problem, allocation: Allocation) -> float | None:
    """Share of the earlier assignments of people who are still there that stand as told."""
    told = [
        (problem.previous[a.casualty_id], a)
        for a in allocation.assignments
        if a.casualty_id in problem.previous
    ]
    return sum(before == now for before, now in told) / len(told) if told else None
