"""Every facility at once, as arrays: which are near, which can do what, which are open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.orientation.domain.facilities import BedCount, Facility
from services.orientation.domain.pathways import Need
from services.orientation.domain.places import EARTH_KM
from services.orientation.domain.severity import Reason

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
NEAREST, NEAREST_ABLE = 60, 20
KM_A_DEGREE = 112.0  # of latitude, a little more than it is anywhere
SQUARE_DEG = 0.1  # all points of one square are answered from the same facilities
MOST_SQUARES = 4096  # remembered, about 8 kB each
CLOSED_MIN = 240.0
UNKNOWN_BEDS_MIN = 10.0
HALF_LIFE_MIN = 60.0  # a free-bed count loses half of its worth in an hour
BED_MINUTES = (35.0, 12.0, 6.0, 3.0)  # for 0, 1, 2, 3 free beds; more cost nothing
MOST_REMEMBERED = 512  # sets of needs; there are as many as pathways, ages and bands make


class Fit(NamedTuple):
    """What of a set of needs one site has, as ROR codes and in words."""

    met: tuple[str, ...]
    missing: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Able:
    """For one set of needs: who meets all of it, and the minutes that each site's lack costs."""

    needs: tuple[Need, ...]
    rows: Indices = field(repr=False)
    lacking_min: Floats = field(repr=False)
    _fits: dict[str, Fit] = field(repr=False, compare=False)

    def fit(self, facility: Facility) -> Fit:
        """Put into words once for each site."""
        known = self._fits.get(facility.finess_geo)
        if known is None:
            known = self._fits[facility.finess_geo] = _fit(self.needs, facility)
        return known


def _fit(needs: Sequence[Need], facility: Facility) -> Fit:
    met: dict[str, None] = {}
    missing: dict[str, None] = {}
    lacking, cost = [], 0.0
    for need in needs:
        has = [code for code in need.codes if code in facility.capabilities]
        if has:
            met |= dict.fromkeys(has)
        else:
            missing |= dict.fromkeys(need.codes)
            lacking.append(" or ".join(need.codes))
            cost += need.penalty_min
    told: tuple[Reason, ...] = ()
    if lacking:
        source = "synthetic" if facility.synthetic else "ROR"
        text = f"Lacks {', '.join(lacking)} ({source} capabilities): costs about {cost:.0f} min"
        told = (Reason("CAPABILITY_MISSING", text),)
    elif met:
        told = (Reason("CAPABILITIES_MET", f"Has all that is needed: {', '.join(met)}"),)
    return Fit(tuple(met), tuple(missing), told)


@dataclass(frozen=True, slots=True)
class Columns:
    """What a ranking asks of every facility, one entry a row."""

    points: Floats = field(repr=False)  # on the unit sphere, [row, axis], and a last column of 1
    bed_gain_min: Floats = field(repr=False)  # of a fresh count, against not knowing
    counted_s: Floats = field(repr=False)  # when, seconds since 1970
    closed: npt.NDArray[np.bool_] = field(repr=False)
    age_from: Floats = field(repr=False)
    age_until: Floats = field(repr=False)
    orsan_rank: Indices = field(repr=False)
    has_hours: npt.NDArray[np.bool_] = field(repr=False)

    def at(self, rows: Indices) -> Columns:
        parts = (getattr(self, name)[rows] for name in self.__dataclass_fields__)
        return Columns(*parts)

    def haversines(self, latitude: float, longitude: float) -> Floats:
        """sin² of half the angle at the earth's centre: the order of the kilometres.

        (1 - cosine) / 2 of two points, one product of a matrix and a vector; what rounding
        takes away from a distance is below a metre.
        """
        lat, lon = math.radians(latitude), math.radians(longitude)
        flat = -0.5 * math.cos(lat)
        to = np.array((flat * math.cos(lon), flat * math.sin(lon), -0.5 * math.sin(lat), 0.5))
        found: Floats = self.points @ to
        return np.maximum(found, 0.0, out=found)


@dataclass(frozen=True, slots=True)
class Near:
    """The facilities that are looked at for every point of one square, for one set of needs."""

    rows: Indices = field(repr=False)
    columns: Columns = field(repr=False)
    fixed_min: Floats = field(repr=False)  # minutes for what is lacking, and for being closed
    limited: bool  # whether any of them limits ages
    hours: tuple[int, ...]  # places of those that tell their hours
    shut: bool  # whether any of them is closed
    newest_s: float  # when the last of the counts was taken
    gain_then_min: Floats = field(repr=False)  # what each count was worth at that instant


@dataclass(frozen=True, slots=True)
class Directory:
    """Facilities in the order of their FINESS numbers; never changed, replaced whole."""

    facilities: tuple[Facility, ...]
    counts: tuple[BedCount | None, ...] = field(repr=False)  # the newest of each that holds now
    columns: Columns = field(repr=False)
    by_finess: Mapping[str, Facility] = field(repr=False)
    _able: Mapping[str, npt.NDArray[np.bool_]] = field(repr=False)
    _remembered: dict[tuple[Need, ...], Able] = field(repr=False, compare=False)
    _near: dict[tuple[tuple[int, int], tuple[Need, ...]], Near] = field(repr=False, compare=False)

    @staticmethod
    def of(facilities: Iterable[Facility]) -> Directory:
        rows = tuple(sorted(facilities, key=lambda f: f.finess_geo))
        able: dict[str, npt.NDArray[np.bool_]] = {}
        for i, facility in enumerate(rows):
            for code in facility.capabilities:
                if code not in able:
                    able[code] = np.zeros(len(rows), dtype=np.bool_)
                able[code][i] = True
        counts = [f.free_beds() for f in rows]
        points = on_sphere(
            np.array([f.latitude for f in rows], dtype=np.float64),
            np.array([f.longitude for f in rows], dtype=np.float64),
        )
        columns = Columns(
            np.column_stack([points.T, np.ones(len(rows))]),
            np.array(
                [0.0 if c is None else bed_minutes(c.beds) - UNKNOWN_BEDS_MIN for c in counts]
            ),
            np.array([c.updated.timestamp() if c else 0.0 for c in counts], dtype=np.float64),
            np.array([f.closed for f in rows], dtype=np.bool_),
            _ages([f.age_from for f in rows], -np.inf),
            _ages([f.age_until for f in rows], np.inf),
            np.array([f.orsan_rank for f in rows], dtype=np.int64),
            np.array([bool(f.opening) for f in rows], dtype=np.bool_),
        )
        by_finess = {f.finess_geo: f for f in rows}
        return Directory(rows, tuple(counts), columns, by_finess, able, {}, {})

    def distances(self, latitude: float, longitude: float) -> Floats:
        """Great-circle kilometres to every facility."""
        return kilometres(self.columns.haversines(latitude, longitude))

    def meeting(self, needs: Sequence[Need]) -> npt.NDArray[np.bool_]:
        """Whether each facility has one code of every need."""
        return np.asarray(self._lacks(needs) == 0, dtype=np.bool_)

    def _lacks(self, needs: Sequence[Need]) -> Floats:
        """Minutes that the needs each facility does not meet cost together."""
        total = np.zeros(len(self.facilities))
        for need in needs:
            has = np.zeros(len(self.facilities), dtype=np.bool_)
            for code in need.codes:
                if code in self._able:
                    has |= self._able[code]
            total[~has] += need.penalty_min
        return total

    def able(self, needs: tuple[Need, ...]) -> Able:
        """Worked out once for each set of needs. A need that costs nothing is no need."""
        known = self._remembered.get(needs)
        if known is None:
            lacking = self._lacks(needs)
            known = Able(needs, np.flatnonzero(lacking == 0), lacking, {})
            if len(self._remembered) < MOST_REMEMBERED:
                self._remembered[needs] = known
        return known

    def near(self, latitude: float, longitude: float, able: Able) -> Near:
        """The same for every point of a square: among them are the nearest of the point, and
        the nearest that can do all that is needed, in the order of their FINESS numbers.

        Nobody in a square is further from its middle than its corners are; so whoever is
        among the nearest of a point lies no further from the middle than the last of the
        middle's own nearest, and twice that way more.
        """
        square = (math.floor(latitude / SQUARE_DEG), math.floor(longitude / SQUARE_DEG))
        known = self._near.get((square, able.needs))
        if known is not None:
            return known
        middle = [(side + 0.5) * SQUARE_DEG for side in square]
        reach = SQUARE_DEG * KM_A_DEGREE  # more than half of a diagonal, with some to spare
        km = self.distances(middle[0], middle[1])
        keep = km <= _last_of(km, NEAREST) + 2 * reach
        fit = able.rows
        keep[fit[km[fit] <= _last_of(km[fit], NEAREST_ABLE) + 2 * reach]] = True
        rows = np.flatnonzero(keep)
        columns = self.columns.at(rows)
        newest = float(columns.counted_s.max(initial=0.0))
        near = Near(
            rows,
            columns,
            able.lacking_min[rows] + CLOSED_MIN * columns.closed,
            bool(np.isfinite(columns.age_from).any() or np.isfinite(columns.age_until).any()),
            tuple(int(place) for place in np.flatnonzero(columns.has_hours)),
            bool(columns.closed.any()),
            newest,
            columns.bed_gain_min * faded(newest - columns.counted_s),
        )
        if len(self._near) < MOST_SQUARES:
            self._near[square, able.needs] = near
        return near


def faded(age_s: Floats) -> Floats:
    """What is left of the worth of counts of these ages in seconds: half after each half-life."""
    return np.asarray(np.exp2(age_s * (-1 / (60 * HALF_LIFE_MIN))))


def bed_minutes(beds: int) -> float:
    """What a fresh count of free beds costs a patient who needs one."""
    return BED_MINUTES[beds] if beds < len(BED_MINUTES) else 0.0


def _last_of(km: Floats, count: int) -> float:
    return float(np.partition(km, count - 1)[count - 1]) if len(km) > count else math.inf


def _ages(years: Sequence[float | None], unlimited: float) -> Floats:
    return np.array([unlimited if y is None else y for y in years], dtype=np.float64)


def on_sphere(latitude: Floats, longitude: Floats) -> Floats:
    """Rows x, y and z of points of the unit sphere; degrees in."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    flat = np.cos(lat)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


def kilometres(haversines: Floats) -> Floats:
    """Great-circle kilometres of haversines; works in their memory."""
    np.arcsin(np.sqrt(haversines, out=haversines), out=haversines)
    haversines *= 2 * EARTH_KM
    return haversines
