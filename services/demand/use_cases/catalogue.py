"""Register items and sites, asked by a caller or told by replenishment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.demand.ports import Store
from shared.catalogue.items import Item, Site


@dataclass(frozen=True, slots=True)
class PutItems:
    """Registers or changes items, all or none. NotNow CODE_TAKEN."""

    store: Store

    def __call__(self, items: Sequence[Item]) -> int:
        with self.store.write() as books:
            books.catalogue.put_items(items)
        return len({item.item_id for item in items})


@dataclass(frozen=True, slots=True)
class PutSites:
    """Registers or changes sites."""

    store: Store

    def __call__(self, sites: Sequence[Site]) -> int:
        with self.store.write() as books:
            books.catalogue.put_sites(sites)
        return len({site.site_id for site in sites})
