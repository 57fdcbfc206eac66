"""Facilities as they are known now: where, what they can do, how many beds, what runs short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

AVAILABLE, NOW = "02", "01"  # TRE_R330 and TRE_R331
FIRST_LINE, SECOND_LINE = 1, 2  # TRE_R284, rank in a mass-casualty plan (ORSAN)


@dataclass(frozen=True, slots=True)
class BedCount:
    """One count of ROR: TRE_R330 status, TRE_R331 horizon, beds, when it was taken."""

    status: str
    temporality: str
    beds: int
    updated: datetime


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """Minutes of the week in which a site takes patients: Monday 0:00 local time is 0.

    `until_min` is not included; a span over the end of the week has `until_min` below
    `from_min`.
    """

    from_min: int
    until_min: int

    def holds(self, minute: int) -> bool:
        if self.from_min <= self.until_min:
            return self.from_min <= minute < self.until_min
        return minute >= self.from_min or minute < self.until_min


@dataclass(frozen=True, slots=True)
class Limits:
    """Whom a site takes and when, as a report tells it; nothing told changes nothing."""

    age_from: float | None = None
    age_until: float | None = None
    orsan_rank: int = 0
    opening: tuple[OpenSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Facility:
    """A hospital site. `capabilities` are ROR activity codes (R211).

    Ages are years, the upper one not included; `orsan_rank` is 0 where nobody told it;
    without a word on opening a site is taken to be open day and night.
    """

    finess_geo: str
    name: str
    latitude: float
    longitude: float
    capabilities: frozenset[str] = frozenset()
    beds: tuple[BedCount, ...] = ()
    closed: bool = False
    synthetic: bool = False
    age_from: float | None = None
    age_until: float | None = None
    orsan_rank: int = 0
    opening: tuple[OpenSpan, ...] = ()

    def open_in_week(self, minute: int) -> bool:
        """Whether it takes patients at a minute of the week; not whether it is full."""
        return not self.opening or any(span.holds(minute) for span in self.opening)

    def takes_age(self, years: float) -> bool:
        young = self.age_from is not None and years < self.age_from
        return not young and (self.age_until is None or years < self.age_until)

    def free_beds(self) -> BedCount | None:
        """The newest count of beds that can be used now: staffed and not reserved."""
        counts = [b for b in self.beds if b.status == AVAILABLE and b.temporality == NOW]
        return max(counts, key=lambda b: (b.updated, -b.beds), default=None)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A critical resource that is likely to run out at a site."""

    site_id: str
    item_id: str
    resource: str
    label: str
    probability: float
    stockout_day: date | None
    foreseen: datetime


@dataclass(frozen=True, slots=True)
class Shortages:
    """The gravest foreseen shortage by site and resource."""

    worst: Mapping[tuple[str, str], Shortage] = field(default_factory=dict)

    @staticmethod
    def of(shortages: Iterable[Shortage]) -> Shortages:
        worst: dict[tuple[str, str], Shortage] = {}
        for shortage in shortages:
            key = (shortage.site_id, shortage.resource)
            known = worst.get(key)
            rank = (shortage.probability, shortage.item_id)
            if known is None or rank > (known.probability, known.item_id):
                worst[key] = shortage
        return Shortages(worst)

    def at(self, site_id: str, resource: str) -> Shortage | None:
        return self.worst.get((site_id, resource))
