"""The risk of one item at one site, as people are shown it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from services.replenishment.domain.availability import SupplyStatus
from services.replenishment.domain.expiry import UseFirst, losses
from services.replenishment.domain.positions import Position
from services.replenishment.domain.risk import outlook
from services.replenishment.domain.stock import TINY
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
    use_first: tuple[UseFirst, ...] = ()  # the lots that lose it, soonest expiry first
    status: SupplyStatus | None = None
    crisis_base: float = 0.0  # kept apart, in none of the figures above

    @property
    def place(self) -> Place:
        """Orders risks, the worst first."""
        return (-self.probability, self.days_of_cover, self.item.item_id, self.site_id)


def risk_of(at: Position, day: date, days: int) -> Risk:
    seen = outlook(at.stock, at.arrived, at.demand, days)
    runs_out = None if seen.stockout_day is None else day + timedelta(days=seen.stockout_day)
    price = price_of(at)
    return Risk(
        item=at.item,
        site_id=at.known.site_id,
        days_of_cover=seen.days_of_cover,
        probability=seen.probability,
        stockout_day=runs_out,
        expected_expiry_base=seen.expected_expiry_base,
        expected_expiry_eur=None if price is None else seen.expected_expiry_base * price,
        use_first=use_first(at, days),
        status=at.known.status,
        crisis_base=at.stock.crisis_base,
    )


def price_of(at: Position) -> float | None:
    """EUR a base unit; None while no supplier's price is known."""
    terms = at.known.terms
    return None if terms is None else terms.pack_price_eur / at.item.packing.base_per_pack


def use_first(at: Position, days: int) -> tuple[UseFirst, ...]:
    """The lots that are expected to lose something within `days`, soonest expiry first."""
    price = price_of(at)
    return tuple(
        UseFirst(
            item_id=at.item.item_id,
            site_id=at.known.site_id,
            lot_id=lot.lot_id,
            expiry=lot.expiry,
            quantity_base=lot.quantity_base,
            lost_base=lost,
            lost_eur=None if price is None else lost * price,
            base_unit=at.item.packing.base_unit,
        )
        for lot, lost in zip(at.stock.lots, losses(at.stock, at.demand, days), strict=True)
        if lost > TINY and lot.expiry is not None
    )
