"""Which facility: minutes to the right care, penalties included, the fewest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.orientation.domain.directory import (
    CLOSED_MIN,
    HALF_LIFE_MIN,
    UNKNOWN_BEDS_MIN,
    Able,
    Directory,
    Floats,
    Near,
    faded,
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
OLD_MIN = 120.0  # from this age on a free-bed count is called old
# Of a normal spread, the share of the stated error that is one standard deviation: the
# error is taken to hold four times in five.
ONE_SD = 1 / 1.2816
DEVIATION, ROAD_DEVIATION = RELATIVE_ERROR * ONE_SD, ROAD_RELATIVE_ERROR * ONE_SD
SQRT_HALF = math.sqrt(0.5)
MOST_WORDS = 8192  # reasons remembered: the same minutes and counts come again and again
BEDS_UNKNOWN = Reason("BEDS_UNKNOWN", "No count of free beds is known")


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


class Journey(NamedTuple):
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


class Ranking(NamedTuple):
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
    order = np.rint(costs.score * 1e6).argsort(kind="stable")[:BEST].tolist()
    found = _found(asked, costs, order)
    nearest = int(costs.travel.argmin())
    why_not = ""
    if nearest != order[0]:
        if nearest in order:
            other = found[order.index(nearest)]
        else:
            (other,) = _found(asked, costs, [nearest])
        why_not = _why_not(asked, other, found[0])
    return Ranking(_options(asked, found), why_not)


class _Asked(NamedTuple):
    journey: Journey
    directory: Directory
    shortages: Shortages
    able: Able
    resources: Sequence[str]
    near: Near


class _Costs(NamedTuple):
    """Minutes by place in `near`: words are found for the few that are shown."""

    travel: Floats
    on_roads: npt.NDArray[np.bool_] | None
    score: Floats


def _costs(asked: _Asked, roads: Roads | None) -> _Costs:
    journey, near = asked.journey, asked.near
    columns = near.columns
    km = kilometres(columns.haversines(journey.latitude, journey.longitude))
    travel = crow_minutes(km, journey.vehicle_type, journey.local_hour)
    known = None
    if roads is not None:
        travel, known = _by_road(asked, travel, roads)
    score = _bed_minutes(journey, near)
    score += near.fixed_min
    score += travel
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


def _bed_minutes(journey: Journey, near: Near) -> Floats:
    """What the counts of free beds cost, each faded to what is known instead of a count."""
    now_s, weight = journey.now.timestamp(), journey.bed_weight
    since = now_s - near.newest_s
    if since >= 0:  # all fade alike from the newest on
        minutes = near.gain_then_min * (weight * 2.0 ** (-since / (60 * HALF_LIFE_MIN)))
    else:  # a count from the future is taken as fresh
        columns = near.columns
        minutes = columns.bed_gain_min * faded(np.maximum(0.0, now_s - columns.counted_s))
        minutes *= weight
    minutes += UNKNOWN_BEDS_MIN * weight
    return np.asarray(minutes)


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


class _Found(NamedTuple):
    """A facility that is shown: `error` is that of the way, as a share of it."""

    facility: Facility
    score: float
    travel: float
    on_roads: bool
    beds: BedCount | None
    age: float | None
    deviation: float  # standard deviation of the score in minutes


def _found(asked: _Asked, costs: _Costs, places: Sequence[int]) -> list[_Found]:
    journey, directory, near = asked.journey, asked.directory, asked.near
    now, unknown_min = journey.now, UNKNOWN_BEDS_MIN * journey.bed_weight
    at = np.array(places)
    travels, scores = costs.travel[at].tolist(), costs.score[at].tolist()
    roads = [False] * len(places) if costs.on_roads is None else costs.on_roads[at].tolist()
    out = []
    for row, travel, score, on_roads in zip(
        near.rows[at].tolist(), travels, scores, roads, strict=True
    ):
        count, age, trust = directory.counts[row], None, 0.0
        if count is not None:
            age = max(0.0, (now - count.updated).total_seconds() / 60.0)
            trust = 0.5 ** (age / HALF_LIFE_MIN)
        # of the way, and of the beds as they age
        way = travel * (ROAD_DEVIATION if on_roads else DEVIATION)
        deviation = math.hypot(way, (1 - trust) * unknown_min)
        out.append(
            _Found(directory.facilities[row], score, travel, on_roads, count, age, deviation)
        )
    return out


def _options(asked: _Asked, found: Sequence[_Found]) -> tuple[FacilityOption, ...]:
    """The facilities with every minute accounted for in words.

    Each is held against the best of the others: errors taken as normal and independent.
    Neighbouring sites share a part of the error of the way, so the truth is a little surer.
    """
    out = []
    rival = found[1] if len(found) > 1 else None
    for shown in found:
        facility, score, travel, on_roads, beds, age, deviation = shown
        confidence = 1.0
        if rival is not None:
            both = math.hypot(deviation, rival.deviation)
            ahead = (rival.score - score) / max(both, 1e-9)
            confidence = 0.5 * (1 + math.erf(ahead * SQRT_HALF))
        rival = found[0]  # of all that follow the best
        fit = asked.able.fit(facility)
        reasons = (_way(round(travel), on_roads), *_against(asked, shown))
        out.append(
            FacilityOption(
                facility,
                travel,
                fit.met,
                fit.missing,
                None if beds is None else beds.beds,
                age,
                score,
                reasons,
                confidence,
            )
        )
    return tuple(out)


@lru_cache(maxsize=MOST_WORDS)
def _way(minutes: int, on_roads: bool) -> Reason:
    error, model = RELATIVE_ERROR, "distance model"
    if on_roads:
        error, model = ROAD_RELATIVE_ERROR, "road router"
    text = f"About {minutes} min on the way, give or take {error:.0%} ({model})"
    return Reason("TRAVEL", text)


def _against(asked: _Asked, shown: _Found) -> list[Reason]:
    """All but the way: capabilities, beds, shortages and limits."""
    facility, age = shown.facility, shown.age
    told = [*asked.able.fit(facility).reasons]
    if shown.beds is None or age is None:
        told.append(BEDS_UNKNOWN)
    else:
        told.append(_beds(shown.beds.beds, round(age), age > OLD_MIN))
    if asked.resources and asked.shortages.worst:
        told += [_shortage(shortage) for shortage in _short(asked, facility)]
    near = asked.near
    if near.shut or near.hours or near.limited or asked.journey.mass:
        told += _limits(asked.journey, facility, shown.travel)
    return told


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


@lru_cache(maxsize=MOST_WORDS)
def _beds(count: int, age_min: int, old: bool) -> Reason:
    beds = f"{count} free bed{'' if count == 1 else 's'} counted {age_min} min ago"
    if old:
        return Reason("BEDS_OLD", f"{beds}: too old to trust")
    return Reason("BEDS_NONE" if count == 0 else "BEDS_FREE", beds)


def _shortage(shortage: Shortage) -> Reason:
    """Only a resource that this case needs is told."""
    day = f" by {shortage.stockout_day.isoformat()}" if shortage.stockout_day else ""
    return Reason(
        f"SHORTAGE_{shortage.resource}",
        f"{shortage.resource.capitalize()} may run out here{day} "
        f"({shortage.probability:.0%} likely)",
    )


def _why_not(asked: _Asked, nearest: _Found, best: _Found) -> str:
    """What the nearest facility lacks, when it is not the best."""
    told = [r.text for r in _against(asked, nearest) if r.code != "CAPABILITIES_MET"]
    gained = nearest.score - best.score
    return (
        f"{nearest.facility.name} is nearer ({nearest.travel:.0f} min) but costs about "
        f"{gained:.0f} min more to the right care: {'; '.join(told)}."
    )
