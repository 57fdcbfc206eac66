"""Sharing vehicles and places: what is chosen, who waits, what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.orientation.domain.directory import Directory
from services.orientation.domain.distribution.answer import Distribution, Told
from services.orientation.domain.distribution.check import check
from services.orientation.domain.distribution.detours import UNLOAD_MIN
from services.orientation.domain.distribution.problem import (
    Allocation,
    Assignment,
    Cover,
    Places,
    Problem,
    Situation,
)
from services.orientation.domain.distribution.request import (
    Offer,
    Offered,
    OnTheSpot,
    Spot,
    Wanted,
)
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.facilities import BedCount, Shortages
from services.orientation.domain.modes import Mode, Modes
from services.orientation.domain.orient import Surroundings
from services.orientation.domain.severity import Band
from services.orientation.domain.vehicles import Vehicle as Reported
from services.orientation.tests.distribution_world import SHARE, a_problem
from services.orientation.tests.situations import (
    CHEST_PAIN,
    KEYER,
    NANTES,
    NOW,
    MemoryRecords,
    StillAround,
    a_call,
    a_site,
    reference,
    scoring,
)
from services.orientation.use_cases.distribute import Distribute
from shared.clock import FixedClock
from shared.errors import Malformed, Missing, NotNow

OWNER = "fr.health.samu440"
HERE = Spot(*NANTES)
NEAR, ABLE = "440000001", "440000002"
AGO = NOW - timedelta(minutes=10)


def person(name: str, band: Band = Band.SEVERE, **more: object) -> OnTheSpot:
    return replace(OnTheSpot(name, HERE, band), **more)  # type: ignore[arg-type]  # real fields


def vehicle(name: str, km_north: float = 1.0, **more: object) -> Offered:
    spot = Spot(NANTES[0] + km_north / 111.2, NANTES[1])
    return replace(Offered(name, "SIS.VSAV", spot), **more)  # type: ignore[arg-type]


def offer(finess: str, free: int = 3, **more: object) -> Offer:
    made = Offer(finess, places=(Places(free, AGO),))
    return replace(made, **more)  # type: ignore[arg-type]


TWO_SITES = (offer(NEAR), offer(ABLE))


def distribution(records: MemoryRecords | None = None) -> Distribute:
    """Near has an emergency department, Able a stroke unit too."""
    directory = Directory.of(
        [
            a_site(NEAR, km_north=2, capabilities=["157"]),
            a_site(ABLE, km_north=9, capabilities=["157", "256", "492"]),
        ]
    )
    return Distribute(
        records or MemoryRecords(),
        StillAround(Surroundings(directory, Shortages())),
        reference().knowledge,
        None,
        KEYER,
        SHARE,
        FixedClock(NOW),
    )


def shared(**wanted: object) -> Distribution:
    usual = {"facilities": TWO_SITES, "vehicles": (vehicle("A"), vehicle("B"))}
    return distribution()(Wanted(**(usual | wanted)))  # type: ignore[arg-type]


def who(found: Distribution) -> dict[str, Told]:
    return {t.assignment.casualty_id: t for t in found.told}


def codes(found: Distribution) -> set[str]:
    return {f.code for f in found.findings}


class TestWhatIsChosen:
    def test_a_stroke_goes_past_the_nearest_to_the_unit_and_the_words_say_why(self) -> None:
        told = who(shared(casualties=(person("x", pathway="STROKE"),)))["x"]
        assert told.assignment.finess_geo == ABLE
        assert told.missing == ()
        (why,) = [r.text for r in told.reasons if r.code == "NOT_NEAREST"]
        assert "lacks" in why

    def test_the_gravest_gets_the_only_seat_and_the_other_hears_when(self) -> None:
        found = shared(
            casualties=(person("mild", Band.MILD), person("grave", Band.LIFE_THREAT)),
            vehicles=(vehicle("A"),),
        )
        told = who(found)
        assert told["grave"].assignment.vehicle_id == "A"
        wait = told["mild"].wait
        assert wait is not None
        assert wait.reason == "NO_SEAT"
        assert wait.minutes is not None
        arrival = told["grave"].arrival_min
        assert arrival is not None
        assert wait.minutes > arrival + 30
        assert "MORE_CASUALTIES_THAN_SEATS" in codes(found)

    def test_a_mild_case_does_not_empty_a_sector_but_a_grave_one_does(self) -> None:
        rule = (Cover("S", 1),)
        fleet = (vehicle("A", sector="S"),)
        mild = shared(casualties=(person("x", Band.MILD),), vehicles=fleet, cover=rule)
        assert who(mild)["x"].wait is not None
        assert mild.cover[0].stays == 1
        grave = shared(casualties=(person("x", Band.SEVERE),), vehicles=fleet, cover=rule)
        assert who(grave)["x"].assignment.vehicle_id == "A"
        assert grave.cover[0].stays == 0
        assert grave.cost.cover == 300

    def test_crisis_places_open_with_the_plan_alone(self) -> None:
        full = (offer(NEAR, places=(Places(0, AGO), Places(5, AGO, crisis=True))),)
        people = (person("x"),)
        before = shared(casualties=people, facilities=full)
        wait = who(before)["x"].wait
        assert wait is not None
        assert wait.reason == "NO_PLACE"
        assert wait.minutes is None
        assert "CRISIS_PLACES_CLOSED" in codes(before)
        for declared in (
            shared(casualties=people, facilities=(replace(full[0], plan_blanc=True),)),
            shared(casualties=people, facilities=full, situation=Situation(plan_blanc=True)),
        ):
            assert who(declared)["x"].assignment.finess_geo == NEAR

    def test_places_kept_for_a_category_are_for_it_alone_and_in_a_novi_alone(self) -> None:
        kept = (offer(NEAR, places=(Places(1, AGO, "UA"),)), offer(ABLE))
        people = (person("grave", category="UA"), person("light", Band.MILD, category="UR"))
        novi = who(shared(casualties=people, facilities=kept, situation=Situation(novi=True)))
        assert novi["grave"].assignment.finess_geo == NEAR
        assert novi["light"].assignment.finess_geo == ABLE
        usual = shared(casualties=people, facilities=kept)
        assert {t.assignment.finess_geo for t in usual.told} == {ABLE}
        assert "PLACES_KEPT_FOR_NOVI" in codes(usual)

    def test_the_orsan_plan_sends_the_gravest_to_its_first_line(self) -> None:
        ranked = (offer(NEAR, orsan_rank=4), offer(ABLE, orsan_rank=1))
        people = (person("x", category="UA"),)
        assert who(shared(casualties=people, facilities=ranked))["x"].assignment.finess_geo == NEAR
        plan = shared(casualties=people, facilities=ranked, situation=Situation(orsan=True))
        assert who(plan)["x"].assignment.finess_geo == ABLE

    def test_a_count_of_yesterday_is_hardly_believed_and_shown(self) -> None:
        stale = offer(NEAR, places=(Places(9, NOW - timedelta(hours=20)),))
        found = shared(casualties=(person("x"),), facilities=(stale, offer(ABLE)))
        assert "PLACES_OLD" in codes(found)
        words = {r.code: r.text for r in who(found)["x"].reasons}
        assert "1200 min ago" in words.get("PLACES_OLD", "")

    def test_a_place_that_nobody_counted_is_not_taken_for_none(self) -> None:
        found = shared(casualties=(person("x"),), facilities=(offer(NEAR, places=()),))
        assert who(found)["x"].assignment.finess_geo == NEAR
        assert "PLACES_UNKNOWN" in codes(found)

    def test_without_vehicles_or_facilities_everybody_waits_and_the_answer_says_so(self) -> None:
        people = (person("x"), person("y"))
        found = shared(casualties=people, vehicles=())
        assert "NO_VEHICLES" in codes(found)
        assert all(t.wait is not None and t.wait.minutes is None for t in found.told)
        bare = distribution()
        empty = replace(bare, around=StillAround(Surroundings(Directory.of(()), Shortages())))
        found = empty(Wanted(casualties=people, vehicles=(vehicle("A"),)))
        assert "NO_FACILITIES" in codes(found)
        assert all(t.wait is not None and t.wait.reason == "NO_PLACE" for t in found.told)

    def test_left_out_facilities_come_from_the_directory_with_their_newest_count(self) -> None:
        asked = distribution()
        beds = (BedCount("02", "01", 0, AGO),)
        asked = replace(
            asked,
            around=StillAround(
                Surroundings(
                    Directory.of(
                        [
                            a_site(NEAR, km_north=2, capabilities=["157"], beds=beds),
                            a_site(ABLE, km_north=9, capabilities=["157"]),
                        ]
                    ),
                    Shortages(),
                )
            ),
        )
        found = asked(Wanted(casualties=(person("x"),), vehicles=(vehicle("A"),)))
        assert who(found)["x"].assignment.finess_geo == ABLE

    def test_a_doctor_s_car_carries_nobody(self) -> None:
        cars = (vehicle("A", vehicle_type="SMUR.VLM"),)
        found = shared(casualties=(person("x"),), vehicles=cars)
        assert who(found)["x"].wait is not None
        assert "VEHICLE_CARRIES_NOBODY" in codes(found)

    def test_people_who_share_a_vehicle_to_two_sites_are_told_so(self) -> None:
        people = (person("stroke", pathway="STROKE"), person("other"))
        found = shared(casualties=people, vehicles=(vehicle("bus", seats=2),))
        assert {t.assignment.finess_geo for t in found.told} == {NEAR, ABLE}
        for told in found.told:
            assert "SHARED_VEHICLE" in {r.code for r in told.reasons}

    def test_the_second_stop_of_a_vehicle_is_timed_by_way_of_the_first(self) -> None:
        people = (
            person("grave", pathway="STROKE", band=Band.LIFE_THREAT),
            person("light", band=Band.MILD),
        )
        bus = shared(casualties=people, vehicles=(vehicle("bus", seats=2),))
        two = shared(casualties=people, vehicles=(vehicle("A"), vehicle("B")))
        assert who(bus)["grave"].ride_min == who(two)["grave"].ride_min
        assert who(bus)["grave"].assignment.finess_geo != who(bus)["light"].assignment.finess_geo
        first, second = who(bus)["grave"].ride_min, who(bus)["light"].ride_min
        assert first is not None
        assert second is not None
        assert second >= first + UNLOAD_MIN  # the way between the sites comes on top
        assert bus.outcome.mean_arrival_min is not None
        arrivals = [t.arrival_min or 0.0 for t in bus.told]
        assert bus.outcome.mean_arrival_min == pytest.approx(sum(arrivals) / 2)


class TestPlanningAgain:
    def test_who_is_on_the_way_to_a_full_site_stays_and_the_answer_flags_it(self) -> None:
        people = (person("x", loaded_in="A", bound_for=NEAR), person("y"))
        found = shared(casualties=people, facilities=(offer(NEAR, 0), offer(ABLE)))
        assert who(found)["x"].assignment == Assignment("x", "A", NEAR)
        assert who(found)["y"].assignment.finess_geo == ABLE
        assert "SITE_OVERFULL" in codes(found)

    def test_a_vehicle_half_a_minute_nearer_does_not_change_what_was_told(self) -> None:
        fleet = (vehicle("A", 1.0), vehicle("B", 1.2))
        people = (person("x"),)
        assert who(shared(casualties=people, vehicles=fleet))["x"].assignment.vehicle_id == "A"
        told = (Assignment("x", "B", NEAR),)
        again = shared(casualties=people, vehicles=fleet, previous=told)
        assert who(again)["x"].assignment.vehicle_id == "B"
        assert again.unchanged == 1.0
        near = (vehicle("A", 1.0), vehicle("B", 30.0))
        moved = shared(casualties=people, vehicles=near, previous=told)
        assert who(moved)["x"].changed
        assert moved.unchanged == 0.0

    def test_an_earlier_vehicle_that_is_gone_is_told_and_another_is_sought(self) -> None:
        told = (Assignment("x", "gone", NEAR), Assignment("nobody", "A", NEAR))
        found = shared(casualties=(person("x"),), previous=told)
        assert who(found)["x"].assignment.vehicle_id in {"A", "B"}
        paths = {f.path for f in found.findings if f.code == "PREVIOUS_GONE"}
        assert paths == {"previous[0]", "previous[1]"}

    @pytest.mark.parametrize("seed", range(3))
    def test_nine_in_ten_instructions_stand_when_one_vehicle_drops_out(self, seed: int) -> None:
        problem = a_problem(seed, people=80, sites=25, vehicles=35)
        first = SHARE(problem)
        loaded = {c.loaded_in for c in problem.casualties}
        spare = next(v for v in problem.vehicles if v.vehicle_id not in loaded)
        again = replace(
            problem,
            previous={t.assignment.casualty_id: t.assignment for t in first.told},
            vehicles=tuple(v for v in problem.vehicles if v is not spare),
        )
        share = SHARE(again).unchanged
        assert share is not None
        assert share >= 0.9


class TestKnownVehicles:
    def reported(self, minutes_ago: float, **more: object) -> MemoryRecords:
        records = MemoryRecords()
        at = NOW - timedelta(minutes=minutes_ago)
        told = Reported("A", False, OWNER, "SMUR.AR", "DISPONIBLE", at, *NANTES, at)
        records.put_vehicle(replace(told, **more))  # type: ignore[arg-type]  # real fields
        return records

    def test_a_vehicle_named_alone_stands_where_it_last_reported(self) -> None:
        wanted = Wanted(
            casualties=(person("x"),),
            vehicles=(Offered("A", "", Spot()),),
            facilities=TWO_SITES,
        )
        found = distribution(self.reported(5))(wanted)
        told = who(found)["x"]
        assert told.assignment.vehicle_id == "A"
        assert told.scene_min == pytest.approx(2.0)  # it stands there
        assert "VEHICLE_POSITION_OLD" not in codes(found)
        assert "VEHICLE_POSITION_OLD" in codes(distribution(self.reported(90))(wanted))

    def test_without_a_kind_or_a_place_it_is_refused(self) -> None:
        wanted = Wanted(casualties=(person("x"),), vehicles=(Offered("A", "", Spot()),))
        with pytest.raises(Malformed, match="VEHICLE_TYPE_MISSING"):
            distribution(self.reported(5, vehicle_type=""))(wanted)
        with pytest.raises(Malformed, match="POSITION_MISSING"):
            distribution(MemoryRecords())(wanted)


class TestKnownCases:
    def test_the_patients_of_a_scored_case_are_casualties_with_their_severity(self) -> None:
        records = MemoryRecords()
        score = scoring(records)
        call = a_call(1, motive_code=CHEST_PAIN, latitude=NANTES[0], longitude=NANTES[1])
        score(score.read_typed(call))
        found = distribution(records)(
            Wanted(case_ids=(call.case_id,), vehicles=(vehicle("A"),), facilities=TWO_SITES)
        )
        (told,) = found.told
        assert told.assignment.casualty_id == call.case_id
        assert told.band is Band.SEVERE
        assert told.assignment.vehicle_id == "A"

    def test_a_case_without_a_place_is_not_lost(self) -> None:
        records = MemoryRecords()
        score = scoring(records)
        call = a_call(1, motive_code=CHEST_PAIN)
        score(score.read_typed(call))
        found = distribution(records)(
            Wanted(case_ids=(call.case_id,), vehicles=(vehicle("A"),), facilities=TWO_SITES)
        )
        (told,) = found.told
        assert told.wait is not None
        assert told.wait.reason == "NO_POSITION"
        assert "POSITION_MISSING" in codes(found)
        assert found.outcome.waiting == 1

    def test_a_samu_that_stopped_suggestions_gets_none_here_either(self) -> None:
        records = MemoryRecords()
        score = scoring(records)
        call = a_call(
            1, motive_code=CHEST_PAIN, latitude=NANTES[0], longitude=NANTES[1], owner=OWNER
        )
        score(score.read_typed(call))
        asked = distribution(records)
        here = asked.around.now()
        stopped = StillAround(replace(here, modes=Modes({OWNER: Mode.OFF})))
        wanted = Wanted(case_ids=(call.case_id,), facilities=TWO_SITES)
        with pytest.raises(NotNow, match="SUGGESTIONS_STOPPED"):
            replace(asked, around=stopped)(wanted)

    def test_a_case_that_was_never_scored_is_refused_by_its_place_in_the_request(self) -> None:
        with pytest.raises(Missing, match="CASE_MISSING") as caught:
            distribution()(Wanted(case_ids=("nobody",)))
        assert caught.value.field == "case_ids[0]"


REFUSED = [
    ({"casualties": ()}, "NO_CASUALTIES", "casualties"),
    ({"casualties": (person("x"), person("x"))}, "ID_REPEATED", "casualties[1].casualty_id"),
    ({"vehicles": (vehicle("A"), vehicle("A"))}, "ID_REPEATED", "vehicles[1].vehicle_id"),
    ({"facilities": (offer(NEAR), offer(NEAR))}, "ID_REPEATED", "facilities[1].finess_geo"),
    (
        {"casualties": (person("x", loaded_in="gone"),)},
        "VEHICLE_UNKNOWN",
        "casualties[0].loaded_in",
    ),
    (
        {"casualties": (person("x", bound_for="440009999"),)},
        "FACILITY_UNKNOWN",
        "casualties[0].bound_for",
    ),
    (
        {"casualties": (person("x", loaded_in="A"), person("y", loaded_in="A"))},
        "SEATS_EXCEEDED",
        "casualties[1].loaded_in",
    ),
    ({"facilities": (offer("440009999"),)}, "FACILITY_UNKNOWN", "facilities[0].finess_geo"),
    (
        {"facilities": (offer(NEAR, places=(Places(1, NOW + timedelta(hours=1)),)),)},
        "COUNT_IN_FUTURE",
        "facilities[0].places[0].counted_time",
    ),
    ({"cover": (Cover("nowhere", 1),)}, "SECTOR_UNKNOWN", "cover[0].sector"),
    ({"casualties": (person("x", pathway="MAGIC"),)}, "PATHWAY_UNKNOWN", "casualties[0].pathway"),
    ({"casualties": (person("x", spot=Spot()),)}, "POSITION_MISSING", "casualties[0].place"),
    (
        {"casualties": (person("x", spot=Spot(4.7, -1.5)),)},
        "POSITION_IMPLAUSIBLE",
        "casualties[0].place",
    ),
    (
        {"casualties": (person("x", spot=Spot(insee_code="99999")),)},
        "INSEE_UNKNOWN",
        "casualties[0].place.insee_code",
    ),
    ({"vehicles": (vehicle("A", spot=Spot()),)}, "POSITION_MISSING", "vehicles[0].place"),
]


@pytest.mark.parametrize(("wanted", "reason", "field"), REFUSED)
def test_what_can_never_be_right_is_refused_by_field(
    wanted: dict[str, object], reason: str, field: str
) -> None:
    with pytest.raises(Malformed) as caught:
        shared(**({"casualties": (person("x"),)} | wanted))
    assert (caught.value.reason, caught.value.field) == (reason, field)


def _broken(problem: Problem, found: Allocation) -> list[tuple[str, Allocation]]:
    """The allocation with one fault each."""
    first, *rest = found.assignments
    return [
        ("CASUALTY_FORGOTTEN", Allocation(tuple(rest))),
        ("CASUALTY_MORE_THAN_ONCE", Allocation((first, first, *rest))),
        ("CASUALTY_UNKNOWN", Allocation((Assignment("stranger"), first, *rest))),
        ("VEHICLE_UNKNOWN", Allocation((replace(first, vehicle_id="none"), *rest))),
        ("FACILITY_UNKNOWN", Allocation((replace(first, finess_geo="none"), *rest))),
        (
            "SEATS_EXCEEDED",
            Allocation(tuple(replace(a, vehicle_id=first.vehicle_id) for a in found.assignments)),
        ),
        (
            "PLACES_EXCEEDED",
            Allocation(tuple(replace(a, finess_geo=NEAR) for a in found.assignments)),
        ),
    ]


def test_the_checker_finds_every_fault() -> None:
    asked = distribution()
    people = tuple(person(name) for name in "wxyz")
    fleet = tuple(vehicle(name) for name in "ABCD")
    problem, _, _ = asked.problem(Wanted(casualties=people, vehicles=fleet, facilities=TWO_SITES))
    found = SHARE.allocate(problem, Tables.of(problem))
    assert check(problem, found) == ()
    for rule, fault in _broken(problem, found):
        assert rule in {v.rule for v in check(problem, fault)}, rule
    pinned = replace(
        problem,
        casualties=(
            replace(problem.casualties[0], loaded_in="D", bound_for=ABLE),
            *problem.casualties[1:],
        ),
    )
    wrong = Allocation((Assignment("w", "A", NEAR), *found.assignments[1:]))
    rules = {v.rule for v in check(pinned, wrong)}
    assert {"LOADED_MOVED", "BOUND_MOVED"} <= rules
