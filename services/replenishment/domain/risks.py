"""The risk of one item at one site, as people are shown it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.replenishment.domain.positions import Position
from services.replenishment.domain.risk import outlook
from shared.catalogue.items import Item

Place = tuple[float, float, str, str]


@dataclass(frozen=True, slots=True)
class Risk:
    """What happens to an item at a site if nothing more is ordered. Base units."""

    item: Item
    site_id: str
    days_of_cover: float
    probability: float
    stockout_day: date | None
    expected_expiry_base: float
    expected_expiry_eur: float | None  # None while no price is known

    @property
    def place(self) -> Place:
        """Orders risks, the worst first."""
        return (-self.probability, self.days_of_cover, self.item.item_id, self.site_id)


def risk_of(at: Position, day: date, days: int) -> Risk:
    seen = outlook(at.stock, at.arrived, at.demand, days)
    runs_out = None if seen.stockout_day is None else day + timedelta(days=seen.stockout_day)
    terms = at.known.terms
    value = None
    if terms is not None:
        packs = seen.expected_expiry_base / at.item.packing.base_per_pack
        value = packs * terms.pack_price_eur
    return Risk(
        item=at.item,
        site_id=at.known.site_id,
        days_of_cover=seen.days_of_cover,
        probability=seen.probability,
        stockout_day=runs_out,
        expected_expiry_base=seen.expected_expiry_base,
        expected_expiry_eur=value,
    )
