"""Communes and positions: where a case is, and whether that can be true."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.orientation.domain.text import words

EARTH_KM = 6371.0
FAR_KM = 20.0
# (south, north, west, east): European France, then the five overseas departments and
# Saint-Pierre-et-Miquelon.
BOXES = (
    (41.2, 51.3, -5.7, 9.8),
    (15.7, 16.7, -62.0, -60.9),
    (14.3, 15.0, -61.4, -60.7),
    (1.9, 6.0, -54.8, -51.4),
    (-21.6, -20.7, 55.1, 56.0),
    (-13.2, -12.5, 44.9, 45.4),
    (46.6, 47.3, -56.6, -56.0),
)
CORSICAN = re.compile(r"2[AB]\d{3}")


@dataclass(frozen=True, slots=True)
class Commune:
    insee: str
    name: str
    department: str
    postcodes: tuple[str, ...]
    population: int
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True)
class Communes:
    """Communes by INSEE code and by postcode."""

    by_insee: Mapping[str, Commune]
    by_postcode: Mapping[str, tuple[Commune, ...]]

    @staticmethod
    def of(communes: Iterable[Commune]) -> Communes:
        by_insee: dict[str, Commune] = {}
        by_postcode: dict[str, list[Commune]] = {}
        for commune in communes:
            by_insee[commune.insee] = commune
            for postcode in commune.postcodes:
                by_postcode.setdefault(postcode, []).append(commune)
        return Communes(by_insee, {code: tuple(rows) for code, rows in by_postcode.items()})

    def find(self, code: str, name: str = "") -> tuple[Commune | None, str]:
        """The commune that `code` and `name` mean, and the code of a finding or "".

        A code that is a postcode is believed only when the name agrees, or when no
        commune has it as its own code.
        """
        own = self.by_insee.get(code)
        posted = self.by_postcode.get(code, ())
        if own is not None and (not name or _alike(name, own.name) or not posted):
            return own, "INSEE_CORSICAN" if CORSICAN.fullmatch(code) else ""
        named = [commune for commune in posted if name and _alike(name, commune.name)]
        if named:
            return named[0], "INSEE_IS_POSTCODE"
        if own is not None:
            return own, ""
        if posted:
            return max(posted, key=lambda c: (c.population, c.insee)), "INSEE_IS_POSTCODE"
        return None, "INSEE_UNKNOWN"


def _alike(one: str, other: str) -> bool:
    first = set(words(one.partition("(")[0]))
    second = set(words(other.partition("(")[0]))
    return first <= second or second <= first


def plausible(latitude: float, longitude: float) -> bool:
    """False outside France: a lost digit or swapped numbers nearly always fall there."""
    return any(
        south <= latitude <= north and west <= longitude <= east
        for south, north, west, east in BOXES
    )


def distance_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance in kilometres."""
    a, b = math.radians(lat_a), math.radians(lat_b)
    half = (
        math.sin((b - a) / 2) ** 2
        + math.cos(a) * math.cos(b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))


@lru_cache(maxsize=1024)
def department_of(owner: str) -> str:
    """Department of the SAMU in charge: fr.health.samu440 → 44, samu974 → 974, samu2A0 → 2A."""
    found = re.search(r"samu(2[AB]|97\d|\d{2})", owner)
    return found[1] if found else ""
