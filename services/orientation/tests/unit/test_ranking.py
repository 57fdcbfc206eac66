"""Which facility: minutes to the right care, with what they are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import (
    BedCount,
    Facility,
    Shortage,
    Shortages,
)
from services.orientation.domain.pathways import Need
from services.orientation.domain.ranking import Journey, Ranking, rank
from services.orientation.domain.synthetic import is_acute, synthetic_layer, with_synthetic_beds
from services.orientation.domain.travel import travel_minutes
from services.orientation.tests.situations import NANTES, NOW, a_site, reference, synthetic_france

EMERGENCY = Need(("157",), 40.0)
CATH_LAB = Need(("014",), 35.0)
JOURNEY = Journey(*NANTES, "TSU.AMB-GV", 10, NOW, 1.0)
NEAR = a_site("440000001", km_north=2, capabilities=["157"])
ABLE = a_site("440000002", km_north=9, capabilities=["157", "014"])
FAR = a_site("440000003", km_north=60, capabilities=["157", "014"])


def ranked(
    *sites: Facility,
    needs: tuple[Need, ...] = (EMERGENCY, CATH_LAB),
    resources: tuple[str, ...] = (),
    shortages: tuple[Shortage, ...] = (),
) -> Ranking:
    return rank(JOURNEY, Directory.of(sites), Shortages.of(shortages), needs, resources)


def order(ranking: Ranking) -> list[str]:
    return [option.facility.finess_geo for option in ranking.options]


def beds(count: int, minutes_ago: float) -> tuple[BedCount, ...]:
    return (BedCount("02", "01", count, NOW - timedelta(minutes=minutes_ago)),)


def short(site: Facility, resource: str, probability: float = 0.9) -> Shortage:
    return Shortage(site.finess_geo, "ITEM", resource, "label", probability, NOW.date(), NOW)


def test_the_able_site_goes_before_the_near_one_that_lacks_what_is_needed() -> None:
    ranking = ranked(NEAR, ABLE, FAR)
    assert order(ranking)[0] == ABLE.finess_geo
    assert ranking.options[0].missing == ()
    assert "nearer" in ranking.why_not_nearest
    assert "014" in ranking.why_not_nearest


def test_the_nearest_goes_first_when_it_has_all_and_nothing_is_to_be_explained() -> None:
    ranking = ranked(NEAR, ABLE, needs=(EMERGENCY,))
    assert order(ranking)[0] == NEAR.finess_geo
    assert ranking.why_not_nearest == ""


def test_an_hour_on_the_road_is_not_worth_a_missing_capability_of_35_minutes() -> None:
    assert order(ranked(NEAR, FAR))[0] == NEAR.finess_geo


def test_a_full_site_falls_behind_but_an_old_count_weighs_less() -> None:
    other = a_site("440000004", km_north=11, capabilities=["157", "014"], beds=beds(5, 5))
    full = replace(ABLE, beds=beds(0, 5))
    long_ago = replace(ABLE, beds=beds(0, 600))
    fresh, old = ranked(full, other), ranked(long_ago, other)
    assert order(fresh)[0] == other.finess_geo
    cost = {o.facility.finess_geo: o.score_min - o.travel_min for o in fresh.options}
    cost_old = {o.facility.finess_geo: o.score_min - o.travel_min for o in old.options}
    assert cost[ABLE.finess_geo] > cost_old[ABLE.finess_geo] > 0
    codes = {r.code for o in old.options for r in o.reasons}
    assert "BEDS_OLD" in codes


def test_an_unknown_number_of_beds_is_said_and_not_taken_for_zero() -> None:
    option = ranked(ABLE).options[0]
    assert option.beds_free is None
    assert "BEDS_UNKNOWN" in {r.code for r in option.reasons}


def test_only_beds_that_can_be_used_now_count() -> None:
    later = BedCount("02", "03", 9, NOW)
    closed = BedCount("05", "01", 9, NOW)
    assert ranked(replace(ABLE, beds=(later, closed))).options[0].beds_free is None


def test_a_shortage_lowers_the_site_for_cases_that_need_the_resource_alone() -> None:
    other = a_site("440000004", km_north=11, capabilities=["157", "014"])
    told = (short(ABLE, "THROMBOLYTIC"),)
    needing = ranked(ABLE, other, resources=("THROMBOLYTIC",), shortages=told)
    not_needing = ranked(ABLE, other, resources=("ANTIVENOM",), shortages=told)
    assert order(needing)[0] == other.finess_geo
    assert order(not_needing)[0] == ABLE.finess_geo
    reasons = [r for r in needing.options[1].reasons if r.code == "SHORTAGE_THROMBOLYTIC"]
    assert "Thrombolytic may run out here" in reasons[0].text


def test_a_closed_site_comes_last_and_says_why() -> None:
    ranking = ranked(replace(ABLE, closed=True), FAR, NEAR)
    assert order(ranking)[-1] == ABLE.finess_geo
    assert "CLOSED" in {r.code for r in ranking.options[-1].reasons}


@given(st.permutations([NEAR, ABLE, FAR]))
def test_the_order_of_the_directory_is_irrelevant(sites: list[Facility]) -> None:
    assert ranked(*sites) == ranked(NEAR, ABLE, FAR)


def test_an_empty_directory_gives_no_facility_and_no_error() -> None:
    assert ranked() == Ranking((), "")


@given(st.floats(0, 300), st.floats(0, 300), st.integers(0, 23))
def test_further_never_takes_less_time(one: float, other: float, hour: int) -> None:
    near, far = sorted((one, other))
    for vehicle in ("SMUR.AR", "TSU.AMB-GV", "SIS.VSAV", "SMUR.HELISMUR"):
        assert travel_minutes(near, vehicle, hour) <= travel_minutes(far, vehicle, hour)


def test_a_siren_is_faster_and_rush_hours_are_slower() -> None:
    assert travel_minutes(20, "SMUR.AR", 10) < travel_minutes(20, "TSU.AMB-GV", 10)
    assert travel_minutes(20, "TSU.AMB-GV", 8) > travel_minutes(20, "TSU.AMB-GV", 10)


def test_the_synthetic_layer_is_the_same_each_time_and_says_what_it_is() -> None:
    sites = reference().sites
    layer = synthetic_layer(sites)
    assert {f.finess_geo: f for f in layer} == {
        f.finess_geo: f for f in synthetic_layer(reversed(sites))
    }
    assert all(facility.synthetic for facility in layer)
    assert synthetic_layer(sites, seed=1) != layer


def test_no_day_clinic_or_scanner_is_taken_for_an_emergency_hospital() -> None:
    acute = [site for site in reference().sites if is_acute(site)]
    names = {site.name for site in acute if site.department == "44"}
    assert any("HÔTEL-DIEU" in name for name in names)
    assert not any("SCANNER" in name or "PSYCHIATR" in name for name in names)


def test_every_department_with_an_acute_site_has_one_that_takes_strokes() -> None:
    sites = {site.finess_geo: site for site in reference().sites}
    able, any_site = set(), set()
    for facility in synthetic_france().directory.facilities:
        department = sites[facility.finess_geo].department
        any_site.add(department)
        if {"157", "256"} <= facility.capabilities:
            able.add(department)
    assert able == any_site
    assert len(able) > 90


def test_made_up_beds_carry_an_age() -> None:
    layer = with_synthetic_beds(synthetic_layer(reference().sites)[:50], NOW)
    counts = [facility.free_beds() for facility in layer]
    assert all(count is not None and count.updated <= NOW for count in counts)
