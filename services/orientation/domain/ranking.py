"""Which facility: minutes to the right care, penalties included, the fewest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.orientation.domain.facilities import Directory, Facility, Shortages
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
    options = [
        _option(journey, place, km, shortages=shortages, needs=needs, resources=resources)
        for place, km in near
    ]
    if not options:
        return Ranking((), "")
    nearest = min(options, key=lambda o: (o.travel_min, o.facility.finess_geo))
    options.sort(key=lambda o: (round(o.score_min, 6), o.facility.finess_geo))
    return Ranking(tuple(options[:BEST]), _why_not(nearest, options[0]))


def _option(
    journey: Journey,
    facility: Facility,
    km: float,
    *,
    shortages: Shortages,
    needs: Sequence[Need],
    resources: Sequence[str],
) -> FacilityOption:
    minutes = travel_minutes(km, journey.vehicle_type, journey.local_hour)
    reasons = [
        Reason(
            "TRAVEL",
            f"About {minutes:.0f} min on the way, give or take {RELATIVE_ERROR:.0%} "
            "(distance model)",
        )
    ]
    fit = _capabilities(facility, needs)
    if fit.lacking:
        words = "synthetic" if facility.synthetic else "ROR"
        reasons.append(
            Reason(
                "CAPABILITY_MISSING",
                f"Lacks {', '.join(fit.lacking)} ({words} capabilities): costs about "
                f"{fit.penalty_min:.0f} min",
            )
        )
    elif fit.met:
        reasons.append(Reason("CAPABILITIES_MET", f"Has all that is needed: {', '.join(fit.met)}"))
    bed_min, beds_free, age_min = _beds(journey, facility, reasons)
    short_min = _short(facility, shortages, resources, reasons)
    closed_min = 0.0
    if facility.closed:
        closed_min = CLOSED_MIN
        reasons.append(Reason("CLOSED", "Reported closed"))
    score = minutes + fit.penalty_min + bed_min + short_min + closed_min
    return FacilityOption(
        facility, minutes, fit.met, fit.missing, beds_free, age_min, score, tuple(reasons)
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    met: tuple[str, ...]
    missing: tuple[str, ...]
    lacking: tuple[str, ...]  # one word a need, "127 or 351" where either would do
    penalty_min: float


def _capabilities(facility: Facility, needs: Sequence[Need]) -> _Fit:
    met: dict[str, None] = {}
    missing: dict[str, None] = {}
    lacking: list[str] = []
    penalty = 0.0
    for need in needs:
        has = [code for code in need.codes if code in facility.capabilities]
        if has:
            met |= dict.fromkeys(has)
        else:
            missing |= dict.fromkeys(need.codes)
            lacking.append(" or ".join(need.codes))
            penalty += need.penalty_min
    return _Fit(tuple(met), tuple(missing), tuple(lacking), penalty)


def _beds(
    journey: Journey, facility: Facility, reasons: list[Reason]
) -> tuple[float, int | None, float | None]:
    count = facility.free_beds()
    if count is None:
        reasons.append(Reason("BEDS_UNKNOWN", "No count of free beds is known"))
        return UNKNOWN_BEDS_MIN * journey.bed_weight, None, None
    age = max(0.0, (journey.now - count.updated).total_seconds() / 60.0)
    trust = 0.5 ** (age / HALF_LIFE_MIN)
    told = BED_MINUTES[count.beds] if count.beds < len(BED_MINUTES) else 0.0
    minutes = (trust * told + (1 - trust) * UNKNOWN_BEDS_MIN) * journey.bed_weight
    old = age > OLD_MIN
    beds = f"{count.beds} free bed{'' if count.beds == 1 else 's'} counted {age:.0f} min ago"
    word = "BEDS_OLD" if old else ("BEDS_NONE" if count.beds == 0 else "BEDS_FREE")
    reasons.append(Reason(word, f"{beds}{': too old to trust' if old else ''}"))
    return minutes, count.beds, age


def _short(
    facility: Facility, shortages: Shortages, resources: Sequence[str], reasons: list[Reason]
) -> float:
    """Only a resource that this case needs counts."""
    worst = 0.0
    for resource in resources:
        shortage = shortages.at(facility.finess_geo, resource)
        if shortage is None:
            continue
        day = f" by {shortage.stockout_day.isoformat()}" if shortage.stockout_day else ""
        reasons.append(
            Reason(
                f"SHORTAGE_{resource}",
                f"{resource.capitalize()} may run out here{day} "
                f"({shortage.probability:.0%} likely)",
            )
        )
        worst = max(worst, SHORTAGE_MIN * shortage.probability)
    return worst


def _why_not(nearest: FacilityOption, best: FacilityOption) -> str:
    """What the nearest facility lacks, when it is not the best."""
    if nearest.facility.finess_geo == best.facility.finess_geo:
        return ""
    told = [r.text for r in nearest.reasons if r.code not in ("TRAVEL", "CAPABILITIES_MET")]
    gained = nearest.score_min - best.score_min
    return (
        f"{nearest.facility.name} is nearer ({nearest.travel_min:.0f} min) but costs about "
        f"{gained:.0f} min more to the right care: {'; '.join(told)}."
    )
