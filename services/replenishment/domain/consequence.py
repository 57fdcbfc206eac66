"""What a changed line means: the chance of running out with what is ordered now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from services.replenishment.domain.plans import Decision, Line, Plan
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known, NoSuggestion, position
from services.replenishment.domain.risk import outlook


def with_consequence(
    line: Line, others: Sequence[Line], known: Known, plan: Plan, policy: Policy
) -> Line:
    """The line with the chance of running out over the plan's days as it is now.

    `others` are the plan's other lines of the item at the site: those that wait for a
    decision are taken to be accepted; approved ones are known as open orders already. What
    can no longer be judged keeps its figures, and says so.
    """
    first_day, days = plan.first_day, plan.asked.horizon_days
    at = position(known, first_day, days, policy)
    if isinstance(at, NoSuggestion):
        return replace(line, reason=f"Its consequence cannot be judged now: {at.message}")
    arrived = at.arrived.copy()
    for one in (line, *(o for o in others if o.decision is Decision.PENDING)):
        day = (one.arrival_day - first_day).days
        arrived[max(day, 0) :] += one.quantity_base
    after = outlook(at.stock, arrived, at.demand, days).probability
    end = at.stock.total_base + float(arrived[-1]) - float(at.demand.mean[-1])
    rate = float(at.demand.mean[-1]) / days
    cover = "" if rate <= 0 or end <= 0 else f", with {end / rate:,.0f} days of use left then"
    return replace(
        line,
        stockout_after=after,
        reason=(
            f"As changed it runs out within the plan's {days} days with a chance of {after:.0%}"
            f"{cover}; as proposed {line.stockout_after:.0%}. The mean demand of {days} days is "
            f"{float(np.round(at.demand.mean[-1], 1)):,.4g} {line.base_unit}."
        ),
    )
