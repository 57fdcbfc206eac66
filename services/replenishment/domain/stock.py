"""Stock by lot: what routine use may draw on, and what of it will expire unused.

First expired, first out. Crisis stock is kept on the lots that last longest, because it
must outlive routine stock; a lot that is marked as crisis stock is kept whole, whatever
its expiry, and counts towards the amount to keep. Reserved stock is handed out next, so
it takes the lots that expire first. Neither is ever counted as usable.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from services.replenishment.domain.problem import Floats

TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Lot:
    lot_id: str
    quantity_base: float
    expiry: date | None  # last day of use; None never expires
    crisis: bool = False  # kept whole for crises (plan blanc)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    order_id: str
    quantity_base: float
    due: date


@dataclass(frozen=True, slots=True)
class StockReport:
    """The stock of one item at one site, as it was counted. Base units."""

    item_id: str
    site_id: str
    lots: tuple[Lot, ...]
    open_orders: tuple[OpenOrder, ...]
    reserved_base: float
    crisis_base: float
    counted_time: datetime


@dataclass(frozen=True, slots=True)
class UsableStock:
    """What routine use may draw on from `day` on, soonest expiry first. Base units."""

    day: date
    lots: tuple[Lot, ...]
    expired_base: float  # on the shelf and past its last day: to be taken out
    reserved_base: float
    crisis_base: float
    short_base: float  # reserved and crisis stock that the shelf does not hold
    crisis_expired_base: float = 0.0  # of `expired_base`: crisis stock to be replaced
    # lots on their way from another site, with the offset of their day of arrival; they
    # count as arriving, not as what is on the shelf
    coming: tuple[tuple[int, Lot], ...] = ()

    @property
    def total_base(self) -> float:
        return sum(lot.quantity_base for lot in self.lots)


def usable(report: StockReport, day: date) -> UsableStock:
    """Sets aside expired lots, crisis stock (marked lots, then the longest-lived) and
    reserved stock (soonest)."""
    last = date.max
    alive = [lot for lot in report.lots if lot.expiry is None or lot.expiry >= day]
    expired = sum(lot.quantity_base for lot in report.lots if lot not in alive)
    alive.sort(key=lambda lot: (lot.expiry or last, lot.lot_id))
    marked = sum(lot.quantity_base for lot in alive if lot.crisis)
    alive = [lot for lot in alive if not lot.crisis]
    alive, missing_crisis = _take(alive, max(0.0, report.crisis_base - marked), from_end=True)
    alive, missing_reserved = _take(alive, report.reserved_base, from_end=False)
    return UsableStock(
        day=day,
        lots=tuple(alive),
        expired_base=expired,
        reserved_base=report.reserved_base,
        crisis_base=max(report.crisis_base, marked),
        short_base=missing_crisis + missing_reserved,
        crisis_expired_base=sum(
            lot.quantity_base
            for lot in report.lots
            if lot.crisis and lot.expiry is not None and lot.expiry < day
        ),
    )


def _take(lots: list[Lot], amount: float, *, from_end: bool) -> tuple[list[Lot], float]:
    left: list[Lot] = []
    for lot in reversed(lots) if from_end else lots:
        taken = min(amount, lot.quantity_base)
        amount -= taken
        if lot.quantity_base - taken > TINY:
            left.append(Lot(lot.lot_id, lot.quantity_base - taken, lot.expiry))
    return (left[::-1] if from_end else left), amount


def expiring(stock: UsableStock, days: int) -> Floats:
    """[T] base units whose last day of use is day d or earlier."""
    amounts = np.zeros(days)
    for lot in stock.lots:
        if lot.expiry is not None:
            place = (lot.expiry - stock.day).days
            if place < days:
                amounts[place] += lot.quantity_base
    summed: Floats = np.cumsum(amounts)
    return summed


def wasted(stock: UsableStock, demand: Floats) -> Floats:
    """[T, Q] base units that have expired unused by the end of each day.

    `demand` is cumulative. Lots that must be used by day e and hold L(e) in all are
    used up to D(e) when they go first, so by day d max over e <= d of L(e) - D(e) is
    lost. New orders expire later, go later, and change nothing of it.
    """
    if stock.coming:
        return _walked(stock, demand)
    due = expiring(stock, demand.shape[0])
    lost: Floats = np.maximum.accumulate(np.maximum(due[:, None] - demand, 0.0), axis=0)
    return lost


def _walked(stock: UsableStock, demand: Floats) -> Floats:
    """The same day by day, where lots arrive later: what is short waits for them, and what
    suppliers deliver meanwhile is not looked at."""
    days = demand.shape[0]
    lots = [(0, lot) for lot in stock.lots] + list(stock.coming)
    lots.sort(key=lambda one: (one[1].expiry or date.max, one[0]))
    last = [
        days if lot.expiry is None else min(days, (lot.expiry - stock.day).days) for _, lot in lots
    ]
    left = np.array([[lot.quantity_base] for _, lot in lots]) * np.ones((1, demand.shape[1]))
    waiting = np.zeros(demand.shape[1])
    lost = np.zeros(demand.shape)
    for day, wanted in enumerate(np.diff(demand, axis=0, prepend=0.0)):
        waiting = waiting + wanted
        for place, (arrives, _) in enumerate(lots):
            if arrives <= day <= last[place]:
                used = np.minimum(left[place], waiting)
                left[place] -= used
                waiting = waiting - used
            if last[place] == day:
                lost[day] += left[place]
    summed: Floats = np.cumsum(lost, axis=0)
    return summed


def arrivals(
    orders: tuple[OpenOrder, ...], day: date, days: int, overdue_after: int | None
) -> Floats:
    """[T] cumulative base units of open orders that have arrived by the end of each day.

    An order due before `day` is late: it is counted as if it were placed today and
    took `overdue_after` days (not at all when None), so that it is neither ordered
    twice nor counted on today.
    """
    arrived = np.zeros(days)
    for order in orders:
        place = (order.due - day).days
        if place < 0:
            if overdue_after is None:
                continue
            place = overdue_after
        if place < days:
            arrived[place] += order.quantity_base
    summed: Floats = np.cumsum(arrived)
    return summed
