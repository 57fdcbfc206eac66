"""A made-up capability layer over real sites. No open list says what each site can do.

Every facility made here is marked synthetic, and every answer that uses it says so. The
draw depends on the seed and the FINESS number alone, so it is the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.orientation.domain.facilities import AVAILABLE, NOW, BedCount, Facility
from services.orientation.domain.text import words

SEED = 2026
REGIONAL = "Centre Hospitalier Régional (C.H.R.)"
PUBLIC = "Centre Hospitalier (C.H.)"
MULTI = "Etablissement de Soins Pluridisciplinaire"
SURGICAL = "Etablissement de Soins Chirurgicaux"
ACUTE_TYPES = frozenset((REGIONAL, PUBLIC, MULTI, SURGICAL))
# Many places of these types are day clinics, scanners or flats: their names say so.
NOT_ACUTE = frozenset(
    word
    for line in (
        "cmp cattp cmpp hdj jour jours psy psychiatrie psychiatrique psychiatriques",
        "pedopsychiatrie",
        "pedo psychologique therapeutique therapeutiques appartement appartements scanner irm",
        "domicile had readaptation reeducation ssr ssra suite usld duree ehpad maison foyer",
        "parentalite antenne dialyse hemodialyse autodialyse infanto juvenile gerontopsychiatrie",
        "psychogeriatrie convalescence addictologie cure nicodeme geronto medico imagerie tep",
        "radiotherapie penitentiaire uhsi",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Site:
    """A real hospital site of the 2020 list."""

    finess_geo: str
    name: str
    facility_type: str
    department: str
    latitude: float
    longitude: float


# share of the sites of each type that get a bundle of capabilities
BUNDLES: tuple[tuple[tuple[str, ...], dict[str, float]], ...] = (
    (("157",), {REGIONAL: 0.7, PUBLIC: 0.75, MULTI: 0.45, SURGICAL: 0.1}),
    (("160", "351"), {REGIONAL: 0.6, PUBLIC: 0.5, MULTI: 0.2, SURGICAL: 0.0}),
    (("127",), {REGIONAL: 0.5, PUBLIC: 0.25, MULTI: 0.08, SURGICAL: 0.0}),
    (("013", "354"), {REGIONAL: 0.5, PUBLIC: 0.3, MULTI: 0.15, SURGICAL: 0.0}),
    (("014",), {REGIONAL: 0.35, PUBLIC: 0.12, MULTI: 0.1, SURGICAL: 0.0}),
    (("097", "256", "356"), {REGIONAL: 0.35, PUBLIC: 0.15, MULTI: 0.02, SURGICAL: 0.0}),
    (("492", "096", "129", "267", "120"), {REGIONAL: 0.2, PUBLIC: 0.01}),
    (("025", "145"), {REGIONAL: 0.5, PUBLIC: 0.4, MULTI: 0.5, SURGICAL: 0.6}),
    (("100", "260"), {REGIONAL: 0.4, PUBLIC: 0.35, MULTI: 0.15}),
    (("094", "128"), {REGIONAL: 0.2, PUBLIC: 0.08, MULTI: 0.02}),
    (("249", "088"), {REGIONAL: 0.35, PUBLIC: 0.25, MULTI: 0.03}),
    (("130", "370"), {REGIONAL: 0.12, PUBLIC: 0.01}),
    (("158", "229"), {REGIONAL: 0.35, PUBLIC: 0.2}),
    (("154", "103"), {REGIONAL: 0.2, PUBLIC: 0.05, SURGICAL: 0.1}),
    (("258",), {REGIONAL: 0.1, MULTI: 0.06, SURGICAL: 0.1}),
    (("121", "359", "175"), {REGIONAL: 0.05}),
    (("084",), {REGIONAL: 0.05}),
    (("142",), {REGIONAL: 0.08}),
    (("500",), {REGIONAL: 0.15, PUBLIC: 0.03}),
)
# What the main site of every department gets, so that no pathway is without an answer.
MAIN_SITE = frozenset(
    code
    for line in (
        "157 160 351 127 013 354 014 097 256 356",
        "025 145 100 260 249 088 158 229 500 120",
    )
    for code in line.split()
)
RANK = {REGIONAL: 0, PUBLIC: 1, MULTI: 2, SURGICAL: 3}


def _draw(seed: int, finess: str, what: str) -> float:
    """A number in [0, 1) that depends on nothing else."""
    text = f"{seed}|{finess}|{what}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) / 2**64


def synthetic_layer(sites: Iterable[Site], seed: int = SEED) -> tuple[Facility, ...]:
    """A facility with made-up capabilities for each acute site; no beds are invented."""
    acute = [site for site in sites if is_acute(site)]
    mains: dict[str, Site] = {}
    for site in sorted(acute, key=lambda s: (RANK[s.facility_type], s.finess_geo)):
        mains.setdefault(site.department, site)
    return tuple(_facility(site, seed, main=mains[site.department] is site) for site in acute)


def is_acute(site: Site) -> bool:
    """A hospital that may take an emergency, as far as its type and name tell."""
    return site.facility_type in ACUTE_TYPES and not NOT_ACUTE & set(words(site.name))


def _facility(site: Site, seed: int, *, main: bool) -> Facility:
    codes = set(MAIN_SITE) if main else set()
    for bundle, shares in BUNDLES:
        if _draw(seed, site.finess_geo, bundle[0]) < shares.get(site.facility_type, 0.0):
            codes |= set(bundle)
    if codes & {"160", "127", "014", "256", "130"}:
        codes.add("157")  # none of these works without an emergency department beside it
    return Facility(
        site.finess_geo,
        site.name,
        site.latitude,
        site.longitude,
        frozenset(codes),
        synthetic=True,
    )


def with_synthetic_beds(
    facilities: Iterable[Facility], now: datetime, seed: int = SEED
) -> tuple[Facility, ...]:
    """The same facilities with made-up counts of free beds, some fresh and some old."""
    return tuple(replace(facility, beds=_beds(facility, now, seed)) for facility in facilities)


def _beds(facility: Facility, now: datetime, seed: int) -> tuple[BedCount, ...]:
    largest = 6 if "157" in facility.capabilities else 3
    free = int(_draw(seed, facility.finess_geo, "beds") * largest)
    age = timedelta(minutes=int(_draw(seed, facility.finess_geo, "age") ** 3 * 300))
    return (BedCount(AVAILABLE, NOW, free, now - age),)
