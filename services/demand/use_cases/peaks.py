"""Histories of amounts, and beside them the daily peaks of equipment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from services.demand.domain.periods import Period
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series
from services.demand.domain.uses import peak_series
from services.demand.ports import History, ItemHistory, Store


@dataclass(frozen=True, slots=True)
class WithPeaks:
    """What a run reads. On a grid of days, items with uses have their peaks, and nothing else."""

    history: History
    store: Store
    zone: str

    def compact(self) -> int:
        return self.history.compact()

    def series(self, order: RunOrder, since: int | None = None) -> Sequence[Series]:
        found = self.history.series(order, since)
        made = {(one.item_id, one.site_id): one for one in self._peaks(order)}
        if not made:
            return found
        amounts = [one for one in found if (one.item_id, one.site_id) not in made]
        return sorted([*amounts, *made.values()], key=lambda one: (one.item_id, one.site_id))

    def ends(self, order: RunOrder) -> Mapping[str, int]:
        """Of a site that reports uses alone, the day after its newest report."""
        found = dict(self.history.ends(order))
        for one in self._peaks(order):
            found.setdefault(one.site_id, one.end)
        return found

    def ward_use(
        self, site_id: str, item_ids: Sequence[str], since: int
    ) -> dict[str, dict[str, float]]:
        return self.history.ward_use(site_id, item_ids, since)

    def _peaks(self, order: RunOrder) -> list[Series]:
        if order.period is not Period.DAY:
            return []
        with self.store.read() as books:
            uses = books.uses.of(order.item_ids, order.site_ids)
            newest = books.uses.newest() if uses else {}
        grouped = groupby(uses, key=lambda one: (one.item_id, one.site_id))
        made = (
            peak_series(list(some), order.as_of, self.zone, newest[place[1]])
            for place, some in grouped
        )
        return [one for one in made if one is not None]


@dataclass(frozen=True, slots=True)
class OneWithPeaks:
    """The same for one item while its caller waits."""

    history: ItemHistory
    store: Store
    zone: str

    def series(
        self, order: RunOrder, item_id: str, site_id: str, since: date | None = None
    ) -> Series | None:
        if order.period is Period.DAY:
            with self.store.read() as books:
                uses = books.uses.of([item_id], [site_id])
                newest = books.uses.newest() if uses else {}
            peaks = peak_series(uses, order.as_of, self.zone, newest.get(site_id, 0))
            if peaks is not None:
                return peaks
        return self.history.series(order, item_id, site_id, since)
