"""When a shortage is foreseen, and when that no longer holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known, NoSuggestion, Position, position
from services.replenishment.domain.risk import outlook
from services.replenishment.domain.terms import order_flags
from shared.catalogue.items import Criticality, Item


@dataclass(frozen=True, slots=True)
class WarningRule:
    """When to warn: the chance of running out before help can come.

    The chance is taken over the days until an order placed on the next order day would
    arrive, and over `least_days` at least: later shortages are what plans are for.
    """

    probability: float = 0.3
    least_days: int = 7
    most_days: int = 28


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A shortage as it is foreseen now; `active` False: it is not (any more)."""

    item_id: str
    site_id: str
    active: bool
    probability: float
    stockout_day: date | None
    days_of_cover: float


def concerns(item: Item) -> bool:
    """Whether a shortage of the item is worth a warning to the other services."""
    return bool(item.critical_resource) or item.criticality is Criticality.VITAL


def window(known: Known, day: date, rule: WarningRule) -> int:
    """Days over which the chance of running out is taken."""
    days = rule.least_days
    terms = known.terms_now
    if terms is not None:
        flags = order_flags(terms, day.isoweekday(), 7)
        days = max(days, int(np.argmax(flags)) + terms.lead_days)
    return min(days, rule.most_days)


def foresee(known: Known, day: date, policy: Policy, rule: WarningRule) -> Foreseen | None:
    """The warning of one item at one site on `day`; None when too little is known."""
    days = window(known, day, rule)
    at = position(known, day, days, policy)
    if isinstance(at, NoSuggestion):
        return None
    return _foreseen(at, day, days, rule)


def _foreseen(at: Position, day: date, days: int, rule: WarningRule) -> Foreseen:
    seen = outlook(at.stock, at.arrived, at.demand, days)
    runs_out = None if seen.stockout_day is None else day + timedelta(days=seen.stockout_day)
    return Foreseen(
        item_id=at.item.item_id,
        site_id=at.known.site_id,
        active=seen.probability > rule.probability,
        probability=seen.probability,
        stockout_day=runs_out,
        days_of_cover=seen.days_of_cover,
    )
