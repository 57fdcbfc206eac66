"""From a solved plan to its lines, each with the whole sum behind it in real units.

The sum of a line looks at the days that it must carry: up to the day before the next
order of that item could arrive. Usable stock, less what will expire first, plus what is
already coming, less the demand at the level of service of the item's class: what is
missing is the need, and the need becomes packs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from services.replenishment.domain.assemble import Assembled, allotted
from services.replenishment.domain.availability import FLAGS, Availability
from services.replenishment.domain.check import cost, fill, spending
from services.replenishment.domain.marginal import savings
from services.replenishment.domain.plans import Explanation, Line, Offer, SumTerm
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import (
    CRISIS_EXPIRED,
    EXPIRED_LOTS,
    ORDER_OVERDUE,
    RELEASED_LOTS,
    SHELF_SHORT,
    TAIL_UNKNOWN,
    Position,
)
from services.replenishment.domain.problem import Flags, Floats, Ints, Problem
from services.replenishment.domain.risk import outlook
from services.replenishment.domain.shelves import VOLUME_UNKNOWN, store_of
from services.replenishment.domain.stock import wasted
from services.replenishment.domain.terms import lead_spread

MINIMUM, MULTIPLE, PRICE_BREAK = "MINIMUM", "MULTIPLE", "PRICE_BREAK"
ALLOCATION, BUDGET = "ALLOCATION", "BUDGET"
GROUP_ALLOTMENT, STORAGE = "GROUP_ALLOTMENT", "STORAGE"
ORDERED_AHEAD, LESS_THAN_NEED = "ORDERED_AHEAD", "LESS_THAN_NEED"
LARGE_STEPS, LEAD_VARIES = "LARGE_STEPS", "LEAD_VARIES"

WORDS = {
    MINIMUM: "the supplier's minimum",
    MULTIPLE: "the supplier's multiple",
    PRICE_BREAK: "a price break",
    ALLOCATION: "the supplier's allocation",
    GROUP_ALLOTMENT: "what the supplier allots to the whole group",
    STORAGE: "the room of the site's store",
    VOLUME_UNKNOWN: "the volume of its pack is not known: it is planned as if it took no room",
    BUDGET: "the site's weekly budget",
    ORDERED_AHEAD: "fewer orders: later days are covered too",
    LESS_THAN_NEED: "the cost of holding more outweighs the small risk left",
    LARGE_STEPS: "large quantities are rounded to handy steps",
    LEAD_VARIES: "deliveries are sometimes early or late: the order is weighed over all the lead "
    "times of the supplier, and the arrival shown is the one that 9 in 10 keep",
    CRISIS_EXPIRED: "crisis stock has expired and is not made up from routine stock",
    EXPIRED_LOTS: "expired lots on the shelf are not counted",
    ORDER_OVERDUE: "an overdue order is counted as coming one lead time from today",
    FLAGS[Availability.TENSION]: "the ANSM lists it in tension: the longest lead time counts",
    FLAGS[Availability.SHORTAGE]: "the ANSM lists it out of stock and its supplier still delivers: "
    "the longest lead time counts",
    FLAGS[Availability.STOPPED]: "the ANSM lists it as stopped and its supplier still delivers: "
    "the longest lead time counts",
    RELEASED_LOTS: "lots that a pharmacist released beyond their day are counted",
    TAIL_UNKNOWN: "the forecast ends below the level that the item is stocked for: the demand "
    "beyond its last level is taken to be that level",
    SHELF_SHORT: "the shelf holds less than what is reserved or kept for crises",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Used:
    """The whole plan, and what it leaves of the limits that rows share."""

    orders: Ints  # [N, T] packs
    full: Flags  # [S, W] no room for the dearest pack in the budget
    filled: Floats  # [P, T] litres


@dataclass(frozen=True, slots=True)
class _Carried:
    """The stretch that one order must carry: offsets of its days."""

    packs: int
    order: int
    arrival: int
    last: int


def lines_of(
    plan_id: str, assembled: Assembled, orders: Ints, policy: Policy, moving_eur: float = 0.0
) -> tuple[Line, ...]:
    """One line per order, by day, site and item; `orders` [N, T] in packs.

    `moving_eur` is what the plan's transfers between sites cost on top of its orders.
    """
    problem = assembled.problem
    saved, total = savings(problem, orders), cost(problem, orders).total + moving_eur
    full = spending(problem, orders) >= problem.weekly_budget - problem.rows.price.max(initial=0.0)
    used = _Used(orders, full, fill(problem, orders))
    found: list[Line] = []
    for row in np.flatnonzero(orders.any(axis=1)):
        for line in _lines_of_row(assembled, int(row), used, policy):
            day = (line.order_day - assembled.first_day).days
            why = _priced(line.explanation, total, float(saved[row, day]))
            found.append(replace(line, explanation=why))
    found.sort(key=lambda line: (line.order_day, line.site_id, line.supplier_id, line.item_id))
    return tuple(
        replace(line, line_id=f"{plan_id}-{number:05d}")
        for number, line in enumerate(found, start=1)
    )


def _priced(why: Explanation, total: float, saved: float) -> Explanation:
    """The explanation with what the plan costs with and without the line."""
    more = "more" if saved >= 0 else "less"
    sentence = (
        f"{why.sentence} Without this line the plan would cost {abs(saved):,.2f} EUR {more} "
        "(shortage, holding, orders and limits; the price of the packs is not counted)."
    )
    return replace(why, sentence=sentence, cost_with_eur=total, cost_without_eur=total + saved)


def _lines_of_row(assembled: Assembled, row: int, used: _Used, policy: Policy) -> list[Line]:
    problem, at, terms = assembled.problem, assembled.positions[row], assembled.terms[row]
    rows, days, packs = problem.rows, problem.days, used.orders[row]
    lead, size = int(rows.lead[row]), float(rows.pack[row])
    received = _received(packs, lead) * size
    before = outlook(at.stock, at.arrived, at.demand, days).probability
    after = outlook(at.stock, at.arrived + received, at.demand, days).probability
    first = int(np.flatnonzero(packs)[0]) + lead
    soon = outlook(at.stock, at.arrived, at.demand, first).probability if first else 0.0
    reason = _reason(before, after, soon)
    level = policy.service(at.item.criticality).level
    allowed = np.flatnonzero(rows.order_days[row])
    cap = int(rows.cap[row])
    offer = Offer(
        minimum=terms.smallest_order,
        multiple=terms.multiple_packs,
        allotted=allotted(at, terms),
        pack_price_eur=terms.pack_price_eur,
        breaks=tuple((b.min_packs, b.discount) for b in terms.price_breaks),
        group_allotted=int(problem.caps[cap]) if 0 <= cap < len(assembled.shared) else None,
    )
    limited = _shared_limits(assembled, row, used, offer)
    lines = []
    for day in np.flatnonzero(packs):
        later = allowed[allowed > day]
        last = int(later[0]) + lead - 1 if len(later) else days - 1
        carried = _Carried(int(packs[day]), int(day), int(day) + lead, min(last, days - 1))
        earlier = _received(np.where(np.arange(days) < day, packs, 0), lead) * size
        explanation = _explain(at, carried, earlier, level, size)
        limits = _limits(problem, row, carried, explanation.need_base)
        if used.full[rows.site[row], carried.order // 7]:
            limits.append(BUDGET)
        limits.extend(limited)
        if rows.multiple[row] != terms.multiple_packs:
            limits.append(LARGE_STEPS)
        if len(lead_spread(terms)) > 1:
            limits.append(LEAD_VARIES)
        limits.extend(at.flags)
        lines.append(
            Line(
                line_id="",
                item_id=at.item.item_id,
                site_id=at.known.site_id,
                supplier_id=terms.supplier_id,
                order_day=assembled.first_day + timedelta(days=carried.order),
                arrival_day=assembled.first_day + timedelta(days=carried.arrival),
                packs=carried.packs,
                quantity_base=carried.packs * size,
                base_unit=at.item.packing.base_unit,
                price_eur=offer.price(carried.packs),
                stockout_before=before,
                stockout_after=after,
                reason=reason,
                explanation=_told(at, explanation, tuple(limits), carried.packs),
                offer=offer,
            )
        )
    return lines


def _shared_limits(assembled: Assembled, row: int, used: _Used, offer: Offer) -> list[str]:
    """The limits on all lines of the row together that leave no room for one step more."""
    problem, at = assembled.problem, assembled.positions[row]
    rows, orders, found = problem.rows, used.orders, []
    step = int(rows.multiple[row])
    if offer.allotted is not None and int(orders[row].sum()) + step > offer.allotted:
        found.append(ALLOCATION)
    taken = int(orders[rows.cap == rows.cap[row]].sum())
    if offer.group_allotted is not None and taken + step > offer.group_allotted:
        found.append(GROUP_ALLOTMENT)
    storage = problem.storage
    if storage is None or (at.known.site_id, store_of(at.item)) not in {
        room.place for room in assembled.rooms
    }:
        return found
    volume = float(storage.volume[row])
    if volume <= 0:
        return [*found, VOLUME_UNKNOWN]
    place = int(storage.place[row])
    more = volume * float(rows.pack[row]) * step
    if (used.filled[place] + more > storage.capacity[place]).any():
        found.append(STORAGE)
    return found


def _received(packs: Ints, lead: int) -> Floats:
    """[T] cumulative packs that have arrived by each day."""
    arrived = np.zeros(len(packs))
    if lead < len(packs):
        arrived[lead:] = packs[: len(packs) - lead]
    summed: Floats = np.cumsum(arrived)
    return summed


def _explain(
    at: Position, carried: _Carried, earlier: Floats, level: float, size: float
) -> Explanation:
    path = at.demand.at(np.array([level]))
    day = carried.last
    lost = float(wasted(at.stock, path)[day, 0])
    terms = (
        SumTerm("usable stock", at.stock.total_base),
        SumTerm("stock that will expire unused", -lost),
        SumTerm("open orders that arrive in time", float(at.arrived[day])),
        SumTerm("earlier lines of this plan", float(earlier[day])),
        SumTerm("demand until the next order can arrive", -float(path[day, 0])),
    )
    need = max(0.0, -sum(term.amount for term in terms))
    return Explanation(terms, need, size, level, (), "")


def _limits(problem: Problem, row: int, carried: _Carried, need: float) -> list[str]:
    """What moved the packs away from the plain need."""
    rows = problem.rows
    plain = math.ceil(need / float(rows.pack[row]) - 1e-9)
    multiple = int(rows.multiple[row])
    smallest = -(-int(rows.minimum[row]) // multiple) * multiple
    if carried.packs < plain:
        return [LESS_THAN_NEED]
    if carried.packs == plain:
        return []
    if carried.packs == smallest:
        return [MINIMUM]
    if carried.packs <= -(-plain // multiple) * multiple:
        return [MULTIPLE]
    if carried.packs in rows.break_packs[row]:
        return [PRICE_BREAK]
    return [ORDERED_AHEAD]


def _reason(before: float, after: float, soon: float) -> str:
    """`soon` is the chance of running out before the first order of the plan arrives."""
    told = (
        f"Without further orders it runs out within the horizon with a chance of {before:.0%}; "
        f"with this plan {after:.0%}"
    )
    if soon >= 0.005:
        told += f", of which {soon:.0%} before the first order can arrive"
    return told + "."


def _told(
    at: Position, explanation: Explanation, limits: tuple[str, ...], ordered: int
) -> Explanation:
    unit = at.item.packing.base_unit
    stock, lost, arriving, earlier, demand = (t.amount for t in explanation.terms)
    size = explanation.base_per_pack
    parts = [f"{number(stock)} {unit} usable"]
    if lost:
        parts.append(f"less {number(-lost)} that will expire unused")
    if arriving:
        parts.append(f"plus {number(arriving)} on order")
    if earlier:
        parts.append(f"plus {number(earlier)} ordered earlier in this plan")
    sentence = (
        f"{', '.join(parts)}, against {number(-demand)} {unit} that "
        f"{explanation.service_level:.1%} of forecasts stay below until the next order can "
        f"arrive: {number(explanation.need_base)} {unit} are missing. "
        f"{ordered} packs of {number(size)} make {number(ordered * size)} {unit}."
    )
    sentence = why_of(sentence, limits)
    return Explanation(
        explanation.terms,
        explanation.need_base,
        size,
        explanation.service_level,
        limits,
        sentence,
    )


def why_of(sentence: str, limits: Sequence[str]) -> str:
    """The sentence with what moved the amount, in words."""
    if not limits:
        return sentence
    return f"{sentence} What moved it: {'; '.join(WORDS[limit] for limit in limits)}."


def number(amount: float) -> str:
    """An amount as people read it: four digits that count."""
    return f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.4g}"
