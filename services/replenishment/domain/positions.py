"""One item at one site: what is known of it, and whether that is enough to plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from services.replenishment.domain.availability import FLAGS, SupplyStatus, slowed
from services.replenishment.domain.demand import Demand, Forecast, covers, spread
from services.replenishment.domain.plans import MovedLot
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.problem import Floats
from services.replenishment.domain.releases import Release, as_released
from services.replenishment.domain.stock import (
    Lot,
    OpenOrder,
    StockReport,
    UsableStock,
    arrivals,
    usable,
)
from services.replenishment.domain.substitutes import Substitute
from services.replenishment.domain.terms import SupplyTerms
from shared.catalogue.items import Item

EXPIRED_LOTS = "EXPIRED_LOTS"
ORDER_OVERDUE = "ORDER_OVERDUE"
SHELF_SHORT = "SHELF_SHORT"
CRISIS_EXPIRED = "CRISIS_EXPIRED"
TAIL_UNKNOWN = "TAIL_UNKNOWN"
RELEASED_LOTS = "RELEASED_LOTS"


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """A line that a human approved here, until the hospital's system knows of it.

    A transfer between sites is an order of the site that takes; `lots` leave the other.
    """

    order_id: str
    item_id: str
    site_id: str
    packs: int
    quantity_base: float
    price_eur: float
    order_day: date
    due: date
    known_elsewhere: bool  # listed by, or overtaken by, a stock report
    from_site_id: str = ""  # of a transfer
    lots: tuple[MovedLot, ...] = ()  # of a transfer
    left_elsewhere: bool = False  # counted after it had left

    @property
    def moves(self) -> bool:
        return bool(self.from_site_id)

    def as_open(self) -> OpenOrder:
        return OpenOrder(self.order_id, self.quantity_base, self.due)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything stored about one item at one site."""

    item: Item
    site_id: str
    terms: SupplyTerms | None
    report: StockReport | None
    forecast: Forecast | None
    approved: tuple[ApprovedOrder, ...] = ()
    status: SupplyStatus | None = None  # None: not listed as hard to get
    substitutes: tuple[Substitute, ...] = ()  # that a pharmacist approved
    leaving: tuple[ApprovedOrder, ...] = ()  # approved transfers from this site
    releases: tuple[Release, ...] = ()  # lots that may be used beyond their day

    @property
    def terms_now(self) -> SupplyTerms | None:
        """The terms with what a listed status does to their lead time."""
        return None if self.terms is None else slowed(self.terms, self.status)

    @property
    def open_orders(self) -> tuple[OpenOrder, ...]:
        """What the hospital's system has on order, and what was approved here since."""
        own = tuple(o.as_open() for o in self.approved if not o.known_elsewhere)
        return (self.report.open_orders if self.report else ()) + own


@dataclass(frozen=True, slots=True)
class NoSuggestion:
    """Why nothing can be said of an item at a site. Never shown as 0."""

    item_id: str
    site_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """An item at a site, ready for sums. Base units."""

    known: Known
    stock: UsableStock
    arrived: Floats  # [T] cumulative, open orders
    demand: Demand
    flags: tuple[str, ...]

    @property
    def item(self) -> Item:
        return self.known.item


def position(known: Known, day: date, days: int, policy: Policy) -> Position | NoSuggestion:
    """The position on `day` for `days` days ahead, or why there is none.

    NO_STOCK_REPORT, NO_FORECAST, UNIT_MISMATCH or FORECAST_TOO_SHORT.
    """
    item, report, forecast = known.item, known.report, known.forecast
    if report is None:
        return _none(known, "NO_STOCK_REPORT", "Its stock was never reported. Send a stock report.")
    if forecast is None:
        return _none(
            known,
            "NO_FORECAST",
            "No forecast of it has arrived. Start a forecast run, or record its consumption.",
        )
    if forecast.base_unit != item.packing.base_unit:
        return _none(
            known,
            "UNIT_MISMATCH",
            f"The forecast counts in {forecast.base_unit} and the item in "
            f"{item.packing.base_unit}. Put the item with the right base unit and run the "
            "forecast again.",
        )
    if not covers(forecast, day, days):
        return _none(
            known,
            "FORECAST_TOO_SHORT",
            f"The forecast does not cover the {days} days from {day.isoformat()}. Start a "
            "forecast run with a longer horizon, or plan fewer days.",
        )
    terms = known.terms_now
    late = None if terms is None else terms.lead_days
    report, released = as_released(report, known.releases, policy.kept_back_days)
    stock = replace(usable(_left_by(report, known), day), coming=_coming(known, day, late))
    orders = known.open_orders
    tail = forecast.levels[-1] < policy.service(item.criticality).level
    return Position(
        known=known,
        stock=stock,
        arrived=arrivals(orders, day, days, late),
        demand=spread(forecast, day, days, policy.spread),
        flags=(
            *_flags(stock, known, day),
            *((TAIL_UNKNOWN,) if tail else ()),
            *((RELEASED_LOTS,) if released else ()),
        ),
    )


def _left_by(report: StockReport, known: Known) -> StockReport:
    """The report without the lots that are promised to other sites and still counted here."""
    lots = list(report.lots)
    for order in known.leaving:
        if order.left_elsewhere:
            continue
        for moved in order.lots:
            lots = _without(lots, moved)
    return replace(report, lots=tuple(lots))


def _without(lots: list[Lot], moved: MovedLot) -> list[Lot]:
    """The lots less what is moved: of the lot itself, or else of those that expire first."""
    amount, last = moved.quantity_base, date.max
    same = [lot for lot in lots if (lot.lot_id, lot.expiry) == (moved.lot_id, moved.expiry)]
    others = sorted((lot for lot in lots if lot not in same), key=lambda o: o.expiry or last)
    left = []
    for lot in (*same, *others):
        gone = 0.0 if lot.crisis else min(amount, lot.quantity_base)
        amount -= gone
        left.append(replace(lot, quantity_base=lot.quantity_base - gone))
    return [lot for lot in left if lot.quantity_base > 0]


def _coming(known: Known, day: date, late: int | None) -> tuple[tuple[int, Lot], ...]:
    """Lots on their way from other sites; overdue ones as overdue orders are counted."""
    found = []
    for order in known.approved:
        if order.known_elsewhere or not order.moves:
            continue
        place = (order.due - day).days
        if place < 0:
            if late is None:
                continue
            place = late
        found += [(place, Lot(m.lot_id, m.quantity_base, m.expiry)) for m in order.lots]
    return tuple(found)


def _flags(stock: UsableStock, known: Known, day: date) -> tuple[str, ...]:
    """What is odd enough to be told with every line of the item."""
    seen = {
        EXPIRED_LOTS: stock.expired_base > 0,
        CRISIS_EXPIRED: stock.crisis_expired_base > 0,
        SHELF_SHORT: stock.short_base > 0,
        ORDER_OVERDUE: any(order.due < day for order in known.open_orders),
    }
    listed = () if known.status is None else (FLAGS[known.status.availability],)
    return tuple(flag for flag, holds in seen.items() if holds) + listed


def without_terms(known: Known) -> NoSuggestion:
    """Why an item that could be judged cannot be ordered."""
    return _none(
        known, "NO_TERMS", "No supplier is known for it at this site. Put its supply terms."
    )


def not_to_be_had(known: Known, status: SupplyStatus) -> NoSuggestion:
    """Why an item that the agency lists as short or stopped is not ordered."""
    names = ", ".join(f"{s.substitute_id} ({s.approved_by})" for s in known.substitutes)
    told = f"Approved substitutes: {names}." if names else "No substitute is approved for it."
    return _none(
        known,
        FLAGS[status.availability],
        f"{status.sentence} Nothing is proposed for it. If the supplier delivers it all the "
        f"same, say so with supplied_in_shortage in its supply terms. {told}",
    )


def _none(known: Known, reason: str, message: str) -> NoSuggestion:
    return NoSuggestion(known.item.item_id, known.site_id, reason, message)
