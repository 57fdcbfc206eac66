"""Facilities as they are known now: where, what they can do, how many beds, what runs short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from services.orientation.domain.places import EARTH_KM

AVAILABLE, NOW = "02", "01"  # TRE_R330 and TRE_R331


@dataclass(frozen=True, slots=True)
class BedCount:
    """One count of ROR: TRE_R330 status, TRE_R331 horizon, beds, when it was taken."""

    status: str
    temporality: str
    beds: int
    updated: datetime


@dataclass(frozen=True, slots=True)
class Facility:
    """A hospital site. `capabilities` are ROR activity codes (R211)."""

    finess_geo: str
    name: str
    latitude: float
    longitude: float
    capabilities: frozenset[str] = frozenset()
    beds: tuple[BedCount, ...] = ()
    closed: bool = False
    synthetic: bool = False

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
class Directory:
    """Every facility, with arrays that answer "which are near" in microseconds."""

    facilities: tuple[Facility, ...]
    _latitude: npt.NDArray[np.float64] = field(repr=False)
    _longitude: npt.NDArray[np.float64] = field(repr=False)
    _able: Mapping[str, npt.NDArray[np.bool_]] = field(repr=False)
    by_finess: Mapping[str, Facility] = field(repr=False)

    @staticmethod
    def of(facilities: Iterable[Facility]) -> Directory:
        rows = tuple(sorted(facilities, key=lambda f: f.finess_geo))
        able: dict[str, npt.NDArray[np.bool_]] = {}
        for i, facility in enumerate(rows):
            for code in facility.capabilities:
                if code not in able:
                    able[code] = np.zeros(len(rows), dtype=np.bool_)
                able[code][i] = True
        return Directory(
            rows,
            np.radians(np.array([f.latitude for f in rows], dtype=np.float64)),
            np.radians(np.array([f.longitude for f in rows], dtype=np.float64)),
            able,
            {f.finess_geo: f for f in rows},
        )

    def distances(self, latitude: float, longitude: float) -> npt.NDArray[np.float64]:
        """Great-circle kilometres to every facility."""
        lat, lon = np.radians(latitude), np.radians(longitude)
        half = (
            np.sin((self._latitude - lat) / 2) ** 2
            + np.cos(self._latitude) * np.cos(lat) * np.sin((self._longitude - lon) / 2) ** 2
        )
        return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(1.0, half))))

    def meeting(self, needs: Sequence[Sequence[str]]) -> npt.NDArray[np.bool_]:
        """Whether each facility has one code of every need."""
        met = np.ones(len(self.facilities), dtype=np.bool_)
        for need in needs:
            one = np.zeros(len(self.facilities), dtype=np.bool_)
            for code in need:
                if code in self._able:
                    one |= self._able[code]
            met &= one
        return met

    def candidates(
        self, latitude: float, longitude: float, needs: Sequence[Sequence[str]]
    ) -> list[tuple[Facility, float]]:
        """The nearest, and the nearest that can do all that is needed, with kilometres."""
        if not self.facilities:
            return []
        km = self.distances(latitude, longitude)
        chosen = set(_nearest(km, NEAREST).tolist())
        able = np.flatnonzero(self.meeting(needs))
        chosen |= set(able[_nearest(km[able], NEAREST_ABLE)].tolist())
        ordered = sorted(chosen, key=lambda i: (km[i], self.facilities[i].finess_geo))
        return [(self.facilities[i], float(km[i])) for i in ordered]


NEAREST, NEAREST_ABLE = 40, 20


def _nearest(km: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    if len(km) <= count:
        return np.arange(len(km))
    return np.argpartition(km, count - 1)[:count]


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
