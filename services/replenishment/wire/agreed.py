"""Limits of sites and of the whole group between protobuf and the domain."""

from __future__ import annotations

from larrey.catalogue.v1 import catalogue_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.agreed import GroupAllotment
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.shelves import StorageLimit
from shared.catalogue.codes import Code
from shared.catalogue.items import Storage
from shared.catalogue.wire import code_from_wire


def storage_to_wire(kind: Storage) -> catalogue_pb2.Storage.ValueType:
    return catalogue_pb2.Storage.Value(f"STORAGE_{kind.value}")


def storage_limits_from_wire(request: pb.PutStorageLimitsRequest) -> list[StorageLimit]:
    return [
        StorageLimit(
            one.site_id,
            Storage(catalogue_pb2.Storage.Name(one.storage).removeprefix("STORAGE_")),
            one.capacity_m3 if one.HasField("capacity_m3") else None,
        )
        for one in request.limits
    ]


def allotments_from_wire(
    request: pb.PutGroupAllotmentsRequest,
) -> list[tuple[Code, GroupAllotment]]:
    """The item's code, and the allotment without an item_id yet. Malformed CODE_MALFORMED ..."""
    return [
        (
            code_from_wire(one.item, f"allotments[{place}].item"),
            GroupAllotment("", one.supplier_id, one.packs if one.HasField("packs") else None),
        )
        for place, one in enumerate(request.allotments)
    ]


def lanes_from_wire(request: pb.PutTransferLanesRequest) -> list[tuple[Lane, bool]]:
    """Each lane with whether it is withdrawn."""
    return [
        (
            Lane(
                from_site_id=one.from_site_id,
                to_site_id=one.to_site_id,
                days=one.days,
                weekdays=frozenset(int(day) for day in one.weekdays),
                shipment_eur=one.shipment_cost_eur,
                line_eur=one.line_cost_eur,
                carries_cold=one.carries_cold,
            ),
            one.withdrawn,
        )
        for one in request.lanes
    ]
