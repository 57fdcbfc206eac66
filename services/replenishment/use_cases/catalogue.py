"""Register items, sites and supply terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.replenishment.domain.terms import SupplyTerms, check_terms
from services.replenishment.ports import Books, Store
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.errors import Missing


@dataclass(frozen=True, slots=True)
class PutItems:
    """Registers or changes items, all or none, and tells the other services.

    NotNow CODE_TAKEN.
    """

    store: Store

    def __call__(self, items: Sequence[Item]) -> int:
        with self.store.write() as books:
            books.catalogue.put_items(items)
        return len({item.item_id for item in items})


@dataclass(frozen=True, slots=True)
class PutSites:
    """Registers or changes sites and tells the other services."""

    store: Store

    def __call__(self, sites: Sequence[Site]) -> int:
        with self.store.write() as books:
            books.catalogue.put_sites(sites)
        return len({site.site_id for site in sites})


@dataclass(frozen=True, slots=True)
class PutSupplyTerms:
    """Stores how items may be bought, all or none.

    Malformed NO_ORDER_DAY, LEAD_UNKNOWN, MINIMUM_ABOVE_CAP, BREAKS_UNORDERED; Missing
    ITEM_UNKNOWN, SITE_UNKNOWN.
    """

    store: Store

    def __call__(self, asked: Sequence[tuple[Code, SupplyTerms]]) -> int:
        with self.store.write() as books:
            named = named_items(books, [code for code, _ in asked])
            sites = books.catalogue.site_ids()
            newest: dict[tuple[str, str], SupplyTerms] = {}
            for place, (code, draft) in enumerate(asked):
                field = f"terms[{place}]"
                item = known_item(named, code, f"{field}.item")
                check_site(sites, draft.site_id, f"{field}.site_id")
                terms = replace(draft, item_id=item.item_id)
                check_terms(terms, field)
                newest[item.item_id, terms.site_id] = terms
            books.supply.put_terms(list(newest.values()))
        return len(newest)


def named_items(books: Books, codes: Sequence[Code]) -> dict[Code, Item]:
    return dict(books.catalogue.items(codes))


def known_item(named: dict[Code, Item], code: Code, field: str) -> Item:
    """The item that the code names; Missing ITEM_UNKNOWN."""
    item = named.get(code)
    if item is None:
        raise Missing(
            "ITEM_UNKNOWN",
            f"No item has the {code.system.value} code {code.value}. Register it with PutItems "
            "first, or correct the code.",
            field=field,
        )
    return item


def check_site(sites: frozenset[str], site_id: str, field: str) -> None:
    """Missing SITE_UNKNOWN."""
    if site_id not in sites:
        raise Missing(
            "SITE_UNKNOWN",
            "No site has this number. Register it with PutSites first: the geographic FINESS, 9 "
            "characters.",
            field=field,
        )
