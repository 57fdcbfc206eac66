"""What the service keeps of the cases and vehicles that a distribution names."""

from __future__ import annotations

from services.orientation.domain.case import CaseState
from services.orientation.domain.distribution.request import Spot, Wanted
from services.orientation.domain.modes import Mode, Modes
from services.orientation.domain.records import StoredCase
from services.orientation.domain.vehicles import Vehicle as Reported
from services.orientation.ports import Keyer, Records
from shared.errors import Missing, NotNow

NOWHERE = Spot()


def read_known(
    wanted: Wanted, records: Records | None, keyer: Keyer | None, modes: Modes
) -> tuple[list[CaseState], dict[str, Reported]]:
    """Cases and vehicles as they are kept, in one transaction that ends before any sharing.

    A refusal leaves it by raising, so that a case that is not there leaves no trace.
    """
    unplaced = [row.vehicle_id for row in wanted.vehicles if row.spot == NOWHERE]
    if not wanted.case_ids and not unplaced:
        return [], {}
    if records is None or keyer is None:
        return [_shown(None, 0, modes) for _ in wanted.case_ids], {}
    keys = [keyer.key(name, exercise=wanted.exercise) for name in wanted.case_ids]
    with records.open() as record:
        record.hold(keys)
        states = [_shown(record.case(key), at, modes) for at, key in enumerate(keys)]
        found = {name: record.vehicle(name, exercise=wanted.exercise) for name in unplaced}
    return states, {name: v for name, v in found.items() if v is not None}


def _shown(stored: StoredCase | None, index: int, modes: Modes) -> CaseState:
    if stored is None:
        raise Missing(
            "CASE_MISSING",
            "This case was never scored here. Score it first, or send it among casualties.",
            field=f"case_ids[{index}]",
        )
    if modes.of(stored.owner) is not Mode.ON:
        raise NotNow(
            "SUGGESTIONS_STOPPED",
            "Suggestions are switched off for the SAMU of this case. Leave it out, or have "
            "them switched on again.",
            field=f"case_ids[{index}]",
        )
    return stored.state
