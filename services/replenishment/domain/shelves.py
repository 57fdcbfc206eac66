"""Room on the shelves of a site, ambient and cold: what may be filled, and what fills it.

The cold store's limit is a legal one and hard; room at ambient temperature is soft, with a
price for each cubic metre and day above it. Volumes of a planning problem are litres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.positions import Known, Position
from services.replenishment.domain.problem import Floats, Rows, Storage
from services.replenishment.domain.stock import usable
from shared.catalogue.items import Item
from shared.catalogue.items import Storage as Kind

LITRES = 1000.0  # in a cubic metre
VOLUME_UNKNOWN = "VOLUME_UNKNOWN"
Place = tuple[str, Kind]  # site, AMBIENT or COLD


@dataclass(frozen=True, slots=True)
class StorageLimit:
    """What one store of a site may hold; None takes the limit away."""

    site_id: str
    kind: Kind
    capacity_m3: float | None

    @property
    def place(self) -> Place:
        return self.site_id, self.kind


@dataclass(frozen=True, slots=True)
class Room:
    """What one row of `Storage.capacity` stands for: m3 by law or by the shelves, and m3
    taken by what the plan does not move (crisis and reserved stock, items left out)."""

    place: Place
    capacity_m3: float
    other_m3: float


def store_of(item: Item) -> Kind:
    """An item that is not said to be kept cold stands at ambient temperature."""
    return Kind.COLD if item.storage is Kind.COLD else Kind.AMBIENT


def litres(item: Item) -> float:
    """Of one base unit on the shelf; 0 where the volume of a pack is not known."""
    return item.pack_volume_m3 * LITRES / item.packing.base_per_pack


def other_room(planned: Sequence[Position], known: Sequence[Known]) -> dict[Place, float]:
    """m3 by store that no order of a plan changes."""
    moved = {(at.item.item_id, at.known.site_id): at for at in planned}
    taken: dict[Place, float] = {}
    for one in known:
        if one.report is None:
            continue
        at = moved.get((one.item.item_id, one.site_id))
        stock = one.report
        if at is None:
            amount = sum(lot.quantity_base for lot in stock.lots)
        else:
            whole = usable(stock, at.stock.day)
            amount = whole.crisis_base + whole.reserved_base - whole.short_base
        place = one.site_id, store_of(one.item)
        taken[place] = taken.get(place, 0.0) + max(0.0, amount) * litres(one.item) / LITRES
    return taken


def storage_of(
    rows: Rows,
    weights: Floats,
    planned: Sequence[Position],
    rooms: Sequence[Room],
    penalty: float,
) -> Storage | None:
    """The limits of a problem's shelves, None where no planned item stands in a limited store.

    Stock that is there or on order may fill a store beyond its limit: then nothing may be
    added to it on that day. `penalty` is EUR a m3 and day above a soft limit.
    """
    place_row = {room.place: row for row, room in enumerate(rooms)}
    place = [place_row.get((at.known.site_id, store_of(at.item)), -1) for at in planned]
    if max(place, default=-1) < 0:
        return None
    volume = np.array(
        [litres(at.item) if row >= 0 else 0.0 for at, row in zip(planned, place, strict=True)]
    )
    at_row = np.maximum(np.array(place, dtype=np.int64), 0)
    hard = np.array([room.place[1] is Kind.COLD for room in rooms])
    days = rows.demand.shape[1]
    free = np.array([max(0.0, room.capacity_m3 - room.other_m3) * LITRES for room in rooms])
    filled = np.zeros((len(rooms), days))
    on_hand = np.maximum(rows.supply - rows.demand, 0.0) @ weights
    np.add.at(filled, at_row, volume[:, None] * on_hand)
    capacity = np.repeat(free[:, None], days, axis=1)
    capacity = np.where(hard[:, None], np.maximum(capacity, filled), capacity)
    return Storage(volume, at_row, capacity, penalty / LITRES, hard)


def rooms_of(
    planned: Sequence[Position], known: Sequence[Known], limits: Sequence[StorageLimit]
) -> tuple[Room, ...]:
    """The limited stores in which something is planned."""
    used = {(at.known.site_id, store_of(at.item)) for at in planned}
    taken: Mapping[Place, float] = other_room(planned, known) if limits else {}
    return tuple(
        Room(one.place, one.capacity_m3, taken.get(one.place, 0.0))
        for one in sorted(limits, key=lambda one: (one.site_id, one.kind.value))
        if one.capacity_m3 is not None and one.place in used
    )
