"""Read how good past forecasts were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.demand.domain.accuracy import Cell, Figures, Place, Sums, by_place, figures, sums_of
from services.demand.ports import Store
from services.demand.use_cases.read import known_site
from shared.catalogue.codes import CodeSystem, parse_code
from shared.errors import Missing


@dataclass(frozen=True, slots=True)
class ReadAccuracy:
    """Measures over what has come true, whole and by site and class.

    Missing SITE_UNKNOWN, ITEM_UNKNOWN; Malformed for ids that can never be right.
    """

    store: Store

    def __call__(self, site: str, item_id: str) -> tuple[Figures | None, Mapping[Place, Figures]]:
        with self.store.read() as books:
            site_id = known_site(books, site) if site else ""
            cells: Mapping[Cell, Sums]
            if item_id:
                code = parse_code(CodeSystem.LOCAL, item_id, field="item_id")
                found = books.catalogue.items([code]).get(code)
                if found is None:
                    raise Missing(
                        "ITEM_UNKNOWN",
                        f"No item has the id {code.value}. Use the item_id it was registered "
                        "with, or leave it empty for all items.",
                        field="item_id",
                    )
                cells = sums_of(books.accuracy.settled(found.item_id, site_id))
            else:
                cells = books.accuracy.sums(site_id)
        return figures(cells), by_place(cells)
