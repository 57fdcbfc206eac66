"""Facts that orientation tells, and the one that it hears."""

from __future__ import annotations

from datetime import date
from typing import cast

from larrey.orientation.v1 import events_pb2
from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.replenishment.v1 import events_pb2 as supply
from services.orientation.domain.decision import Decision
from services.orientation.domain.facilities import Facility, Shortage
from services.orientation.domain.records import CaseKey, Counted
from services.orientation.domain.vehicles import Vehicle
from services.orientation.wire.answers import BANDS
from services.orientation.wire.facilities import report_to_wire
from services.orientation.wire.times import from_stamp, stamp_into, to_stamp
from shared.errors import Malformed


def oriented_event(key: CaseKey, counted: Counted) -> events_pb2.CaseOriented:
    out = events_pb2.CaseOriented(
        case_key=key.value,
        syndrome_group=counted.syndrome_group,
        band=BANDS[counted.band],
        department=counted.department,
        previous_group=counted.previous_group,
    )
    stamp_into(out.oriented_time, counted.oriented)
    stamp_into(out.called_time, counted.called)
    return out


def decided_event(key: CaseKey, decision: Decision) -> events_pb2.DecisionRecorded:
    return events_pb2.DecisionRecorded(
        case_key=key.value,
        decision_type=decision.decision_type,
        resource_type=decision.resource_type,
        followed=decision.followed,
        override_reason=cast("pb.OverrideReason.ValueType", decision.override_reason),
        decided_time=to_stamp(decision.decided),
    )


def moved_event(vehicle: Vehicle) -> events_pb2.ResourceMoved:
    return events_pb2.ResourceMoved(
        resource_id=vehicle.resource_id,
        state=vehicle.state,
        moved_time=to_stamp(vehicle.state_time),
    )


def capacity_event(facility: Facility) -> events_pb2.FacilityCapacityReported:
    return events_pb2.FacilityCapacityReported(
        finess_geo=facility.finess_geo, report=report_to_wire(facility)
    )


def shortage_from_event(event: supply.ShortageForeseen) -> Shortage:
    """Refuses Malformed SHORTAGE_MALFORMED when site, item or probability cannot be right."""
    names = (event.site_id, event.item_id, event.critical_resource)
    if not all(names[:2]) or len(event.site_id) > 9 or not all(n.isprintable() for n in names):
        raise Malformed(
            "SHORTAGE_MALFORMED",
            "A shortage needs the site and the item that it is about.",
            field="site_id",
        )
    if not 0 <= event.probability <= 1:
        raise Malformed(
            "SHORTAGE_MALFORMED", "A probability lies between 0 and 1.", field="probability"
        )
    day = event.stockout_day
    try:
        stockout = date(day.year, day.month, day.day) if day.year else None
    except ValueError as error:
        raise Malformed(
            "SHORTAGE_MALFORMED", "The day of the stock-out does not exist.", field="stockout_day"
        ) from error
    return Shortage(
        event.site_id,
        event.item_id,
        event.critical_resource,
        "".join(letter for letter in event.label if letter.isprintable()),
        event.probability,
        stockout,
        from_stamp(event.foreseen_time, "foreseen_time"),
    )
