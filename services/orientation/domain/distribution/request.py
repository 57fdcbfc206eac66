"""A request to share, as it was sent: nothing looked up, nothing refused yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from services.orientation.domain.distribution.problem import (
    Assignment,
    Cover,
    Places,
    Policy,
    Situation,
)
from services.orientation.domain.severity import Band


@dataclass(frozen=True, slots=True)
class Spot:
    """A position as it was sent: degrees, or the INSEE code of a commune."""

    latitude: float | None = None
    longitude: float | None = None
    insee_code: str = ""


@dataclass(frozen=True, slots=True)
class OnTheSpot:
    """A casualty whom a human has sorted on the spot."""

    casualty_id: str
    spot: Spot
    band: Band = Band.NOT_ENOUGH_DATA
    pathway: str = "GENERAL"
    age_years: float | None = None
    needed: tuple[str, ...] = ()
    category: str = ""
    loaded_in: str = ""
    bound_for: str = ""
    waited_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Offered:
    """A vehicle that may be used."""

    vehicle_id: str
    vehicle_type: str
    spot: Spot
    seats: int = 1
    sector: str = ""
    free_in_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Offer:
    """A facility that may be used; what is left out comes from the directory."""

    finess_geo: str
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    capabilities: frozenset[str] = frozenset()
    places: tuple[Places, ...] = ()
    orsan_rank: int | None = None
    plan_blanc: bool = False
    closed: bool | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request, as it was sent."""

    case_ids: tuple[str, ...] = ()
    casualties: tuple[OnTheSpot, ...] = ()
    vehicles: tuple[Offered, ...] = ()
    facilities: tuple[Offer, ...] = ()
    cover: tuple[Cover, ...] = ()
    previous: tuple[Assignment, ...] = ()
    situation: Situation = field(default_factory=Situation)
    policy: Policy = field(default_factory=Policy)
    as_of: datetime | None = None
    exercise: bool = False
