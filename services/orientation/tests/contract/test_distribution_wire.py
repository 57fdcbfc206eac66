"""A distribution on the wire: nothing is lost on the way in, what is left out takes its default."""

from __future__ import annotations

from google.protobuf import json_format

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.distribution.problem import (
    Assignment,
    Cover,
    Places,
    Policy,
    Situation,
)
from services.orientation.domain.distribution.request import (
    Offer,
    Offered,
    OnTheSpot,
    Spot,
    Wanted,
)
from services.orientation.domain.severity import Band
from services.orientation.tests.distribution_world import SHARE, a_problem
from services.orientation.tests.situations import NOW
from services.orientation.wire.distribution import distribution_to_wire, wanted_from_wire

WHOLE = {
    "case_ids": ["fr.health.samu440.1"],
    "casualties": [
        {
            "casualty_id": "x",
            "place": {"latitude": 47.2, "longitude": -1.5},
            "band": "SEVERITY_BAND_LIFE_THREAT",
            "pathway": "BURN",
            "age_years": 9,
            "needed_capabilities": ["121"],
            "category": "UA",
            "loaded_in": "A",
            "bound_for": "440000271",
            "waited_min": 12,
        }
    ],
    "vehicles": [
        {
            "vehicle_id": "A",
            "vehicle_type": "SMUR.AR",
            "place": {"insee_code": "44109"},
            "seats": 0,
            "sector": "S",
            "free_in_min": 3,
        }
    ],
    "facilities": [
        {
            "finess_geo": "440000271",
            "name": "CHU",
            "latitude": 47.2,
            "longitude": -1.5,
            "capabilities": ["157"],
            "places": [
                {"free": 4, "category": "UR", "crisis": True, "counted_time": NOW.isoformat()},
                {"free": 1},
            ],
            "orsan_rank": 4,
            "plan_blanc": True,
            "closed": False,
        }
    ],
    "cover": [{"sector": "S", "keep": 2, "price": 0}, {"sector": "T", "keep": 1}],
    "previous": [{"case_id": "x", "resource_id": "A", "finess_geo": "440000271"}],
    "situation": {"novi": True, "orsan": True, "plan_blanc": True},
    "prices": {"wait_min": 100, "stability_min": 0, "unknown_places": 0},
    "as_of_time": NOW.isoformat(),
    "exercise": True,
}


def test_every_field_of_a_request_arrives() -> None:
    request = json_format.ParseDict(WHOLE, pb.DistributeRequest())
    assert wanted_from_wire(request) == Wanted(
        ("fr.health.samu440.1",),
        (
            OnTheSpot(
                "x",
                Spot(47.2, -1.5),
                Band.LIFE_THREAT,
                "BURN",
                9.0,
                ("121",),
                "UA",
                "A",
                "440000271",
                12.0,
            ),
        ),
        (Offered("A", "SMUR.AR", Spot(insee_code="44109"), 0, "S", 3.0),),
        (
            Offer(
                "440000271",
                "CHU",
                47.2,
                -1.5,
                frozenset(("157",)),
                (Places(4, NOW, "UR", crisis=True), Places(1, None)),
                4,
                plan_blanc=True,
                closed=False,
            ),
        ),
        (Cover("S", 2, 0.0), Cover("T", 1, 300.0)),
        (Assignment("x", "A", "440000271"),),
        Situation(novi=True, orsan=True, plan_blanc=True),
        Policy(100.0, 0.0, 0),
        NOW,
        exercise=True,
    )


def test_what_is_left_out_is_not_taken_for_zero() -> None:
    request = pb.DistributeRequest(
        casualties=[pb.Casualty(casualty_id="x")],
        vehicles=[pb.VehicleOffer(vehicle_id="A")],
        facilities=[pb.FacilityOffer(finess_geo="440000271")],
    )
    wanted = wanted_from_wire(request)
    assert wanted.casualties == (OnTheSpot("x", Spot()),)
    assert wanted.casualties[0].band is Band.NOT_ENOUGH_DATA
    assert wanted.vehicles == (Offered("A", "", Spot(), seats=1),)
    assert wanted.facilities == (Offer("440000271"),)
    assert (wanted.policy, wanted.as_of) == (Policy(), None)


def test_an_answer_tells_who_waits_without_a_number_where_nobody_knows_one() -> None:
    problem = a_problem(5, people=12, sites=2, vehicles=2)
    found = SHARE(problem)
    wire = {a.case_id: a for a in distribution_to_wire(found).assignments}
    assert {t.wait is not None for t in found.told} == {True, False}
    for told in found.told:
        row = wire[told.assignment.casualty_id]
        assert row.waits == (told.wait is not None)
        assert row.HasField("scene_min") == (told.wait is None)
        minutes = told.wait.minutes if told.wait is not None else None
        assert row.HasField("waits_about_min") == (minutes is not None)
        if told.wait is not None and minutes is None:
            assert row.wait_min == -1
