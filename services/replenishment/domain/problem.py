"""What a plan is made of: item-sites, days, limits and prices, all in base units and EUR.

Scenarios are paths of cumulative demand with a weight each. `supply` is what is there
without any new order (usable stock that has not expired, plus what is already on order
and has arrived by then), so stock after the orders of a plan is

    stock[i, d, q] = supply[i, d, q] + pack[i] * packs arrived by day d - demand[i, d, q]

and a negative stock is a shortage that waits to be served.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.errors import Malformed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NO_CAP = -1
NO_BREAK = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class LeadTime:
    """One draw of the lead times of n rows."""

    days: Ints  # [n]
    chance: Floats  # [n]
    moved: Floats  # [n, T] base units


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One entry per item-site. Amounts in base units unless said otherwise."""

    demand: Floats  # [N, T, Q] cumulative, day d included
    supply: Floats  # [N, T, Q] cumulative, see the module
    pack: Floats  # [N] base units in a pack, > 0
    lead: Ints  # [N] days from order to arrival
    order_days: Flags  # [N, T] may be ordered on this day
    minimum: Ints  # [N] packs of the smallest order, >= 1
    multiple: Ints  # [N] orders come in multiples of so many packs, >= 1
    most: Ints  # [N] packs that may be ordered over the horizon, hard
    price: Floats  # [N] EUR a pack
    break_packs: Ints  # [N, B] from so many packs on (NO_BREAK where there is none) ...
    break_discount: Floats  # [N, B] ... this fraction of the price is taken off
    line_cost: Floats  # [N] EUR an order line
    holding: Floats  # [N] EUR a base unit and day
    shortage: Floats  # [N] EUR a base unit and day
    site: Ints  # [N] row of `weekly_budget`
    group: Ints  # [N] row of `order_cost`: what may share one order
    cap: Ints  # [N] row of `caps`, or NO_CAP
    # Where deliveries are sometimes early or late: the days that they may take, and how likely
    # each is. One draw holds for all orders of a row, so none overtakes another. Holding and
    # shortage are expected over them; shelves and days shown go by `lead`. None: by `lead` alone.
    lead_days: Ints | None = None  # [N, K]
    lead_chance: Floats | None = None  # [N, K] sum 1 over K
    # and what that draw moves of the orders already under way: base units that have arrived
    # by then beyond those that `supply` counts
    moved: Floats | None = None  # [N, T, K]

    @property
    def count(self) -> int:
        return len(self.pack)

    def leads(self, part: slice | Ints = slice(None)) -> list[LeadTime]:
        """The lead times of these rows."""
        if self.lead_days is None or self.lead_chance is None or self.moved is None:
            lead = self.lead[part]
            nothing = np.zeros((len(lead), self.demand.shape[1]))
            return [LeadTime(lead, np.ones(len(lead)), nothing)]
        days, chance, moved = self.lead_days[part], self.lead_chance[part], self.moved[part]
        return [LeadTime(days[:, k], chance[:, k], moved[:, :, k]) for k in range(days.shape[1])]


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """Room on the shelves, soft (EUR per m3-day above the capacity) unless it is hard. In
    place of m3 any one unit of volume may be used throughout."""

    volume: Floats  # [N] m3 a base unit
    place: Ints  # [N] row of `capacity`: one site and storage class
    capacity: Floats  # [P, T] m3
    penalty: float
    hard: Flags | None = None  # [P] never to be exceeded; None: all are soft

    @property
    def prices(self) -> Floats:
        """[P, T] EUR per m3-day above the capacity; inf where it is hard."""
        prices: Floats = np.full(self.capacity.shape, self.penalty)
        if self.hard is not None:
            prices[self.hard] = np.inf
        return prices

    def over(self, filled: Floats) -> Floats:
        """[P, T] EUR for what lies above soft capacities; 0 where they are hard."""
        excess = np.maximum(filled - self.capacity, 0.0)
        if self.hard is not None:
            excess[self.hard] = 0.0
        return excess * self.penalty


@dataclass(frozen=True, slots=True, eq=False)
class Spoilage:
    """What is thrown away of new orders because it outlives its use (Nahmias 1976, as an
    approximation: the oldest go first, and what spoils is charged to the order that made
    it too much).

    An order placed on day t that brings everything ever bought to P base units loses
    E[(P - use[t])+] of them; what was lost without that order was lost before.
    """

    have: Floats  # [N] base units on the shelf and on their way today
    use: Floats  # [N, T, Q] cumulative demand until what is ordered on day t expires
    worth: Floats  # [N] EUR a base unit


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One planning problem. Cost leaves out what no decision changes, above all the
    purchase price of what is bought anyway (discounts are in it)."""

    rows: Rows
    weights: Floats  # [Q] probability of each scenario, sum 1
    order_cost: Floats  # [G] EUR an order day used by a group
    weekly_budget: Floats  # [S, W] EUR, inf = unlimited; week w is days 7w to 7w + 6
    budget_penalty: float  # EUR per EUR over the budget
    caps: Ints  # [C] packs over the horizon for all rows that share the cap, hard
    storage: Storage | None = None
    spoilage: Spoilage | None = None

    def __post_init__(self) -> None:
        rows = self.rows
        shape = (rows.count, self.days, len(self.weights))
        if rows.demand.shape != shape or rows.supply.shape != shape:
            raise Malformed(
                "PROBLEM_MALFORMED",
                f"Demand and supply must have the shape {shape}.",
                field="demand",
            )
        if rows.count and (
            (rows.pack <= 0).any() or (rows.minimum < 1).any() or (rows.multiple < 1).any()
        ):
            raise Malformed(
                "PROBLEM_MALFORMED",
                "A pack holds more than 0 base units; minimum and multiple are at least 1 pack.",
                field="pack",
            )

    @property
    def days(self) -> int:
        return int(self.rows.demand.shape[1])

    @property
    def weeks(self) -> int:
        return -(-self.days // 7)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs over the horizon, EUR, by cause."""

    holding: float
    shortage: float
    lines: float
    orders: float
    discounts: float
    over_budget: float
    over_storage: float
    spoiled: float = 0.0

    @property
    def total(self) -> float:
        return (
            self.holding
            + self.shortage
            + self.lines
            + self.orders
            - self.discounts
            + self.over_budget
            + self.over_storage
            + self.spoiled
        )


def smallest_order(minimum: Ints, multiple: Ints) -> Ints:
    """Packs of the smallest order that is both a multiple and not below the minimum."""
    smallest: Ints = -(-minimum // multiple) * multiple
    return smallest
