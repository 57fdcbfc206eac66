"""Made problems of sharing: casualties, vehicles and sites around Nantes, from a seed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from services.orientation.adapters.distribution.flow import MinCostFlow
from services.orientation.domain.distribution.problem import (
    Assignment,
    Casualty,
    Cover,
    Places,
    Problem,
    Site,
    Situation,
    Vehicle,
)
from services.orientation.domain.facilities import Facility, Shortage, Shortages
from services.orientation.domain.pathways import EMERGENCY_DEPARTMENT
from services.orientation.domain.severity import Band
from services.orientation.tests.situations import NANTES, NOW, reference
from services.orientation.use_cases.sharing import Share

TYPES = ("SMUR.AR", "SIS.VSAV", "TSU.AMB-GV", "TSU.VSL", "SMUR.VLM")
SECTORS = ("north", "south", "")
SHARE = Share(MinCostFlow())


def a_problem(seed: int, people: int = 8, sites: int = 5, vehicles: int = 6) -> Problem:
    """Everything at once: pins, categories, crisis places, cover, shortages, earlier words."""
    draw = np.random.default_rng(seed)
    fleet = tuple(_vehicle(draw, i) for i in range(vehicles))
    offers = tuple(_site(draw, i) for i in range(sites))
    casualties = [_casualty(draw, i) for i in range(people)]
    seats = {v.vehicle_id: v.seats for v in fleet if v.vehicle_type != "SMUR.VLM"}
    for at in range(people):
        if draw.random() < 0.2 and seats:
            casualties[at] = _loaded(draw, casualties[at], seats, offers)
    return Problem(
        NOW,
        int(draw.integers(0, 24)),
        tuple(casualties),
        fleet,
        offers,
        tuple(
            Cover(sector, int(draw.integers(0, 4)), float(draw.choice([50, 300, 3000])))
            for sector in SECTORS[:2]
            if any(v.sector == sector for v in fleet)
        ),
        _previous(draw, casualties, fleet, offers),
        Situation(*(bool(draw.random() < 0.5) for _ in range(3))),
        shortages=Shortages.of(
            [Shortage("440000000", "X", "BLOOD", "Blood", 0.8, NOW.date(), NOW)]
        ),
    )


def _near(draw: Any, spread: float) -> tuple[float, float]:
    return NANTES[0] + draw.normal(0, spread), NANTES[1] + draw.normal(0, 1.4 * spread)


def _casualty(draw: Any, number: int) -> Casualty:
    pathways = reference().knowledge.pathways
    pathway = pathways[str(draw.choice(sorted(set(pathways) - {"CHILD", "CHILD_SEVERE"})))]
    return Casualty(
        f"c{number:03}",
        *_near(draw, 0.15),
        Band(int(draw.choice([1, 2, 3, 4, 5], p=[0.1, 0.2, 0.35, 0.3, 0.05]))),
        pathway.name,
        (EMERGENCY_DEPARTMENT, *pathway.needs),
        pathway.critical_resources,
        str(draw.choice(["", "", "UA", "UR"])),
        waited_min=float(draw.choice([0, 0, 45, 200])),
    )


def _loaded(
    draw: Any, casualty: Casualty, seats: dict[str, int], sites: tuple[Site, ...]
) -> Casualty:
    vehicle = str(draw.choice(sorted(seats)))
    seats[vehicle] -= 1
    if not seats[vehicle]:
        del seats[vehicle]
    bound = str(draw.choice([s.facility.finess_geo for s in sites])) if draw.random() < 0.5 else ""
    return Casualty(
        casualty.casualty_id,
        casualty.latitude,
        casualty.longitude,
        casualty.band,
        casualty.pathway,
        casualty.needs,
        casualty.resources,
        casualty.category,
        vehicle,
        bound,
    )


def _vehicle(draw: Any, number: int) -> Vehicle:
    return Vehicle(
        f"v{number:02}",
        str(draw.choice(TYPES, p=[0.15, 0.35, 0.35, 0.1, 0.05])),
        *_near(draw, 0.2),
        1 if draw.random() < 0.8 else int(draw.integers(2, 4)),
        str(draw.choice(SECTORS)),
        0.0 if draw.random() < 0.8 else 25.0,
    )


def _site(draw: Any, number: int) -> Site:
    pathways = reference().knowledge.pathways
    codes = sorted({c for p in pathways.values() for need in p.needs for c in need.codes})
    some = draw.choice(codes, size=int(draw.integers(2, 15)), replace=False).tolist()
    facility = Facility(
        f"{440000000 + number}",
        f"Site {number}",
        *_near(draw, 0.3),
        frozenset([*some, *(["157"] if draw.random() < 0.6 else [])]),
        closed=bool(draw.random() < 0.1),
    )
    places = tuple(
        Places(
            int(draw.integers(0, 4)),
            NOW - timedelta(minutes=float(draw.integers(0, 300))) if draw.random() < 0.9 else None,
            category,
            crisis,
        )
        for category, crisis in (("", False), ("UA", False), ("UR", True), ("", True))
        if draw.random() < 0.6
    )
    rank = draw.choice([0, 1, 4])
    return Site(facility, places, int(rank) or None, bool(draw.random() < 0.3))


def _previous(
    draw: Any, casualties: list[Casualty], fleet: tuple[Vehicle, ...], sites: tuple[Site, ...]
) -> dict[str, Assignment]:
    if draw.random() < 0.5:
        return {}
    return {
        c.casualty_id: Assignment(
            c.casualty_id,
            str(draw.choice([v.vehicle_id for v in fleet])),
            str(draw.choice([s.facility.finess_geo for s in sites])),
        )
        for c in casualties
        if draw.random() < 0.5
    }
