"""Which facility: minutes to the right care, penalties included, the fewest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.orientation.domain.directory import Able, Directory, Floats, Indices
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
CLOSED_MIN = 240.0
WRONG_AGE_MIN = 120.0
# In a mass-casualty plan the first line is kept for the gravest, the second for the others.
ORSAN_GRAVE_MIN, ORSAN_LIGHT_MIN = 20.0, 15.0
SHORTAGE_MIN = 40.0
# A free-bed count loses half of its worth in an hour; after two it is called old.
HALF_LIFE_MIN, OLD_MIN = 60.0, 120.0
UNKNOWN_BEDS_MIN = 10.0
BED_MINUTES = (35.0, 12.0, 6.0, 3.0)  # for 0, 1, 2, 3 free beds; more cost nothing
BED_TABLE = np.array([*BED_MINUTES, 0.0])
# Of a normal spread, the share of the stated error that is one standard deviation: the
# error is taken to hold four times in five.
ONE_SD = 1 / 1.2816


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
    asked = _Asked(journey, directory, shortages, directory.able(tuple(needs)), resources)
    rows, km = directory.candidates(journey.latitude, journey.longitude, asked.able)
    if not len(rows):
        return Ranking((), "")
    costs = _costs(asked, rows, km, roads)
    # rows are in the order of the FINESS numbers, which settles ties
    order = np.argsort(np.round(costs.score, 6), kind="stable")
    best = [_explained(asked, costs, int(place)) for place in order[:BEST]]
    options = _with_confidence(best)
    nearest = int(np.argmin(costs.travel))
    if nearest == order[0]:
        return Ranking(options, "")
    return Ranking(options, _why_not(_explained(asked, costs, nearest)[0], options[0]))


@dataclass(frozen=True, slots=True)
class _Asked:
    journey: Journey
    directory: Directory
    shortages: Shortages
    able: Able
    resources: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Costs:
    """Minutes by candidate: words are found for the few that are shown."""

    rows: Indices
    travel: Floats
    on_roads: npt.NDArray[np.bool_] | None
    score: Floats


def _costs(asked: _Asked, rows: Indices, km: Floats, roads: Roads | None) -> _Costs:
    journey, columns = asked.journey, asked.directory.columns
    travel = crow_minutes(km, journey.vehicle_type, journey.local_hour)
    known = None
    if roads is not None:
        travel, known = _by_road(asked, rows, travel, roads)
    score = travel + asked.able.lacking_min[rows] + _bed_minutes(asked, rows)
    score += CLOSED_MIN * (columns.closed[rows] | _out_of_hours(asked, rows, travel))
    if journey.age_years is not None:
        wrong = (journey.age_years < columns.age_from[rows]) | (
            journey.age_years >= columns.age_until[rows]
        )
        score += WRONG_AGE_MIN * wrong
    if journey.mass:
        line, minutes = _kept_free(journey)
        score += minutes * (columns.orsan_rank[rows] == line)
    if asked.resources and asked.shortages.worst:
        for place, row in enumerate(rows):
            short = _short(asked, asked.directory.facilities[row])
            score[place] += SHORTAGE_MIN * max((s.probability for s in short), default=0.0)
    return _Costs(rows, travel, known, score)


def _by_road(
    asked: _Asked, rows: Indices, travel: Floats, roads: Roads
) -> tuple[Floats, npt.NDArray[np.bool_] | None]:
    """Minutes on real roads where the router knows them, and which those are."""
    journey, sites = asked.journey, asked.directory.facilities
    names = [sites[row].finess_geo for row in rows]
    car = roads.car_minutes(journey.latitude, journey.longitude, names)
    if car is None:
        return travel, None
    minutes = road_minutes(car, journey.vehicle_type, journey.local_hour)
    known = ~np.isnan(minutes)
    return np.where(known, minutes, travel), known


def _bed_minutes(asked: _Asked, rows: Indices) -> Floats:
    journey, columns = asked.journey, asked.directory.columns
    beds = columns.beds[rows]
    age_min = np.maximum(0.0, (journey.now.timestamp() - columns.counted_s[rows]) / 60.0)
    trust = np.where(beds < 0, 0.0, np.exp2(-age_min / HALF_LIFE_MIN))
    told = BED_TABLE[np.minimum(beds, len(BED_MINUTES))]
    minutes = UNKNOWN_BEDS_MIN + trust * (told - UNKNOWN_BEDS_MIN)
    return np.asarray(minutes * journey.bed_weight)


def _out_of_hours(asked: _Asked, rows: Indices, travel: Floats) -> npt.NDArray[np.bool_]:
    """Which sites will be shut when the patient arrives; few tell their hours."""
    shut = np.zeros(len(rows), dtype=np.bool_)
    if asked.journey.local is None:
        return shut
    for place in np.flatnonzero(asked.directory.columns.has_hours[rows]):
        site = asked.directory.facilities[rows[place]]
        shut[place] = not _open_on_arrival(asked.journey, site, float(travel[place]))
    return shut


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


def _age_min(journey: Journey, count: BedCount) -> float:
    return max(0.0, (journey.now - count.updated).total_seconds() / 60.0)


def _explained(asked: _Asked, costs: _Costs, place: int) -> tuple[FacilityOption, float]:
    """The same cost with every minute accounted for in words, and its standard deviation."""
    journey = asked.journey
    facility = asked.directory.facilities[costs.rows[place]]
    travel = float(costs.travel[place])
    on_roads = costs.on_roads is not None and bool(costs.on_roads[place])
    error, model = (
        (ROAD_RELATIVE_ERROR, "road router") if on_roads else (RELATIVE_ERROR, "distance model")
    )
    reasons = [
        Reason("TRAVEL", f"About {travel:.0f} min on the way, give or take {error:.0%} ({model})")
    ]
    fit = asked.able.fit(facility)
    reasons += fit.reasons
    count = facility.free_beds() if facility.beds else None
    reasons.append(_beds(journey, count))
    if asked.resources and asked.shortages.worst:
        reasons += [_shortage(shortage) for shortage in _short(asked, facility)]
    reasons += _limits(journey, facility, travel)
    age = None if count is None else _age_min(journey, count)
    trust = 0.0 if age is None else 0.5 ** (age / HALF_LIFE_MIN)
    beds_sd = (1 - trust) * UNKNOWN_BEDS_MIN * journey.bed_weight
    option = FacilityOption(
        facility,
        travel,
        fit.met,
        fit.missing,
        None if count is None else count.beds,
        age,
        float(costs.score[place]),
        tuple(reasons),
    )
    return option, math.hypot(travel * error * ONE_SD, beds_sd)


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


def _beds(journey: Journey, count: BedCount | None) -> Reason:
    if count is None:
        return Reason("BEDS_UNKNOWN", "No count of free beds is known")
    age = _age_min(journey, count)
    beds = f"{count.beds} free bed{'' if count.beds == 1 else 's'} counted {age:.0f} min ago"
    if age > OLD_MIN:
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


def _with_confidence(
    best: Sequence[tuple[FacilityOption, float]],
) -> tuple[FacilityOption, ...]:
    """Each option against the best of the others: errors taken as normal and independent.

    Neighbouring sites share a part of the error of the way, so the truth is a little surer.
    """
    out = []
    for place, (option, sd) in enumerate(best):
        rival = best[1 if place == 0 else 0] if len(best) > 1 else None
        if rival is not None:
            both = max(math.hypot(sd, rival[1]), 1e-9)
            ahead = (rival[0].score_min - option.score_min) / both
            chance = 0.5 * (1 + math.erf(ahead / math.sqrt(2)))
            out.append(option._replace(confidence=chance))
        else:
            out.append(option)
    return tuple(out)


def _why_not(nearest: FacilityOption, best: FacilityOption) -> str:
    """What the nearest facility lacks, when it is not the best."""
    told = [r.text for r in nearest.reasons if r.code not in ("TRAVEL", "CAPABILITIES_MET")]
    gained = nearest.score_min - best.score_min
    return (
        f"{nearest.facility.name} is nearer ({nearest.travel_min:.0f} min) but costs about "
        f"{gained:.0f} min more to the right care: {'; '.join(told)}."
    )
