"""Released lots between protobuf and the domain."""

from __future__ import annotations

from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.releases import AskedRelease, ReleaseReason
from services.replenishment.wire.dates import day_from_wire
from shared.catalogue.wire import code_from_wire
from shared.errors import Malformed


def release_from_wire(request: pb.ReleaseLotRequest) -> AskedRelease:
    """Malformed CODE_MALFORMED, CHECK_DIGIT_WRONG, DATE_MALFORMED, FIELD_INVALID."""
    if not (request.withdrawn or request.HasField("last_day")):
        raise Malformed(
            "FIELD_INVALID",
            "A lot is released until a day. Name the last day on which it may be used, or say "
            "that the release is withdrawn.",
            field="last_day",
        )
    return AskedRelease(
        item=code_from_wire(request.item, "item"),
        site_id=request.site_id,
        lot_id=request.lot_id,
        last_day=None if request.withdrawn else day_from_wire(request.last_day, "last_day"),
        reason=ReleaseReason(pb.ReleaseReason.Name(request.reason).removeprefix("RELEASE_REASON_")),
        note=request.note,
        released_by=request.released_by,
    )
