"""Vehicles as rows, and the board read from the tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import MetaData, func, select

from services.orientation.adapters.store.tables import from_us, tables, to_us
from services.orientation.domain.board import LONGEST_OPEN, MOST, Board, OpenCase, counted_first
from services.orientation.domain.case import NEVER
from services.orientation.domain.orient import Surroundings
from services.orientation.domain.severity import Band
from services.orientation.domain.vehicles import Vehicle
from shared.storage import Database

UNKNOWN_US = 0  # an instant that nobody told


def _us(instant: datetime) -> int:
    return UNKNOWN_US if instant == NEVER else to_us(instant)


def _instant(us: int) -> datetime:
    return NEVER if us == UNKNOWN_US else from_us(us)


def vehicle_row(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "resource_id": vehicle.resource_id,
        "exercise": vehicle.exercise,
        "owner": vehicle.owner,
        "vehicle_type": vehicle.vehicle_type,
        "state": vehicle.state,
        "state_us": _us(vehicle.state_time),
        "latitude": vehicle.latitude,
        "longitude": vehicle.longitude,
        "position_us": _us(vehicle.position_time),
        "case_key": vehicle.case_key,
    }


def vehicle_from(row: Any) -> Vehicle:
    return Vehicle(
        row["resource_id"],
        row["exercise"],
        row["owner"],
        row["vehicle_type"],
        row["state"],
        _instant(row["state_us"]),
        row["latitude"],
        row["longitude"],
        _instant(row["position_us"]),
        row["case_key"],
    )


class SqlBoard:
    """Reads the board; `seen` tells cheaply whether anything changed."""

    def __init__(self, database: Database, around: Callable[[], Surroundings]) -> None:
        self._database, self._around = database, around
        self._at = tables(MetaData())

    def seen(self) -> tuple[object, ...]:
        """Another value whenever a case, a vehicle, a facility or a mode changed."""
        at = self._at
        found: list[object] = []
        with self._database.read() as tx:
            for table in (at.cases, at.vehicles, at.facilities, at.modes):
                query = select(func.count(), func.max(table.c.changed_us))
                found += list(tx.connection.execute(query).one())
        return tuple(found)

    def read(self, owner: str, now: datetime) -> Board:
        at, around = self._at, self._around()
        wanted = [at.cases.c.ended.is_(False), at.cases.c.changed_us >= to_us(now - LONGEST_OPEN)]
        vehicles = select(at.vehicles).order_by(at.vehicles.c.changed_us.desc()).limit(MOST)
        if owner:
            wanted.append(at.cases.c.owner == owner)
            vehicles = vehicles.where(at.vehicles.c.owner == owner)
        cases = (
            select(at.cases)
            .where(*wanted)
            .order_by(at.cases.c.band, at.cases.c.changed_us.desc())
            .limit(MOST)
        )
        with self._database.read() as tx:
            count = tx.connection.execute(select(func.count()).where(*wanted)).scalar_one()
            rows = tx.connection.execute(cases).mappings().all()
            fleet = tx.connection.execute(vehicles).mappings().all()
        return Board(
            now,
            count,
            tuple(
                OpenCase(
                    row["case_key"],
                    row["exercise"],
                    Band(row["band"]),
                    row["department"],
                    row["owner"],
                    from_us(row["changed_us"]),
                )
                for row in rows
            ),
            tuple(vehicle_from(row) for row in fleet),
            counted_first(around.directory.facilities),
            around.modes.of(owner),
        )
