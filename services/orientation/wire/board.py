"""The board on the wire."""

from __future__ import annotations

from datetime import datetime

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.domain.board import Board, OpenCase
from services.orientation.domain.case import NEVER
from services.orientation.domain.facilities import Facility
from services.orientation.domain.vehicles import Vehicle
from services.orientation.wire.answers import BANDS, MODES
from services.orientation.wire.times import to_stamp


def board_to_wire(board: Board) -> pb.WatchBoardResponse:
    return pb.WatchBoardResponse(
        open_cases=board.open_cases,
        cases=[_case(case) for case in board.cases],
        vehicles=[_vehicle(vehicle, board.at) for vehicle in board.vehicles],
        facilities=[_facility(facility, board.at) for facility in board.facilities],
        mode=MODES[board.mode],
        board_time=to_stamp(board.at),
    )


def _minutes(since: datetime, now: datetime) -> float | None:
    """None where nobody told when; never below 0, clocks may differ a little."""
    return None if since == NEVER else max(0.0, (now - since).total_seconds() / 60)


def _case(case: OpenCase) -> pb.BoardCase:
    return pb.BoardCase(
        case_key=case.key,
        band=BANDS[case.band],
        department=case.department,
        changed_time=to_stamp(case.changed),
        exercise=case.exercise,
    )


def _vehicle(vehicle: Vehicle, now: datetime) -> pb.BoardVehicle:
    return pb.BoardVehicle(
        resource_id=vehicle.resource_id,
        vehicle_type=vehicle.vehicle_type,
        state=vehicle.state,
        state_age_min=_minutes(vehicle.state_time, now),
        latitude=vehicle.latitude,
        longitude=vehicle.longitude,
        position_age_min=_minutes(vehicle.position_time, now),
        exercise=vehicle.exercise,
    )


def _facility(facility: Facility, now: datetime) -> pb.BoardFacility:
    count = facility.free_beds()
    return pb.BoardFacility(
        finess_geo=facility.finess_geo,
        name=facility.name,
        beds_free=count.beds if count else 0,
        beds_age_min=(_minutes(count.updated, now) or 0.0) if count else 0.0,
        closed=facility.closed,
    )
