"""How an item may be bought, and how long it takes to come."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.problem import Flags
from shared.errors import Malformed

LEAD_LEVEL = 0.9  # the days shown are a lead time that 9 in 10 orders keep
MOST_LEADS = 5  # lead times that a plan is costed over


@dataclass(frozen=True, slots=True)
class PriceBreak:
    """From `min_packs` on, the line's price falls by the fraction `discount`."""

    min_packs: int
    discount: float


@dataclass(frozen=True, slots=True)
class SupplyTerms:
    """One supplier's terms for one item at one site. Packs and EUR."""

    item_id: str
    site_id: str
    supplier_id: str
    min_lead_days: int
    lead_weights: tuple[float, ...]
    min_packs: int
    multiple_packs: int
    pack_price_eur: float
    price_breaks: tuple[PriceBreak, ...]
    order_days: frozenset[int]  # 1 is Monday, 7 is Sunday
    line_cost_eur: float
    order_cost_eur: float
    allocation_packs: int | None = None
    shelf_life_days: int | None = None  # of what arrives, its day of arrival included
    supplied_in_shortage: bool = False  # delivered though the agency lists it as short

    @property
    def smallest_order(self) -> int:
        """Packs of the smallest order that is a multiple and not below the minimum."""
        return -(-self.min_packs // self.multiple_packs) * self.multiple_packs

    @property
    def lead_days(self) -> int:
        """Days within which 9 in 10 orders arrive."""
        return lead_quantile(self.min_lead_days, self.lead_weights, LEAD_LEVEL)


def lead_spread(terms: SupplyTerms) -> tuple[tuple[int, float], ...]:
    """The days that an order may take, each with its chance; of more than `MOST_LEADS`,
    neighbours are taken together, at their mean rounded up."""
    weights = np.array(terms.lead_weights)
    groups = np.array_split(np.flatnonzero(weights > 0), MOST_LEADS)
    found = []
    for days in groups:
        share = weights[days].sum()
        if len(days):
            mean = math.ceil(float(days @ weights[days]) / share - 1e-9)
            found.append((terms.min_lead_days + mean, float(share / weights.sum())))
    return tuple(found)


def lead_quantile(min_days: int, weights: tuple[float, ...], level: float) -> int:
    """The smallest number of days that at least `level` of the orders keep."""
    share = np.cumsum(weights) / sum(weights)
    return min_days + int(np.searchsorted(share, level - 1e-12))


def check_terms(terms: SupplyTerms, field: str) -> None:
    """Refuses terms under which nothing could ever be ordered, or that contradict themselves.

    Malformed NO_ORDER_DAY, LEAD_UNKNOWN, MINIMUM_ABOVE_CAP, BREAKS_UNORDERED.
    """
    if not terms.order_days:
        raise Malformed(
            "NO_ORDER_DAY",
            "The supplier takes no order on any day of the week. Name at least one order day.",
            field=f"{field}.order_days",
            item_id=terms.item_id,
            site_id=terms.site_id,
        )
    if sum(terms.lead_weights) <= 0:
        raise Malformed(
            "LEAD_UNKNOWN",
            "Every lead time has the weight 0. Give at least one lead time a weight above 0; a "
            "single 1 means that min_lead_days is always kept.",
            field=f"{field}.lead_weights",
            item_id=terms.item_id,
            site_id=terms.site_id,
        )
    if terms.allocation_packs is not None and terms.smallest_order > terms.allocation_packs:
        raise Malformed(
            "MINIMUM_ABOVE_CAP",
            f"The smallest order is {terms.smallest_order} packs (minimum {terms.min_packs}, in "
            f"multiples of {terms.multiple_packs}) and the supplier allots "
            f"{terms.allocation_packs}: nothing could be ordered. Correct the minimum or the "
            "allocation, or ask the supplier to waive the minimum.",
            field=f"{field}.allocation_packs",
            item_id=terms.item_id,
            site_id=terms.site_id,
        )
    for lower, upper in itertools.pairwise(terms.price_breaks):
        if upper.min_packs <= lower.min_packs or upper.discount < lower.discount:
            raise Malformed(
                "BREAKS_UNORDERED",
                "Price breaks must rise: each one starts at more packs than the one before and "
                "gives at least its discount.",
                field=f"{field}.price_breaks",
                item_id=terms.item_id,
                site_id=terms.site_id,
            )


def order_flags(terms: SupplyTerms, first_weekday: int, days: int) -> Flags:
    """[T] days on which the supplier takes orders; `first_weekday` 1 is a Monday."""
    weekdays = (first_weekday - 1 + np.arange(days)) % 7 + 1
    flags: Flags = np.isin(weekdays, list(terms.order_days))
    return flags
