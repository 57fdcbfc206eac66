"""What holds for a site or for the whole group, beyond one item's supply terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.shelves import StorageLimit

ItemSupplier = tuple[str, str]


@dataclass(frozen=True, slots=True)
class GroupAllotment:
    """Packs of an item that a supplier allots to all sites together over a plan's horizon;
    None takes the allotment away."""

    item_id: str
    supplier_id: str
    packs: int | None

    @property
    def key(self) -> ItemSupplier:
        return self.item_id, self.supplier_id


@dataclass(frozen=True, slots=True)
class GroupLimits:
    storage: Sequence[StorageLimit] = ()
    allotments: Sequence[GroupAllotment] = ()
    lanes: Sequence[Lane] = ()

    @property
    def allotted(self) -> Mapping[ItemSupplier, int]:
        return {one.key: one.packs for one in self.allotments if one.packs is not None}


NO_LIMITS = GroupLimits()
