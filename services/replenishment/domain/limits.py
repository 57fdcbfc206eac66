"""What one unit more of a limit would save: shadow prices, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from services.replenishment.domain.assemble import Assembled
from services.replenishment.domain.check import fill, spending
from services.replenishment.domain.marginal import pack_worth
from services.replenishment.domain.problem import NO_CAP, Floats, Ints
from services.replenishment.domain.shelves import LITRES

BUDGET, ALLOCATION = "BUDGET", "ALLOCATION"
STORAGE, GROUP_ALLOTMENT = "STORAGE", "GROUP_ALLOTMENT"
NO_MORE = np.iinfo(np.int64).max // 2  # packs
OVER = 1e-4  # of a store's room, as a share: less is rounding
WORTH_TELLING = 1e-4  # EUR: less than this is rounding


@dataclass(frozen=True, slots=True)
class LimitPrice:
    """`saves_eur` is what the plan would save by one `unit` more of the limit."""

    kind: str
    site_id: str
    item_id: str  # empty for a budget
    first_day: date | None  # of a budget's week
    unit: str
    limit: float
    used: float
    saves_eur: float
    supplier_id: str = ""  # of an allotment to the group
    store: str = ""  # COLD or AMBIENT, of a site's store

    @property
    def sentence(self) -> str:
        if self.kind == STORAGE:
            return self._of_store()
        if self.kind == GROUP_ALLOTMENT:
            return (
                f"{self.used:,.0f} of the {self.limit:,.0f} packs of {self.item_id} that "
                f"{self.supplier_id} allots to the whole group are used: one pack more would "
                f"save at least {self.saves_eur:,.2f} EUR."
            )
        if self.kind == BUDGET:
            week = "" if self.first_day is None else f" of the week of {self.first_day.isoformat()}"
            return (
                f"{self.used:,.2f} of {self.limit:,.2f} EUR{week} are used at {self.site_id}: one "
                f"euro more would save about {self.saves_eur:,.3f} EUR."
            )
        return (
            f"{self.used:,.0f} of the {self.limit:,.0f} packs of {self.item_id} that the supplier "
            f"allots to {self.site_id} are used: one pack more would save at least "
            f"{self.saves_eur:,.2f} EUR."
        )

    def _of_store(self) -> str:
        name = self.store.lower()
        day = "" if self.first_day is None else f" on {self.first_day.isoformat()}"
        told = (
            f"The {name} store of {self.site_id} is expected to hold {self.used:,.3g} of its "
            f"{self.limit:,.3g} m3{day}"
        )
        if self.used > self.limit * (1 + OVER):
            told += ", with what is there and on order already" if self.store == "COLD" else ""
        if self.saves_eur <= WORTH_TELLING:
            return f"{told}: nothing can be added until that is used."
        return (
            f"{told}: one m3 more of {name} storage would save about {self.saves_eur:,.2f} EUR "
            "over the horizon."
        )


def limit_prices(
    assembled: Assembled,
    orders: Ints,
    budget_prices: Floats | None,
    storage_prices: Floats | None = None,
) -> tuple[LimitPrice, ...]:
    """The limits that cost something, the dearest first, and cold stores that are too full.

    `budget_prices` [S, W] are the solver's, EUR per EUR of weekly budget, `storage_prices`
    [P, T] EUR per litre and day; None when it was cut short. A week that the plan overspends
    costs the penalty of each euro over in any case. An allocation is priced by trying one
    addition to the plan as it is.
    """
    found = [
        *_budgets(assembled, orders, budget_prices),
        *_stores(assembled, orders, storage_prices),
        *_allocations(assembled, orders),
        *_allotments(assembled, orders),
    ]
    found.sort(key=lambda one: (-one.saves_eur, one.kind, one.site_id, one.item_id))
    return tuple(found)


def _budgets(assembled: Assembled, orders: Ints, prices: Floats | None) -> list[LimitPrice]:
    problem = assembled.problem
    spent, budget = spending(problem, orders), problem.weekly_budget
    worth = np.zeros(budget.shape) if prices is None else prices.copy()
    over = spent - budget >= 1.0
    worth[over] = np.maximum(worth[over], problem.budget_penalty)
    names = sorted({t.site_id for t in assembled.terms})
    return [
        LimitPrice(
            kind=BUDGET,
            site_id=names[site],
            item_id="",
            first_day=assembled.first_day + timedelta(days=7 * int(week)),
            unit="EUR",
            limit=float(budget[site, week]),
            used=float(spent[site, week]),
            saves_eur=float(worth[site, week]),
        )
        for site, week in zip(*np.nonzero(worth > WORTH_TELLING), strict=True)
        if np.isfinite(budget[site, week])
    ]


def _stores(assembled: Assembled, orders: Ints, prices: Floats | None) -> list[LimitPrice]:
    """A store is priced by what one unit more on every day of the horizon would save."""
    storage, found = assembled.problem.storage, []
    if storage is None:
        return []
    filled = fill(assembled.problem, orders)
    daily = np.zeros(filled.shape) if prices is None else prices.copy()
    over = filled > storage.capacity * (1 + OVER)
    soft = np.isfinite(storage.prices)
    daily[over & soft] = np.maximum(daily[over & soft], storage.penalty)
    for row, room in enumerate(assembled.rooms):
        site_id, kind = room.place
        day = int(filled[row].argmax())
        used = float(filled[row, day]) / LITRES + room.other_m3
        saves = float(daily[row].sum()) * LITRES
        full = used > room.capacity_m3 * (1 + OVER)
        if saves > WORTH_TELLING or (full and not soft[row, day]):
            found.append(
                LimitPrice(
                    kind=STORAGE,
                    site_id=site_id,
                    item_id="",
                    first_day=assembled.first_day + timedelta(days=day),
                    unit="m3",
                    limit=float(room.capacity_m3),
                    used=used,
                    saves_eur=saves,
                    store=kind.value,
                )
            )
    return found


def _allotments(assembled: Assembled, orders: Ints) -> list[LimitPrice]:
    """What is allotted to the group is priced by its best use at one of the sites."""
    problem, found = assembled.problem, []
    rows = problem.rows
    for cap, (item_id, supplier_id) in enumerate(assembled.shared):
        sharing = np.flatnonzero(rows.cap == cap)
        allotted, taken = int(problem.caps[cap]), int(orders[sharing].sum())
        if taken + int(rows.multiple[sharing].min(initial=NO_MORE)) <= allotted:
            continue
        worth = max((pack_worth(problem, orders, int(row)) for row in sharing), default=0.0)
        if worth > WORTH_TELLING:
            found.append(
                LimitPrice(
                    kind=GROUP_ALLOTMENT,
                    site_id="",
                    item_id=item_id,
                    first_day=None,
                    unit="pack",
                    limit=float(allotted),
                    used=float(taken),
                    saves_eur=worth,
                    supplier_id=supplier_id,
                )
            )
    return found


def _allocations(assembled: Assembled, orders: Ints) -> list[LimitPrice]:
    """Those that a single site has to itself."""
    problem, found = assembled.problem, []
    rows = problem.rows
    for row in np.flatnonzero((rows.cap != NO_CAP) & (rows.cap >= len(assembled.shared))):
        allotted, taken = int(problem.caps[rows.cap[row]]), int(orders[row].sum())
        if taken + int(rows.multiple[row]) <= allotted:
            continue
        worth = pack_worth(problem, orders, int(row))
        if worth > WORTH_TELLING:
            found.append(
                LimitPrice(
                    kind=ALLOCATION,
                    site_id=assembled.terms[row].site_id,
                    item_id=assembled.terms[row].item_id,
                    first_day=None,
                    unit="pack",
                    limit=float(allotted),
                    used=float(taken),
                    saves_eur=worth,
                )
            )
    return found
