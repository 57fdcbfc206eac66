"""What of each lot will expire unused: the lots to use first, or to move elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from services.replenishment.domain.demand import Demand
from services.replenishment.domain.policy import LEVELS, WEIGHTS
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.stock import TINY, UsableStock, wasted


@dataclass(frozen=True, slots=True)
class UseFirst:
    """A lot of which a part is lost unless it is used first or moved. Base units."""

    item_id: str
    site_id: str
    lot_id: str
    expiry: date
    quantity_base: float
    lost_base: float  # expected
    lost_eur: float | None  # None while no price is known
    base_unit: str

    @property
    def sentence(self) -> str:
        lot = f"lot {self.lot_id}" if self.lot_id else "the lot without a name"
        value = "" if self.lost_eur is None else f" ({self.lost_eur:,.2f} EUR)"
        return (
            f"Use {lot} first: of {self.quantity_base:,.4g} {self.base_unit} that may be used "
            f"until {self.expiry.isoformat()}, {self.lost_base:,.4g}{value} are expected to "
            "expire unless they are moved to where they are used."
        )


def expected_loss(stock: UsableStock, demand: Demand, days: int) -> Floats:
    """[T] base units expected to have expired unused by the end of each day.

    E[max over e <= d of (L(e) - D(e))+], where L(e) is what must be used by day e and D
    the cumulative demand, over the levels and weights that plans are made with.
    """
    lost: Floats = wasted(stock, demand.at(LEVELS)[:days]) @ WEIGHTS
    return lost


def losses(stock: UsableStock, demand: Demand, days: int) -> tuple[float, ...]:
    """Base units that each lot of `stock` is expected to lose, in the lots' order.

    Their sum is the last day's `expected_loss`, less what lots on their way lose; lots of the
    same day share its loss by their quantity.
    """
    by_day = np.diff(expected_loss(stock, demand, days), prepend=0.0)
    places = [None if lot.expiry is None else (lot.expiry - stock.day).days for lot in stock.lots]
    held: dict[int, float] = {}
    for lot, place in zip(stock.lots, places, strict=True):
        if place is not None:
            held[place] = held.get(place, 0.0) + lot.quantity_base
    for _, lot in stock.coming:
        if lot.expiry is not None:
            place = (lot.expiry - stock.day).days
            held[place] = held.get(place, 0.0) + lot.quantity_base
    return tuple(
        0.0
        if place is None or place >= days or held[place] <= TINY
        else float(by_day[place]) * lot.quantity_base / held[place]
        for lot, place in zip(stock.lots, places, strict=True)
    )
