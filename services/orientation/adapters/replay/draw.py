"""Draws a region's day: the same seed and day give the same world everywhere.

Real: communes with their people, hospital sites with their positions, the shape of calls over
the week (New York), the patients (US visits by ambulance). Made up: what each site can do, how
many boxes it has and how full they are, the vehicles, the level of calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from services.orientation.adapters.reference import DATA, Reference
from services.orientation.adapters.replay.tables import (
    Visit,
    read_diagnoses,
    read_shape,
    read_visits,
)
from services.orientation.domain.distribution.tables import kilometres
from services.orientation.domain.facilities import Facility
from services.orientation.domain.orient import PARIS
from services.orientation.domain.places import Commune
from services.orientation.domain.replay.truth import truth_of, within_reach
from services.orientation.domain.replay.world import TICK_MIN, Call, Hospital, Stand, World
from services.orientation.domain.synthetic import MULTI, PUBLIC, REGIONAL, synthetic_layer
from services.orientation.domain.typed import TypedUpdate
from shared.errors import Malformed

FIRST_DAY = datetime(2026, 3, 2, tzinfo=PARIS)  # a Monday
REACH_KM = 60.0  # sites of neighbours count when they lie this near to a town of the department
TOWN = 5_000  # inhabitants
DAY_DISPERSION = 0.01  # of the calls of a day beside Poisson
JITTER_DEG = 0.015
BOXES = {REGIONAL: 30, PUBLIC: 15, MULTI: 10}
FEWEST_BOXES, WITHOUT_EMERGENCY = 6, 3
CROWDED = 0.62  # share of boxes that walk-in patients hold on average
CROWD_SD, CROWD_MEMORY = 0.12, 0.97  # of the share, and from one tick to the next
SMUR_SHARE, FIRE_SHARE = 0.25, 0.375
LAST_RESORT_KM = 60.0
EMERGENCY = frozenset(("157", "249"))


@dataclass(frozen=True, slots=True)
class Region:
    """What stays the same from day to day."""

    department: str
    communes: tuple[Commune, ...] = field(repr=False)
    facilities: tuple[Facility, ...] = field(repr=False)
    boxes: tuple[int, ...] = field(repr=False)
    stands: tuple[Stand, ...] = field(repr=False)
    inhabitants: int


def region_of(reference: Reference, department: str, vehicles: int) -> Region:
    """Refuses Malformed DEPARTMENT_UNKNOWN."""
    communes = tuple(
        c
        for c in reference.knowledge.communes.by_insee.values()
        if c.department == department and c.latitude is not None and c.population > 0
    )
    kinds = {site.finess_geo: site.facility_type for site in reference.sites}
    towns = [c for c in communes if c.population >= TOWN] or list(communes)
    facilities = _in_reach(synthetic_layer(reference.sites), towns)
    if not communes or not any(not EMERGENCY.isdisjoint(f.capabilities) for f in facilities):
        raise Malformed(
            "DEPARTMENT_UNKNOWN",
            f"No commune or no emergency department is known in {department!r}. Give the number "
            "of a department, such as 44.",
            field="department",
        )
    boxes = tuple(_boxes(f, kinds[f.finess_geo]) for f in facilities)
    return Region(
        department,
        communes,
        facilities,
        boxes,
        _stands(communes, facilities, vehicles),
        sum(c.population for c in communes),
    )


def _in_reach(layer: Sequence[Facility], towns: Sequence[Commune]) -> tuple[Facility, ...]:
    if not towns:
        return ()
    km = kilometres(
        [(f.latitude, f.longitude) for f in layer],
        [(c.latitude or 0.0, c.longitude or 0.0) for c in towns],
    ).min(axis=1)
    return tuple(f for f, near in zip(layer, km, strict=True) if near <= REACH_KM)


def _boxes(facility: Facility, kind: str) -> int:
    if EMERGENCY.isdisjoint(facility.capabilities):
        return WITHOUT_EMERGENCY
    return BOXES.get(kind, FEWEST_BOXES)


def _stands(
    communes: Sequence[Commune], facilities: Sequence[Facility], vehicles: int
) -> tuple[Stand, ...]:
    """Teams at hospitals that resuscitate, the others where most people live nearest to them."""
    smur = max(1, round(SMUR_SHARE * vehicles))
    fire = max(1, round(FIRE_SHARE * vehicles))
    found = []
    homes = [(f.latitude, f.longitude) for f in facilities if "160" in f.capabilities]
    homes = homes or [(f.latitude, f.longitude) for f in facilities]
    for number, place in enumerate(_spread(communes, homes, smur)):
        found.append(Stand(f"SMUR-{number + 1}", "SMUR.AR", *place))
    spots = [(c.latitude or 0.0, c.longitude or 0.0) for c in communes]
    for number, place in enumerate(_spread(communes, spots, vehicles - smur)):
        kind, name = ("SIS.VSAV", "VSAV") if number < fire else ("TSU.AMB-GV", "AMB")
        found.append(Stand(f"{name}-{number + 1}", kind, *place))
    return tuple(found)


def _spread(
    communes: Sequence[Commune], spots: Sequence[tuple[float, float]], count: int
) -> list[tuple[float, float]]:
    """Greedy: each next spot spares most person-minutes, those of a queue included.

    Every vehicle that stands nearer takes a share of a place's calls, so that a town gets
    several before the last hamlet gets one.
    """
    homes = [(c.latitude or 0.0, c.longitude or 0.0) for c in communes]
    people = np.array([c.population for c in communes], dtype=np.float64)
    km = kilometres(homes, spots)
    ways: list[Any] = []  # kilometres of each vehicle chosen so far to each commune
    chosen = []
    for _ in range(count):
        burdens = [
            (people * _burden(np.array([*ways, km[:, at]]))).sum() for at in range(len(spots))
        ]
        best = int(np.argmin(burdens))
        ways.append(km[:, best])
        chosen.append(spots[best])
    return chosen


def _burden(ways: Any) -> Any:
    """Expected kilometres of the first free vehicle when each is busy half of the time."""
    ordered = np.sort(ways, axis=0)
    shares = 0.5 ** np.arange(1, len(ordered) + 1)
    rest = 0.5 ** len(ordered)
    return (ordered * shares[:, None]).sum(axis=0) + rest * (ordered[-1] + LAST_RESORT_KM)


MADE_UP = (
    "Made up: what each site can do (seeded layer over real sites of 2020), its boxes, the crowd "
    "of walk-in patients, the stands and number of vehicles, the level of calls, times on the "
    "spot and in a box.",
    "Real: communes with their people, positions of sites, the shape of calls over the week "
    "(New York, 2016-2018), the patients with their diagnoses (US visits by ambulance, 2021).",
    "What a patient truly needs follows from the first diagnosis by a table that a non-clinician "
    "drafted; the orienter never sees it. Needs that no site of the region has are left out.",
    "The severity model learnt from a file that holds these visits, so its scores are a little "
    "flattered. A transfer of a patient from a wrong site takes no vehicle. Roads are a distance "
    "model with chance on top.",
    "Nearest-first serves the gravest first, sends the vehicle that is there first, drives to the "
    "nearest emergency department and looks at no count of free boxes. Ours sees counts that are "
    "up to half an hour old.",
)
RESAMPLES = 2000


class Days:
    """Draws the days of a region one by one."""

    made_up = MADE_UP

    def __init__(self, region: Region, patients_a_day: float, seed: int) -> None:
        self.region, self.level, self.seed = region, patients_a_day, seed
        self.shape = read_shape(DATA)
        self.visits = read_visits(DATA)
        self.diagnoses = read_diagnoses(DATA)

    def resamples(self, days: int) -> Any:
        """Day numbers drawn with replacement, [draw, day], for intervals."""
        return np.random.default_rng([self.seed, 10**6]).integers(0, days, size=(RESAMPLES, days))

    def day(self, number: int) -> World:
        draw = np.random.default_rng([self.seed, number])
        begin = FIRST_DAY + timedelta(days=number)
        hours = self.shape[begin.weekday()]
        mean = self.level * hours.mean()
        mean *= draw.gamma(1 / DAY_DISPERSION, DAY_DISPERSION)
        count = int(draw.poisson(mean))
        hour = draw.choice(24, size=count, p=hours / hours.sum())
        minutes = np.sort(60.0 * hour + draw.uniform(0, 60, size=count))
        weights = np.array([c.population for c in self.region.communes], dtype=np.float64)
        homes = draw.choice(len(weights), size=count, p=weights / weights.sum())
        calls = tuple(
            self._call(draw, at, float(minutes[at]), self.region.communes[int(homes[at])], begin)
            for at in range(count)
        )
        hospitals = tuple(
            Hospital(facility, boxes, self._crowd(draw, boxes, hours), int(draw.integers(0, 2)))
            for facility, boxes in zip(self.region.facilities, self.region.boxes, strict=True)
        )
        return World(begin, calls, self.region.stands, hospitals)

    def _call(self, draw: Any, number: int, minute: float, home: Commune, begin: datetime) -> Call:
        visit: Visit = self.visits[int(draw.integers(len(self.visits)))]
        latitude = (home.latitude or 0.0) + float(draw.normal(0, JITTER_DEG))
        longitude = (home.longitude or 0.0) + float(draw.normal(0, JITTER_DEG))
        said = TypedUpdate(
            f"replay.{number}",
            "said",
            begin + timedelta(minutes=minute),
            visit.age_years,
            visit.sex,
            complaint_codes=visit.complaints,
            latitude=latitude,
            longitude=longitude,
        )
        measured = TypedUpdate(
            said.case_id,
            "measured",
            said.said + timedelta(minutes=1),
            vitals=visit.vitals,
        )
        needs, grave = truth_of(visit.diagnosis, visit.age_years, self.diagnoses)
        return Call(
            number,
            minute,
            latitude,
            longitude,
            said,
            measured,
            within_reach(needs, self.region.facilities),
            grave and visit.admitted,
            float(20.0 * draw.lognormal(0, 0.35)),
            float((300.0 if visit.admitted else 180.0) * draw.lognormal(0, 0.5)),
            float(draw.lognormal(0, 0.2)),
        )

    def _crowd(self, draw: Any, boxes: int, hours: Any) -> Any:
        """Two days of ticks: the last patients of the day outlast it."""
        ticks = 2 * 24 * 60 // TICK_MIN
        share = np.empty(ticks)
        stray = float(draw.normal(0, CROWD_SD))
        for tick in range(ticks):
            step = CROWD_SD * np.sqrt(1 - CROWD_MEMORY**2)
            stray = CROWD_MEMORY * stray + float(draw.normal(0, step))
            hour = tick * TICK_MIN // 60 % 24
            share[tick] = CROWDED * (0.5 + 0.5 * hours[hour]) + stray
        return np.clip(np.rint(boxes * share), 0, boxes).astype(np.int64)
