"""Which facility: minutes to the right care, penalties included, the fewest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.orientation.domain.directory import (
    CLOSED_MIN,
    UNKNOWN_BEDS_MIN,
    Able,
    Directory,
    Floats,
    Near,
    kilometres,
)
from services.orientation.domain.facilities import (
    FIRST_LINE,
    SECOND_LINE,
    BedCount,
    Facility,
    Shortage,
    Shortages,
)
from services.orientation.domain.pathways import Need
from services.orientation.domain.severity import Reason
from services.orientation.domain.travel import (
    RELATIVE_ERROR,
    ROAD_RELATIVE_ERROR,
    Roads,
    crow_minutes,
    road_minutes,
)

BEST = 5
WRONG_AGE_MIN = 120.0
# In a mass-casualty plan the first line is kept for the gravest, the second for the others.
ORSAN_GRAVE_MIN, ORSAN_LIGHT_MIN = 20.0, 15.0
SHORTAGE_MIN = 40.0
# A free-bed count loses half of its worth in an hour; after two it is called old.
HALF_LIFE_MIN, OLD_MIN = 60.0, 120.0
# Of a normal spread, the share of the stated error that is one standard deviation: the
# error is taken to hold four times in five.
ONE_SD = 1 / 1.2816
SQRT_HALF = math.sqrt(0.5)


class FacilityOption(NamedTuple):
    """`confidence` is the chance that none of the others shown is really better."""

    facility: Facility
    travel_min: float
    met: tuple[str, ...]
    missing: tuple[str, ...]
    beds_free: int | None
    beds_age_min: float | None
    score_min: float
    reasons: tuple[Reason, ...]
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Journey:
    """From where, with what, when and for whom.

    `bed_weight` is how likely a bed is needed, 0 to 1; `local` is the instant on the clock
    of the region; `mass` says that a mass-casualty plan is on (plan blanc, ORSAN, NOVI).
    """

    latitude: float
    longitude: float
    vehicle_type: str
    local_hour: int
    now: datetime
    bed_weight: float
    age_years: float | None = None
    grave: bool = False
    mass: bool = False
    local: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    options: tuple[FacilityOption, ...]
    why_not_nearest: str


def rank(
    journey: Journey,
    directory: Directory,
    shortages: Shortages,
    needs: Sequence[Need],
    resources: Sequence[str],
    *,
    roads: Roads | None = None,
) -> Ranking:
    """The best facilities for one patient; the same inputs give the same order."""
    able = directory.able(tuple(needs))
    near = directory.near(journey.latitude, journey.longitude, able)
    if not len(near.rows):
        return Ranking((), "")
    asked = _Asked(journey, directory, shortages, able, resources, near)
    costs = _costs(asked, roads)
    # rows are in the order of the FINESS numbers, which settles ties
    order = np.argsort(np.rint(costs.score * 1e6), kind="stable")[:BEST].tolist()
    options = _options(asked, costs, order)
    nearest = int(costs.travel.argmin())
    if nearest == order[0]:
        return Ranking(options, "")
    return Ranking(options, _why_not(_options(asked, costs, [nearest])[0], options[0]))


@dataclass(frozen=True, slots=True)
class _Asked:
    journey: Journey
    directory: Directory
    shortages: Shortages
    able: Able
    resources: Sequence[str]
    near: Near


@dataclass(frozen=True, slots=True)
class _Costs:
    """Minutes by place in `near`: words are found for the few that are shown."""

    travel: Floats
    on_roads: npt.NDArray[np.bool_] | None
    score: Floats


def _costs(asked: _Asked, roads: Roads | None) -> _Costs:
    journey, near = asked.journey, asked.near
    columns = near.columns
    km = kilometres(columns.chords(journey.latitude, journey.longitude))
    travel = crow_minutes(km, journey.vehicle_type, journey.local_hour)
    known = None
    if roads is not None:
        travel, known = _by_road(asked, travel, roads)
    old = np.maximum(0.0, journey.now.timestamp() - columns.counted_s)
    beds = columns.bed_gain_min * np.exp2(old * (-1 / (60 * HALF_LIFE_MIN))) + UNKNOWN_BEDS_MIN
    score = travel + near.fixed_min + beds * journey.bed_weight
    if near.hours:
        _out_of_hours(asked, travel, score)
    if near.limited and journey.age_years is not None:
        years = journey.age_years
        score += WRONG_AGE_MIN * ((years < columns.age_from) | (years >= columns.age_until))
    if journey.mass:
        line, minutes = _kept_free(journey)
        score += minutes * (columns.orsan_rank == line)
    if asked.resources and asked.shortages.worst:
        for place, row in enumerate(near.rows):
            short = _short(asked, asked.directory.facilities[row])
            score[place] += SHORTAGE_MIN * max((s.probability for s in short), default=0.0)
    return _Costs(travel, known, score)


def _by_road(
    asked: _Asked, travel: Floats, roads: Roads
) -> tuple[Floats, npt.NDArray[np.bool_] | None]:
    """Minutes on real roads where the router knows them, and which those are."""
    journey, sites = asked.journey, asked.directory.facilities
    names = [sites[row].finess_geo for row in asked.near.rows]
    car = roads.car_minutes(journey.latitude, journey.longitude, names)
    if car is None:
        return travel, None
    minutes = road_minutes(car, journey.vehicle_type, journey.local_hour)
    known = ~np.isnan(minutes)
    return np.where(known, minutes, travel), known


def _out_of_hours(asked: _Asked, travel: Floats, score: Floats) -> None:
    """Adds to the score of sites that will be shut when the patient arrives."""
    for place in asked.near.hours:
        site = asked.directory.facilities[asked.near.rows[place]]
        if not site.closed and not _open_on_arrival(asked.journey, site, float(travel[place])):
            score[place] += CLOSED_MIN


def _open_on_arrival(journey: Journey, site: Facility, travel_min: float) -> bool:
    if journey.local is None or not site.opening:
        return True
    minute = journey.local.weekday() * 1440 + journey.local.hour * 60 + journey.local.minute
    return site.open_in_week((minute + int(travel_min)) % (7 * 1440))


def _kept_free(journey: Journey) -> tuple[int, float]:
    """The ORSAN line that is kept for other patients than this one, and what it costs."""
    return (SECOND_LINE, ORSAN_GRAVE_MIN) if journey.grave else (FIRST_LINE, ORSAN_LIGHT_MIN)


def _short(asked: _Asked, facility: Facility) -> list[Shortage]:
    found = (asked.shortages.at(facility.finess_geo, name) for name in asked.resources)
    return [shortage for shortage in found if shortage is not None]


def _options(asked: _Asked, costs: _Costs, places: Sequence[int]) -> tuple[FacilityOption, ...]:
    """The facilities at these places with every minute accounted for in words.

    Each is held against the best of the others: errors taken as normal and independent.
    Neighbouring sites share a part of the error of the way, so the truth is a little surer.
    """
    journey = asked.journey
    scores = [float(costs.score[place]) for place in places]
    found = [_found(asked, costs, place) for place in places]
    out = []
    for place, (facility, travel, error, count, age) in enumerate(found):
        confidence = 1.0
        if len(places) > 1:
            rival = 1 if place == 0 else 0
            both = math.hypot(_deviation(journey, found[place]), _deviation(journey, found[rival]))
            ahead = (scores[rival] - scores[place]) / max(both, 1e-9)
            confidence = 0.5 * (1 + math.erf(ahead * SQRT_HALF))
        model = "road router" if error == ROAD_RELATIVE_ERROR else "distance model"
        way = f"About {travel:.0f} min on the way, give or take {error:.0%} ({model})"
        fit = asked.able.fit(facility)
        reasons = [Reason("TRAVEL", way), *fit.reasons, _beds(count, age)]
        if asked.resources and asked.shortages.worst:
            reasons += [_shortage(shortage) for shortage in _short(asked, facility)]
        reasons += _limits(journey, facility, travel)
        out.append(
            FacilityOption(
                facility,
                travel,
                fit.met,
                fit.missing,
                None if count is None else count.beds,
                age,
                scores[place],
                tuple(reasons),
                confidence,
            )
        )
    return tuple(out)


Found = tuple[Facility, float, float, BedCount | None, float | None]


def _found(asked: _Asked, costs: _Costs, place: int) -> Found:
    """Facility, minutes on the way and their error, count of free beds and its age."""
    facility = asked.directory.facilities[asked.near.rows[place]]
    on_roads = costs.on_roads is not None and bool(costs.on_roads[place])
    count = facility.free_beds() if facility.beds else None
    age = None
    if count is not None:
        age = max(0.0, (asked.journey.now - count.updated).total_seconds() / 60.0)
    error = ROAD_RELATIVE_ERROR if on_roads else RELATIVE_ERROR
    return facility, float(costs.travel[place]), error, count, age


def _deviation(journey: Journey, found: Found) -> float:
    """Standard deviation of the score in minutes: of the way, and of the beds as they age."""
    _, travel, error, _, age = found
    trust = 0.0 if age is None else 0.5 ** (age / HALF_LIFE_MIN)
    beds = (1 - trust) * UNKNOWN_BEDS_MIN * journey.bed_weight
    return math.hypot(travel * error * ONE_SD, beds)


def _limits(journey: Journey, facility: Facility, travel_min: float) -> list[Reason]:
    """Closing, hours, ages and rank in a plan, where they speak against the site."""
    told = []
    if facility.closed:
        told.append(Reason("CLOSED", "Reported closed"))
    elif not _open_on_arrival(journey, facility, travel_min):
        told.append(Reason("OUT_OF_HOURS", "Shut at the time of arrival"))
    if journey.age_years is not None and not facility.takes_age(journey.age_years):
        told.append(Reason("AGE_NOT_TAKEN", "Does not take patients of this age"))
    if journey.mass and facility.orsan_rank == _kept_free(journey)[0]:
        line = "second" if journey.grave else "first"
        other = "light" if journey.grave else "grave"
        text = f"ORSAN {line} line: kept for {other} cases while the plan is on"
        told.append(Reason(f"ORSAN_{line.upper()}_LINE", text))
    return told


def _beds(count: BedCount | None, age_min: float | None) -> Reason:
    if count is None or age_min is None:
        return Reason("BEDS_UNKNOWN", "No count of free beds is known")
    beds = f"{count.beds} free bed{'' if count.beds == 1 else 's'} counted {age_min:.0f} min ago"
    if age_min > OLD_MIN:
        return Reason("BEDS_OLD", f"{beds}: too old to trust")
    return Reason("BEDS_NONE" if count.beds == 0 else "BEDS_FREE", beds)


def _shortage(shortage: Shortage) -> Reason:
    """Only a resource that this case needs is told."""
    day = f" by {shortage.stockout_day.isoformat()}" if shortage.stockout_day else ""
    return Reason(
        f"SHORTAGE_{shortage.resource}",
        f"{shortage.resource.capitalize()} may run out here{day} "
        f"({shortage.probability:.0%} likely)",
    )


def _why_not(nearest: FacilityOption, best: FacilityOption) -> str:
    """What the nearest facility lacks, when it is not the best."""
    told = [r.text for r in nearest.reasons if r.code not in ("TRAVEL", "CAPABILITIES_MET")]
    gained = nearest.score_min - best.score_min
    return (
        f"{nearest.facility.name} is nearer ({nearest.travel_min:.0f} min) but costs about "
        f"{gained:.0f} min more to the right care: {'; '.join(told)}."
    )
