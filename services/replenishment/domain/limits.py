"""What one unit more of a limit would save: shadow prices, in words for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from services.replenishment.domain.assemble import Assembled
from services.replenishment.domain.check import spending
from services.replenishment.domain.marginal import pack_worth
from services.replenishment.domain.problem import NO_CAP, Floats, Ints

BUDGET, ALLOCATION = "BUDGET", "ALLOCATION"
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

    @property
    def sentence(self) -> str:
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


def limit_prices(
    assembled: Assembled, orders: Ints, budget_prices: Floats | None
) -> tuple[LimitPrice, ...]:
    """The limits that cost something, the dearest first.

    `budget_prices` [S, W] are the solver's, EUR per EUR of weekly budget; None when it was
    cut short. A week that the plan overspends costs the penalty of each euro over in any
    case. An allocation is priced by trying one addition to the plan as it is.
    """
    found = [*_budgets(assembled, orders, budget_prices), *_allocations(assembled, orders)]
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


def _allocations(assembled: Assembled, orders: Ints) -> list[LimitPrice]:
    """Each row of an assembled problem has its allocation to itself."""
    problem, found = assembled.problem, []
    rows = problem.rows
    for row in np.flatnonzero(rows.cap != NO_CAP):
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
