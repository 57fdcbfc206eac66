"""Release a lot beyond the day it is marked with, on the record."""

from __future__ import annotations

from dataclasses import dataclass

from services.replenishment.domain.releases import AskedRelease, Release, check_release
from services.replenishment.ports import Store, Today
from services.replenishment.use_cases.catalogue import check_site, known_item, named_items
from services.replenishment.use_cases.warn import Warn
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class ReleaseLot:
    """Base units released. Missing ITEM_UNKNOWN, SITE_UNKNOWN, LOT_UNKNOWN; Malformed
    RELEASE_IN_PAST."""

    store: Store
    warn: Warn
    clock: Clock
    today: Today

    def __call__(self, asked: AskedRelease) -> float:
        with self.store.write() as books:
            item = known_item(named_items(books, [asked.item]), asked.item, "item")
            check_site(books.catalogue.site_ids(), asked.site_id, "site_id")
            key = item.item_id, asked.site_id
            known = books.supply.known([key])
            report = known[0].report if known else None
            amount = check_release(report, asked.lot_id, asked.last_day, self.today())
            books.supply.add_release(
                Release(
                    *key,
                    asked.lot_id,
                    asked.last_day,
                    asked.reason,
                    asked.note,
                    asked.released_by,
                    self.clock.now(),
                )
            )
            self.warn(books, [key])
        return amount
