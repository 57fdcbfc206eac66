"""The arrays of the ranking against one facility after the other."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.directory import (
    BED_MINUTES,
    CLOSED_MIN,
    HALF_LIFE_MIN,
    NEAREST,
    NEAREST_ABLE,
    UNKNOWN_BEDS_MIN,
    Directory,
)
from services.orientation.domain.facilities import Facility, OpenSpan, Shortages
from services.orientation.domain.pathways import Need
from services.orientation.domain.places import distance_km
from services.orientation.domain.ranking import (
    BEST,
    ORSAN_GRAVE_MIN,
    ORSAN_LIGHT_MIN,
    WRONG_AGE_MIN,
    Journey,
    Ranking,
    rank,
)
from services.orientation.domain.synthetic import synthetic_layer, with_synthetic_beds
from services.orientation.domain.travel import Floats, travel_minutes
from services.orientation.tests.situations import NANTES, NOW, a_site, reference

NEEDS = (Need(("157", "249"), 40.0), Need(("160",), 25.0), Need(("256", "356"), 45.0))
MONDAY = NOW  # 2026-01-05 is one


@functools.cache
def france() -> Directory:
    """Synthetic sites with beds, some of them with limits of every kind."""
    sites = with_synthetic_beds(synthetic_layer(reference().sites), NOW)
    out = []
    for number, site in enumerate(sites):
        changed = site
        if number % 7 == 0:
            changed = replace(changed, age_from=15.0)
        if number % 11 == 0:
            changed = replace(changed, age_until=18.0)
        if number % 5 == 0:
            changed = replace(changed, orsan_rank=1 + number % 2)
        if number % 13 == 0:
            changed = replace(changed, opening=(OpenSpan(8 * 60, 20 * 60),))
        if number % 17 == 0:
            changed = replace(changed, closed=True, beds=())
        out.append(changed)
    return Directory.of(out)


def obvious_score(journey: Journey, site: Facility, needs: Sequence[Need]) -> float:
    km = distance_km(journey.latitude, journey.longitude, site.latitude, site.longitude)
    travel = travel_minutes(km, journey.vehicle_type, journey.local_hour)
    score = travel
    score += sum(n.penalty_min for n in needs if site.capabilities.isdisjoint(n.codes))
    count = site.free_beds()
    beds = UNKNOWN_BEDS_MIN
    if count is not None:
        trust = 0.5 ** ((journey.now - count.updated).total_seconds() / 60 / HALF_LIFE_MIN)
        told = BED_MINUTES[count.beds] if count.beds < len(BED_MINUTES) else 0.0
        beds = trust * told + (1 - trust) * UNKNOWN_BEDS_MIN
    score += beds * journey.bed_weight
    shut = False
    if journey.local is not None:
        minute = journey.local.weekday() * 1440 + journey.local.hour * 60 + journey.local.minute
        shut = not site.open_in_week((minute + int(travel)) % (7 * 1440))
    if site.closed or shut:
        score += CLOSED_MIN
    if journey.age_years is not None and not site.takes_age(journey.age_years):
        score += WRONG_AGE_MIN
    if journey.mass and site.orsan_rank == (2 if journey.grave else 1):
        score += ORSAN_GRAVE_MIN if journey.grave else ORSAN_LIGHT_MIN
    return score


@given(
    st.floats(42.5, 50.5),
    st.floats(-4.0, 7.5),
    st.sampled_from(["SMUR.AR", "TSU.AMB-GV", "SMUR.HELISMUR"]),
    st.integers(0, 23),
    st.one_of(st.none(), st.floats(0, 100)),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_ranking_is_that_of_one_facility_after_the_other(  # noqa: PLR0917  Hypothesis fills them
    lat: float, lon: float, vehicle: str, hour: int, age: float | None, grave: bool, mass: bool
) -> None:
    local = MONDAY + timedelta(hours=hour)
    journey = Journey(lat, lon, vehicle, hour, NOW, 0.6, age, grave, mass, local)
    found = rank(journey, france(), Shortages(), NEEDS, ())

    near = france().near(lat, lon, france().able(NEEDS)).rows
    looked_at = [france().facilities[row] for row in near]
    wanted = sorted(obvious_score(journey, s, NEEDS) for s in looked_at)[:BEST]
    assert [o.score_min for o in found.options] == pytest.approx(wanted, abs=1e-5)
    for option in found.options:
        told = obvious_score(journey, option.facility, NEEDS)
        assert option.score_min == pytest.approx(told, abs=1e-5)


@given(st.floats(42.5, 50.5), st.floats(-4.0, 7.5))
@settings(max_examples=60, deadline=None)
def test_no_nearer_site_is_left_out_of_those_looked_at(lat: float, lon: float) -> None:
    directory = france()
    rows = set(directory.near(lat, lon, directory.able(NEEDS)).rows)
    every = directory.distances(lat, lon)
    assert set(np.argsort(every)[:NEAREST]) <= rows
    able = np.flatnonzero(directory.meeting(NEEDS))
    assert set(able[np.argsort(every[able])[:NEAREST_ABLE]]) <= rows


def codes(ranking: Ranking, finess: str) -> set[str]:
    return {r.code for o in ranking.options if o.facility.finess_geo == finess for r in o.reasons}


def journey(**more: object) -> Journey:
    base = Journey(*NANTES, "TSU.AMB-GV", 10, NOW, 1.0)
    return base._replace(**more)  # type: ignore[arg-type]  # the test names real fields


NEAR = a_site("440000001", km_north=2, capabilities=["157"])
FAR = a_site("440000002", km_north=9, capabilities=["157"])
EMERGENCY = (Need(("157",), 40.0),)


def first(found: Ranking) -> str:
    return found.options[0].facility.finess_geo


def test_a_site_that_does_not_take_the_age_goes_behind_and_says_so() -> None:
    adults = replace(NEAR, age_from=15.0)
    child = rank(journey(age_years=4.0), Directory.of((adults, FAR)), Shortages(), EMERGENCY, ())
    assert first(child) == FAR.finess_geo
    assert "AGE_NOT_TAKEN" in codes(child, NEAR.finess_geo)
    assert "does not take patients of this age" in child.why_not_nearest.lower()
    unknown = rank(journey(), Directory.of((adults, FAR)), Shortages(), EMERGENCY, ())
    assert first(unknown) == NEAR.finess_geo


def test_a_site_that_will_be_shut_on_arrival_goes_behind_and_says_so() -> None:
    days = replace(NEAR, opening=(OpenSpan(8 * 60, 20 * 60),))  # Monday from 8 to 20
    late = MONDAY.replace(hour=19, minute=58)
    open_ = rank(
        journey(local=MONDAY.replace(hour=12)),
        Directory.of((days, FAR)),
        Shortages(),
        EMERGENCY,
        (),
    )
    shut = rank(journey(local=late), Directory.of((days, FAR)), Shortages(), EMERGENCY, ())
    assert first(open_) == NEAR.finess_geo
    assert first(shut) == FAR.finess_geo
    assert "OUT_OF_HOURS" in codes(shut, NEAR.finess_geo)


def test_an_opening_over_the_end_of_the_week_holds_on_both_sides() -> None:
    nights = OpenSpan(6 * 1440 + 20 * 60, 8 * 60)  # Sunday 20:00 to Monday 8:00
    assert nights.holds(6 * 1440 + 23 * 60)
    assert nights.holds(7 * 60)
    assert not nights.holds(9 * 60)


def test_in_a_plan_the_grave_go_to_the_first_line_and_the_light_to_the_second() -> None:
    one, two = replace(NEAR, orsan_rank=2), replace(FAR, orsan_rank=1)
    directory = Directory.of((one, two))
    grave = rank(journey(mass=True, grave=True), directory, Shortages(), EMERGENCY, ())
    light = rank(journey(mass=True), directory, Shortages(), EMERGENCY, ())
    usual = rank(journey(grave=True), directory, Shortages(), EMERGENCY, ())
    assert first(grave) == FAR.finess_geo
    assert "ORSAN_SECOND_LINE" in codes(grave, NEAR.finess_geo)
    assert first(light) == NEAR.finess_geo
    assert "ORSAN_FIRST_LINE" in codes(light, FAR.finess_geo)
    assert first(usual) == NEAR.finess_geo


class KnownRoads:
    """A router that knows some of the sites."""

    def __init__(self, minutes: dict[str, float]) -> None:
        self.minutes = minutes

    def car_minutes(self, latitude: float, longitude: float, sites: Sequence[str]) -> Floats:
        return np.array([self.minutes.get(site, np.nan) for site in sites])


def test_real_roads_replace_the_distance_model_where_they_are_known() -> None:
    roads = KnownRoads({NEAR.finess_geo: 55.0})  # over the river, no bridge
    directory = Directory.of((NEAR, FAR))
    found = rank(journey(), directory, Shortages(), EMERGENCY, (), roads=roads)
    assert first(found) == FAR.finess_geo
    told = {o.facility.finess_geo: o.reasons[0].text for o in found.options}
    assert "road router" in told[NEAR.finess_geo]
    assert "distance model" in told[FAR.finess_geo]


def test_a_helicopter_takes_no_road() -> None:
    roads = KnownRoads({NEAR.finess_geo: 55.0, FAR.finess_geo: 90.0})
    directory = Directory.of((NEAR, FAR))
    flown = rank(
        journey(vehicle_type="SMUR.HELISMUR"), directory, Shortages(), EMERGENCY, (), roads=roads
    )
    assert flown == rank(
        journey(vehicle_type="SMUR.HELISMUR"), directory, Shortages(), EMERGENCY, ()
    )


def test_two_equal_sites_are_an_even_bet_and_a_far_better_one_is_sure() -> None:
    twin = a_site("440000003", km_north=-2, capabilities=["157"])
    far = a_site("440000004", km_north=80, capabilities=[])
    even = rank(journey(bed_weight=0.0), Directory.of((NEAR, twin)), Shortages(), EMERGENCY, ())
    sure = rank(journey(bed_weight=0.0), Directory.of((NEAR, far)), Shortages(), EMERGENCY, ())
    assert even.options[0].confidence == pytest.approx(0.5, abs=0.01)
    assert sure.options[0].confidence > 0.99
    assert sure.options[1].confidence < 0.01
