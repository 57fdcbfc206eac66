"""Which facility: minutes to the right care, penalties included, the fewest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.orientation.domain.facilities import (
    BedCount,
    Directory,
    Facility,
    Shortage,
    Shortages,
)
from services.orientation.domain.pathways import Need
from services.orientation.domain.severity import Reason
from services.orientation.domain.travel import RELATIVE_ERROR, travel_minutes

BEST = 5
CLOSED_MIN = 240.0
SHORTAGE_MIN = 40.0
# A free-bed count loses half of its worth in an hour; after two it is called old.
HALF_LIFE_MIN, OLD_MIN = 60.0, 120.0
UNKNOWN_BEDS_MIN = 10.0
BED_MINUTES = (35.0, 12.0, 6.0, 3.0)  # for 0, 1, 2, 3 free beds; more cost nothing


@dataclass(frozen=True, slots=True)
class FacilityOption:
    facility: Facility
    travel_min: float
    met: tuple[str, ...]
    missing: tuple[str, ...]
    beds_free: int | None
    beds_age_min: float | None
    score_min: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """From where, with what and when; `bed_weight` is how likely a bed is needed, 0 to 1."""

    latitude: float
    longitude: float
    vehicle_type: str
    local_hour: int
    now: datetime
    bed_weight: float


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
) -> Ranking:
    """The best facilities for one patient; the same inputs give the same order."""
    near = directory.candidates(journey.latitude, journey.longitude, [need.codes for need in needs])
    if not near:
        return Ranking((), "")
    asked = _Asked(journey, shortages, needs, resources)
    costs = [_cost(asked, place, km) for place, km in near]
    costs.sort(key=lambda c: (round(c.score_min, 6), c.facility.finess_geo))
    nearest = min(costs, key=lambda c: (c.travel_min, c.facility.finess_geo))
    options = tuple(_explained(asked, cost) for cost in costs[:BEST])
    if nearest is costs[0]:
        return Ranking(options, "")
    return Ranking(options, _why_not(_explained(asked, nearest), options[0]))


@dataclass(frozen=True, slots=True)
class _Asked:
    journey: Journey
    shortages: Shortages
    needs: Sequence[Need]
    resources: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Cost:
    """Minutes alone: words are found for the few that are shown."""

    facility: Facility
    travel_min: float
    lacking_min: float
    count: BedCount | None
    short: tuple[Shortage, ...]
    score_min: float


def _cost(asked: _Asked, facility: Facility, km: float) -> _Cost:
    journey = asked.journey
    travel = travel_minutes(km, journey.vehicle_type, journey.local_hour)
    lacking = 0.0
    for need in asked.needs:
        if facility.capabilities.isdisjoint(need.codes):
            lacking += need.penalty_min
    count = facility.free_beds() if facility.beds else None
    short: tuple[Shortage, ...] = ()
    if asked.resources and asked.shortages.worst:
        found = (asked.shortages.at(facility.finess_geo, name) for name in asked.resources)
        short = tuple(shortage for shortage in found if shortage is not None)
    score = travel + lacking + _bed_minutes(journey, count)
    score += SHORTAGE_MIN * max((s.probability for s in short), default=0.0)
    score += CLOSED_MIN if facility.closed else 0.0
    return _Cost(facility, travel, lacking, count, short, score)


def _age_min(journey: Journey, count: BedCount) -> float:
    return max(0.0, (journey.now - count.updated).total_seconds() / 60.0)


def _bed_minutes(journey: Journey, count: BedCount | None) -> float:
    if count is None:
        return UNKNOWN_BEDS_MIN * journey.bed_weight
    trust: float = 0.5 ** (_age_min(journey, count) / HALF_LIFE_MIN)
    told = BED_MINUTES[count.beds] if count.beds < len(BED_MINUTES) else 0.0
    return (trust * told + (1 - trust) * UNKNOWN_BEDS_MIN) * journey.bed_weight


def _explained(asked: _Asked, cost: _Cost) -> FacilityOption:
    """The same cost with every minute accounted for in words."""
    facility = cost.facility
    met: dict[str, None] = {}
    missing: dict[str, None] = {}
    lacking = []
    for need in asked.needs:
        has = [code for code in need.codes if code in facility.capabilities]
        if has:
            met |= dict.fromkeys(has)
        else:
            missing |= dict.fromkeys(need.codes)
            lacking.append(" or ".join(need.codes))
    reasons = [
        Reason(
            "TRAVEL",
            f"About {cost.travel_min:.0f} min on the way, give or take {RELATIVE_ERROR:.0%} "
            "(distance model)",
        )
    ]
    if lacking:
        words = "synthetic" if facility.synthetic else "ROR"
        reasons.append(
            Reason(
                "CAPABILITY_MISSING",
                f"Lacks {', '.join(lacking)} ({words} capabilities): costs about "
                f"{cost.lacking_min:.0f} min",
            )
        )
    elif met:
        reasons.append(Reason("CAPABILITIES_MET", f"Has all that is needed: {', '.join(met)}"))
    reasons.append(_beds(asked.journey, cost.count))
    reasons += [_shortage(shortage) for shortage in cost.short]
    if facility.closed:
        reasons.append(Reason("CLOSED", "Reported closed"))
    return FacilityOption(
        facility,
        cost.travel_min,
        tuple(met),
        tuple(missing),
        None if cost.count is None else cost.count.beds,
        None if cost.count is None else _age_min(asked.journey, cost.count),
        cost.score_min,
        tuple(reasons),
    )


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


def _why_not(nearest: FacilityOption, best: FacilityOption) -> str:
    """What the nearest facility lacks, when it is not the best."""
    told = [r.text for r in nearest.reasons if r.code not in ("TRAVEL", "CAPABILITIES_MET")]
    gained = nearest.score_min - best.score_min
    return (
        f"{nearest.facility.name} is nearer ({nearest.travel_min:.0f} min) but costs about "
        f"{gained:.0f} min more to the right care: {'; '.join(told)}."
    )
