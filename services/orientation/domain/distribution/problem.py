"""What is to be shared: casualties, vehicles, sites with places, and what must be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.orientation.domain.facilities import Facility, Shortages
from services.orientation.domain.pathways import Need
from services.orientation.domain.severity import Band

# Categories of a mass casualty plan: urgences absolues and urgences relatives.
UA, UR, ANY = "UA", "UR", ""
CATEGORIES = (UA, UR)
FIRST_LINE, SECOND_LINE = 1, 4  # TRE_R284, rank of a site in the ORSAN plan


@dataclass(frozen=True, slots=True)
class Casualty:
    """One person who needs a seat and a place.

    `loaded_in` names the vehicle that the person already lies in, `bound_for` the site that
    a human has already fixed. `waited_min` is how long the person has waited so far.
    """

    casualty_id: str
    latitude: float
    longitude: float
    band: Band
    pathway: str = "GENERAL"
    needs: tuple[Need, ...] = ()
    resources: tuple[str, ...] = ()
    category: str = ANY
    loaded_in: str = ""
    bound_for: str = ""
    waited_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle where it is now, or where it will be free in `free_in_min` minutes."""

    vehicle_id: str
    vehicle_type: str
    latitude: float
    longitude: float
    seats: int = 1
    sector: str = ""
    free_in_min: float = 0.0


@dataclass(frozen=True, slots=True)
class Places:
    """Free places of one kind, and when they were counted.

    Places of a category are for that category alone and count only in a NOVI; crisis places
    count only where the plan blanc is declared.
    """

    free: int
    counted: datetime | None
    category: str = ANY
    crisis: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A facility with its places; no `places` at all means that nobody counted."""

    facility: Facility
    places: tuple[Places, ...] = ()
    orsan_rank: int | None = None
    plan_blanc: bool = False


@dataclass(frozen=True, slots=True)
class Cover:
    """`keep` vehicles stay in a sector, unless letting one go is worth `price` weighted min."""

    sector: str
    keep: int
    price: float = 300.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What the authorities have declared."""

    novi: bool = False
    orsan: bool = False
    plan_blanc: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who goes with what to where. Both are empty for a casualty who waits."""

    casualty_id: str
    vehicle_id: str = ""
    finess_geo: str = ""

    @property
    def waits(self) -> bool:
        return not self.finess_geo


@dataclass(frozen=True, slots=True)
class Policy:
    """Prices that a region may set, in minutes."""

    wait_min: float = 240.0  # what leaving somebody on the spot is worth avoiding
    stability_min: float = 5.0  # an instruction is changed only for more than this
    unknown_places: int = 2  # taken for a site whose places nobody counted


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that an allocation depends on; rows are sorted by their ids."""

    now: datetime
    local_hour: int
    casualties: tuple[Casualty, ...]
    vehicles: tuple[Vehicle, ...]
    sites: tuple[Site, ...]
    cover: tuple[Cover, ...] = ()
    previous: Mapping[str, Assignment] = field(default_factory=dict)
    situation: Situation = field(default_factory=Situation)
    policy: Policy = field(default_factory=Policy)
    shortages: Shortages = field(default_factory=Shortages, repr=False)
    # (site, category) → prices of its places, once they were asked for
    prices: dict[tuple[str, str], list[float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Allocation:
    """One assignment a casualty, in the order of the problem."""

    assignments: tuple[Assignment, ...]

    def of(self) -> dict[str, Assignment]:
        return {a.casualty_id: a for a in self.assignments}
