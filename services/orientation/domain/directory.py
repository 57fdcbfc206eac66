"""Every facility at once, as arrays: which are near, which can do what, which are open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.orientation.domain.facilities import Facility
from services.orientation.domain.pathways import Need
from services.orientation.domain.places import EARTH_KM
from services.orientation.domain.severity import Reason

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
NEAREST, NEAREST_ABLE = 60, 20
KM_A_DEGREE = 112.0  # of latitude, a little more than it is anywhere
SQUARE_DEG = 0.25  # the nearest of a point are sought among the near ones of its square
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
    around: dict[tuple[int, int], Indices] = field(repr=False, compare=False)

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
    """What a ranking asks of every facility, one entry a row; nothing is NaN but ages."""

    points: Floats = field(repr=False)  # [3, row] on the unit sphere
    beds: Indices = field(repr=False)  # free now, -1 where no count is known
    counted_s: Floats = field(repr=False)  # when, seconds since 1970
    closed: npt.NDArray[np.bool_] = field(repr=False)
    age_from: Floats = field(repr=False)
    age_until: Floats = field(repr=False)
    orsan_rank: Indices = field(repr=False)
    has_hours: npt.NDArray[np.bool_] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """Facilities in the order of their FINESS numbers; never changed, replaced whole."""

    facilities: tuple[Facility, ...]
    columns: Columns = field(repr=False)
    by_finess: Mapping[str, Facility] = field(repr=False)
    _able: Mapping[str, npt.NDArray[np.bool_]] = field(repr=False)
    _remembered: dict[tuple[Need, ...], Able] = field(repr=False, compare=False)

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
        columns = Columns(
            on_sphere(
                np.array([f.latitude for f in rows], dtype=np.float64),
                np.array([f.longitude for f in rows], dtype=np.float64),
            ),
            np.array([-1 if c is None else c.beds for c in counts], dtype=np.int64),
            np.array([c.updated.timestamp() if c else 0.0 for c in counts], dtype=np.float64),
            np.array([f.closed for f in rows], dtype=np.bool_),
            _ages([f.age_from for f in rows], -np.inf),
            _ages([f.age_until for f in rows], np.inf),
            np.array([f.orsan_rank for f in rows], dtype=np.int64),
            np.array([bool(f.opening) for f in rows], dtype=np.bool_),
        )
        return Directory(rows, columns, {f.finess_geo: f for f in rows}, able, {})

    def distances(self, latitude: float, longitude: float) -> Floats:
        """Great-circle kilometres to every facility."""
        return kilometres(self._chords(latitude, longitude, np.arange(len(self.facilities))))

    def _chords(self, latitude: float, longitude: float, rows: Indices) -> Floats:
        """Squared straight-line distances on the unit sphere: the order of the kilometres."""
        lat, lon = math.radians(latitude), math.radians(longitude)
        flat = math.cos(lat)
        x, y, z = self.columns.points
        dx = x[rows] - flat * math.cos(lon)
        dy = y[rows] - flat * math.sin(lon)
        dz = z[rows] - math.sin(lat)
        return np.asarray(dx * dx + dy * dy + dz * dz)

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
            known = Able(needs, np.flatnonzero(lacking == 0), lacking, {}, {})
            if len(self._remembered) < MOST_REMEMBERED:
                self._remembered[needs] = known
        return known

    def candidates(self, latitude: float, longitude: float, able: Able) -> tuple[Indices, Floats]:
        """Rows of the nearest, and of the nearest that can do all that is needed, with km."""
        rows = self._around(latitude, longitude, able)
        chords = self._chords(latitude, longitude, rows)
        if len(rows) > NEAREST:
            keep = np.zeros(len(rows), dtype=np.bool_)
            keep[_nearest(chords, NEAREST)] = True
            fit = np.flatnonzero(able.lacking_min[rows] == 0)
            keep[fit[_nearest(chords[fit], NEAREST_ABLE)]] = True
            rows, chords = rows[keep], chords[keep]
        return rows, kilometres(chords)

    def _around(self, latitude: float, longitude: float, able: Able) -> Indices:
        """Rows among which the nearest of every point of the same square are.

        Nobody in a square is further from its middle than its corners are; so whoever is
        among the nearest of a point lies no further from the middle than the last of the
        middle's own nearest, and twice that way more.
        """
        square = (math.floor(latitude / SQUARE_DEG), math.floor(longitude / SQUARE_DEG))
        known = able.around.get(square)
        if known is not None:
            return known
        middle = [(side + 0.5) * SQUARE_DEG for side in square]
        reach = SQUARE_DEG * KM_A_DEGREE  # more than half of a diagonal, with some to spare
        km = self.distances(middle[0], middle[1])
        keep = km <= _last_of(km, NEAREST) + 2 * reach
        fit = able.rows
        keep[fit[km[fit] <= _last_of(km[fit], NEAREST_ABLE) + 2 * reach]] = True
        rows = np.flatnonzero(keep)
        if len(able.around) < MOST_REMEMBERED:
            able.around[square] = rows
        return rows


def _nearest(chords: Floats, count: int) -> Indices:
    if len(chords) <= count:
        return np.arange(len(chords))
    return np.argpartition(chords, count - 1)[:count]


def _last_of(km: Floats, count: int) -> float:
    return float(np.partition(km, count - 1)[count - 1]) if len(km) > count else math.inf


def _ages(years: Sequence[float | None], unlimited: float) -> Floats:
    return np.array([unlimited if y is None else y for y in years], dtype=np.float64)


def on_sphere(latitude: Floats, longitude: Floats) -> Floats:
    """Rows x, y and z of points of the unit sphere; degrees in."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    flat = np.cos(lat)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


def kilometres(chords: Floats) -> Floats:
    """Great-circle kilometres of squared chords of the unit sphere."""
    return np.asarray(2 * EARTH_KM * np.arcsin(np.minimum(1.0, np.sqrt(chords) / 2)))
