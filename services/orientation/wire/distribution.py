"""Requests to share vehicles and places from the wire, and their answers to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.distribution.answer import Distribution, Outcome, Told
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
from services.orientation.wire.answers import BANDS
from services.orientation.wire.times import from_stamp

FROM_BANDS = {code: band for band, code in BANDS.items()}


def wanted_from_wire(request: pb.DistributeRequest) -> Wanted:
    """Fields left out stay left out, or take the default that the proto names."""
    situation, prices, usual = request.situation, request.prices, Policy()
    return Wanted(
        tuple(request.case_ids),
        tuple(_casualty(row) for row in request.casualties),
        tuple(_vehicle(row) for row in request.vehicles),
        tuple(_offer(row, f"facilities[{i}]") for i, row in enumerate(request.facilities)),
        tuple(
            Cover(row.sector, row.keep, row.price if row.HasField("price") else Cover("", 0).price)
            for row in request.cover
        ),
        tuple(Assignment(row.case_id, row.resource_id, row.finess_geo) for row in request.previous),
        Situation(situation.novi, situation.orsan, situation.plan_blanc),
        Policy(
            _given(prices, "wait_min", usual.wait_min),
            _given(prices, "stability_min", usual.stability_min),
            _given(prices, "unknown_places", usual.unknown_places),
        ),
        from_stamp(request.as_of_time, "as_of_time") if request.HasField("as_of_time") else None,
        request.exercise,
    )


def _given(message: Any, name: str, usual: Any) -> Any:
    return getattr(message, name) if message.HasField(name) else usual


def _spot(place: pb.Place) -> Spot:
    return Spot(_given(place, "latitude", None), _given(place, "longitude", None), place.insee_code)


def _casualty(row: pb.Casualty) -> OnTheSpot:
    return OnTheSpot(
        row.casualty_id,
        _spot(row.place),
        FROM_BANDS.get(row.band, Band.NOT_ENOUGH_DATA),
        row.pathway or "GENERAL",
        _given(row, "age_years", None),
        tuple(row.needed_capabilities),
        row.category,
        row.loaded_in,
        row.bound_for,
        row.waited_min,
    )


def _vehicle(row: pb.VehicleOffer) -> Offered:
    return Offered(
        row.vehicle_id,
        row.vehicle_type,
        _spot(row.place),
        _given(row, "seats", 1),
        row.sector,
        row.free_in_min,
    )


def _offer(row: pb.FacilityOffer, path: str) -> Offer:
    return Offer(
        row.finess_geo,
        row.name,
        _given(row, "latitude", None),
        _given(row, "longitude", None),
        frozenset(row.capabilities),
        tuple(_places(places, f"{path}.places[{i}]") for i, places in enumerate(row.places)),
        _given(row, "orsan_rank", None),
        row.plan_blanc,
        _given(row, "closed", None),
    )


def _places(row: pb.FreePlaces, path: str) -> Places:
    counted: datetime | None = None
    if row.HasField("counted_time"):
        counted = from_stamp(row.counted_time, f"{path}.counted_time")
    return Places(row.free, counted, row.category, row.crisis)


def distribution_to_wire(found: Distribution) -> pb.DistributeResponse:
    cost = found.cost
    parts = {
        "PICKUP": cost.pickup,
        "DELIVERY": cost.delivery,
        "PLACES": cost.places,
        "WAITING": cost.waiting,
        "COVER": cost.cover,
    }
    return pb.DistributeResponse(
        assignments=[_told(told, found) for told in found.told],
        cost=cost.total,
        cost_parts=[pb.CostPart(code=code, weighted_min=value) for code, value in parts.items()],
        figures=_figures(found.outcome),
        nearest_first=_figures(found.nearest),
        cover=[
            pb.SectorCover(sector=c.sector, stood=c.stood, keep=c.keep, stays=c.stays)
            for c in found.cover
        ],
        unchanged=found.unchanged,
        findings=[pb.Finding(code=f.code, path=f.path, remedy=f.remedy) for f in found.findings],
        milliseconds=found.milliseconds,
    )


def _figures(outcome: Outcome) -> pb.DistributionFigures:
    return pb.DistributionFigures(
        cost=outcome.cost,
        assigned=outcome.assigned,
        waiting=outcome.waiting,
        wrong_capability=outcome.wrong_capability,
        mean_arrival_min=outcome.mean_arrival_min,
        grave_arrival_min=outcome.grave_arrival_min,
    )


def _told(told: Told, found: Distribution) -> pb.Assignment:
    chosen = told.assignment
    nearest = found.nearest_assignments.get(chosen.casualty_id, Assignment(chosen.casualty_id))
    about = told.wait.minutes if told.wait is not None else None
    wait_min = 0.0
    if told.wait is not None:
        wait_min = -1.0 if about is None else about
    return pb.Assignment(
        case_id=chosen.casualty_id,
        resource_id=chosen.vehicle_id,
        finess_geo=chosen.finess_geo,
        wait_min=wait_min,
        band=BANDS[told.band],
        category=told.category,
        scene_min=told.scene_min,
        ride_min=told.ride_min,
        capabilities_met=told.met,
        capabilities_missing=told.missing,
        pinned=told.pinned,
        changed=told.changed,
        reasons=[pb.Reason(code=r.code, text=r.text) for r in told.reasons],
        nearest_resource_id=nearest.vehicle_id,
        nearest_finess_geo=nearest.finess_geo,
        waits=told.wait is not None,
        waits_about_min=about,
    )
