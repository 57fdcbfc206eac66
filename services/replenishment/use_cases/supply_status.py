"""Take in what the medicines agency says of the supply of drugs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.replenishment.domain.availability import SupplyStatus, of_items, worst
from services.replenishment.ports import Store
from shared.catalogue.codes import Code


@dataclass(frozen=True, slots=True)
class StatusTaken:
    items: int  # of ours that are listed now
    unknown_packs: int  # listed packs that no item of ours is


@dataclass(frozen=True, slots=True)
class PutSupplyStatus:
    """The list replaces the one before: an item that left it can be had again."""

    store: Store

    def __call__(self, entries: Sequence[tuple[Code, SupplyStatus]]) -> StatusTaken:
        listed = worst(entries)
        with self.store.write() as books:
            named = books.catalogue.items(listed)
            items = {item.item_id: item for item in named.values()}
            statuses = of_items(items.values(), listed)
            books.supply.replace_statuses(statuses)
        return StatusTaken(len(statuses), len(listed) - len(named))
