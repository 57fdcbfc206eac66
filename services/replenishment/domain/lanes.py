"""Ways between the sites of a group, and what may be moved along them.

A site gives only what it does not need itself: at its class's level of demand it must not
run shorter than it would anyway, until an order of its own could arrive. Lots go first
expired first out, and never so late that they expire on the road.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from services.replenishment.domain.plans import MovedLot
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import NoSuggestion, Position
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.risk import margin
from services.replenishment.domain.shelves import store_of
from services.replenishment.domain.stock import Lot
from services.replenishment.domain.terms import order_flags
from shared.catalogue.items import Item, Storage
from shared.errors import Malformed, NotNow

ENOUGH = 1e-6  # base units: rounding


@dataclass(frozen=True, slots=True)
class Lane:
    """One way from site to site; both directions are two lanes."""

    from_site_id: str
    to_site_id: str
    days: int  # from leaving to being usable
    weekdays: frozenset[int]  # on which it leaves; 1 is Monday
    shipment_eur: float  # each time that it runs
    line_eur: float  # each item that goes along
    carries_cold: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.from_site_id, self.to_site_id

    def leaves(self, first_day: date) -> date:
        """The first day from `first_day` on that it runs."""
        ahead = min((day - first_day.isoweekday()) % 7 for day in self.weekdays)
        return first_day + timedelta(days=ahead)

    def carries(self, item: Item) -> bool:
        return self.carries_cold or store_of(item) is not Storage.COLD


def check_lane(lane: Lane, field: str) -> None:
    """Malformed LANE_TO_ITSELF, NO_LANE_DAY."""
    if lane.from_site_id == lane.to_site_id:
        raise Malformed(
            "LANE_TO_ITSELF",
            "A lane leads from one site to another. Name two different sites.",
            field=f"{field}.to_site_id",
        )
    if not lane.weekdays:
        raise Malformed(
            "NO_LANE_DAY",
            "The lane never runs. Name at least one weekday, or withdraw it.",
            field=f"{field}.weekdays",
        )


def movable(at: Position, arrives: date) -> tuple[Lot, ...]:
    """The lots that routine use may draw on and that may still be used when they arrive."""
    return tuple(lot for lot in at.stock.lots if lot.expiry is None or lot.expiry >= arrives)


def first_lots(at: Position, arrives: date, amount: float) -> tuple[MovedLot, ...]:
    """`amount` base units of the movable lots, first expired first out."""
    found = []
    for lot in movable(at, arrives):
        taken = min(lot.quantity_base, amount)
        amount -= taken
        if taken > ENOUGH:
            found.append(MovedLot(lot.lot_id, taken, lot.expiry))
    return tuple(found)


def given(at: Position, lots: Sequence[MovedLot]) -> Position:
    """The position of the site that gives, once the lots have left."""
    left = list(at.stock.lots)
    for moved in lots:
        for place, lot in enumerate(left):
            if (lot.lot_id, lot.expiry) == (moved.lot_id, moved.expiry):
                left[place] = replace(lot, quantity_base=lot.quantity_base - moved.quantity_base)
                break
    kept = tuple(lot for lot in left if lot.quantity_base > ENOUGH)
    return replace(at, stock=replace(at.stock, lots=kept))


def taken(at: Position, lots: Sequence[MovedLot], arrives: date) -> Position:
    """The position of the site that takes, with the lots on their way."""
    day = (arrives - at.stock.day).days
    more = np.zeros(len(at.arrived))
    more[day:] = sum(lot.quantity_base for lot in lots)
    coming = tuple((day, Lot(lot.lot_id, lot.quantity_base, lot.expiry)) for lot in lots)
    stock = replace(at.stock, coming=at.stock.coming + coming)
    return replace(at, stock=stock, arrived=at.arrived + more)


def summed(lots: Sequence[MovedLot]) -> tuple[MovedLot, ...]:
    """One entry a lot."""
    found: dict[tuple[str, date | None], MovedLot] = {}
    for lot in lots:
        before = found.get((lot.lot_id, lot.expiry))
        amount = lot.quantity_base + (before.quantity_base if before else 0.0)
        found[lot.lot_id, lot.expiry] = replace(lot, quantity_base=amount)
    return tuple(found.values())


def check_lots(lots: Sequence[MovedLot], at: Position | NoSuggestion, field: str) -> None:
    """NotNow LOT_GONE: what is to be moved must still stand on the giver's shelf."""
    held = (
        {}
        if isinstance(at, NoSuggestion)
        else {(lot.lot_id, lot.expiry): lot.quantity_base for lot in at.stock.lots}
    )
    for lot in lots:
        there = held.get((lot.lot_id, lot.expiry), 0.0)
        if lot.quantity_base > there + ENOUGH:
            raise NotNow(
                "LOT_GONE",
                f"Of lot {lot.lot_id or 'without a name'} {lot.quantity_base:,.4g} were to be "
                f"moved and {there:,.4g} may be given now: stock has changed since the plan was "
                "made. Change the line to fewer packs, refuse it, or start a new plan.",
                field=field,
            )


def own_days(at: Position, orderable: bool) -> int:
    """Days until an order of the site's own could arrive; all of them where none can."""
    days, terms = len(at.arrived), at.known.terms_now
    if terms is None or not orderable or not terms.order_days:
        return days
    flags = order_flags(terms, at.stock.day.isoweekday(), 7)
    return min(days, int(np.argmax(flags)) + terms.lead_days)


def keeps_its_need(at: Position, after: Position, days: int, level: float) -> bool:
    """Whether the site runs no shorter after giving, over `days` at the level of demand."""
    path = at.demand.at(np.array([level]))[:days]
    before = _left(at, path)
    return bool((_left(after, path) >= np.minimum(before, 0.0) - ENOUGH).all())


def _left(at: Position, path: Floats) -> Floats:
    return margin(at.stock, at.arrived[: len(path)], path)[:, 0]


def spare_packs(at: Position, arrives: date, orderable: bool, policy: Policy) -> int:
    """Whole packs that the site can give without going short itself."""
    size = at.item.packing.base_per_pack
    held = sum(lot.quantity_base for lot in movable(at, arrives))
    days, level = own_days(at, orderable), policy.service(at.item.criticality).level
    low, high = 0, int(held / size + ENOUGH)
    while low < high:  # giving more never leaves more
        middle = (low + high + 1) // 2
        after = given(at, first_lots(at, arrives, middle * size))
        low, high = (middle, high) if keeps_its_need(at, after, days, level) else (low, middle - 1)
    return low
