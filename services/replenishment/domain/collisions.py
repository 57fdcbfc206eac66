"""Why the need of an item cannot be covered: the smallest set of limits that collide.

The need is what the item's class is stocked for, from the day on which a first order could
arrive. A set of limits collides with it when no plan of that item alone keeps all of them
and covers the need, although every smaller set leaves one. All sets are tried, the small
ones first, so the set told is the smallest there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.assemble import Assembled, allotted
from services.replenishment.domain.check import fill, received
from services.replenishment.domain.policy import LEVELS, Policy
from services.replenishment.domain.positions import Position
from services.replenishment.domain.problem import Flags, Floats, Ints
from services.replenishment.domain.risk import margin

MINIMUM, MULTIPLE, ALLOCATION = "MINIMUM", "MULTIPLE", "ALLOCATION"
GROUP_ALLOTMENT, BUDGET, COLD_ROOM = "GROUP_ALLOTMENT", "BUDGET", "COLD_ROOM"
FIELDS = {
    MINIMUM: "SupplyTerms.min_packs",
    MULTIPLE: "SupplyTerms.multiple_packs",
    ALLOCATION: "SupplyTerms.allocation_packs",
    GROUP_ALLOTMENT: "GroupAllotment.packs",
    BUDGET: "StartPlanRequest.weekly_budget_eur",
    COLD_ROOM: "StorageLimit.capacity_m3",
}
MOST_LOOKED_AT, LARGEST = 200, 300  # items; packs of a need: a larger one is not looked at


@dataclass(frozen=True, slots=True)
class Collision:
    """`limits` are the smallest set; loosening any one of them is enough."""

    item_id: str
    site_id: str
    limits: tuple[str, ...]
    need_packs: int
    missing_packs: int  # that the plan leaves uncovered
    sentence: str

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(FIELDS[limit] for limit in self.limits)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One item at one site, in packs: what must have arrived, and what may be ordered."""

    need: Ints  # [T] packs that must have arrived by the end of each day
    order_days: Flags  # [T]
    lead: int
    minimum: int
    multiple: int
    allocation: int | None
    allotment: int | None  # of the group
    weekly: Ints | None  # [W] packs that each week's budget buys, by itself
    room: Ints | None  # [T] packs that may have arrived by the end of each day

    @property
    def limits(self) -> tuple[str, ...]:
        """Those that there are."""
        there = {
            MINIMUM: self.minimum > 1,
            MULTIPLE: self.multiple > 1,
            ALLOCATION: self.allocation is not None,
            GROUP_ALLOTMENT: self.allotment is not None,
            BUDGET: self.weekly is not None,
            COLD_ROOM: self.room is not None,
        }
        return tuple(name for name, holds in there.items() if holds)


def coverable(case: Case, limits: Sequence[str]) -> bool:
    """Whether some plan covers the need and keeps these limits; all plans are looked at.

    A plan is where it stood when the week began and where it stands, in packs ordered.
    """
    days, top = len(case.need), int(case.need[-1]) + case.minimum + case.multiple
    most = _most(case, limits, top)
    reached: Flags = np.zeros(top + 1, dtype=bool)
    reached[0] = True
    for week in range(0, days, 7):
        now = np.diag(reached) if BUDGET in limits else reached[None, :]
        for day in range(week, min(week + 7, days)):
            arrives = day + case.lead
            if arrives >= days:
                break
            if case.order_days[day]:
                now = now | _ordered(case, limits, now)
                now[:, most + 1 :] = False
                if BUDGET in limits and case.weekly is not None:
                    now &= _within(top, int(case.weekly[day // 7]))
            now[:, : min(int(case.need[arrives]), top + 1)] = False
            if COLD_ROOM in limits and case.room is not None:
                now[:, max(0, int(case.room[arrives]) + 1) :] = False
        reached = np.logical_or.reduce(now, axis=0)
    return bool(reached.any())


def _within(top: int, packs: int) -> Flags:
    """[start, now] of a week in which at most so many packs are ordered."""
    places = np.arange(top + 1)
    fits: Flags = places[None, :] - places[:, None] <= packs
    return fits


def _ordered(case: Case, limits: Sequence[str], now: Flags) -> Flags:
    """What is reached by one more order."""
    step = case.multiple if MULTIPLE in limits else 1
    least = case.minimum if MINIMUM in limits else 1
    first = -(-least // step) * step
    any_before = np.zeros_like(now)
    for part in range(min(step, now.shape[1])):
        any_before[:, part::step] = np.logical_or.accumulate(now[:, part::step], axis=1)
    after = np.zeros_like(now)
    after[:, first:] = any_before[:, : now.shape[1] - first]
    return after


def _most(case: Case, limits: Sequence[str], top: int) -> int:
    named = ((ALLOCATION, case.allocation), (GROUP_ALLOTMENT, case.allotment))
    return min([top, *(packs for name, packs in named if name in limits and packs is not None)])


def smallest(case: Case) -> tuple[str, ...]:
    """The smallest set of limits that leaves no plan; empty where all of them leave one, or
    where there is none without them either."""
    if coverable(case, case.limits):
        return ()
    sets = (itertools.combinations(case.limits, size) for size in range(len(case.limits) + 1))
    return next(some for some in itertools.chain(*sets) if not coverable(case, some))


def collisions(assembled: Assembled, orders: Ints, policy: Policy) -> tuple[Collision, ...]:
    """Of every item that the plan leaves below what its class is stocked for, the limits
    that collide where it alone cannot be covered; most packs missing first."""
    rows, free = assembled.problem.rows, _free(assembled)
    arrived = received(assembled.problem, orders)
    short: list[tuple[int, int, Ints]] = []
    for row in np.flatnonzero(_doubtful(assembled, arrived, policy)):
        needed = _need(assembled.positions[row], policy, int(rows.lead[row]), rows.order_days[row])
        left = needed - np.floor(arrived[row] / rows.pack[row] + 1e-9)
        missing = int(left.max(initial=0))
        if missing > 0 and needed[-1] <= LARGEST:
            short.append((-missing, int(row), needed))
    short.sort(key=lambda one: one[:2])
    found = []
    for less, place, needed in short[:MOST_LOOKED_AT]:
        case = _case(assembled, place, needed, free)
        limits = smallest(case)
        if limits:
            found.append(_told(assembled.positions[place], case, limits, -less))
    return tuple(found)


def _doubtful(assembled: Assembled, arrived: Floats, policy: Policy) -> Flags:
    """[N] rows that some scenario at or above their level of service leaves short: a quick
    look before the close one."""
    rows, count = assembled.problem.rows, assembled.problem.rows.count
    levels = [policy.service(at.item.criticality).level for at in assembled.positions]
    place = np.minimum(np.searchsorted(LEVELS, levels), len(LEVELS) - 1)
    every = np.arange(count)
    left = rows.supply[every, :, place] + arrived - rows.demand[every, :, place]
    short: Flags = np.logical_or.reduce(left < 0, axis=1)
    return short


def _free(assembled: Assembled) -> Floats:
    """[P, T] litres left in each store if nothing is ordered."""
    problem = assembled.problem
    nothing = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
    if problem.storage is None:
        return np.zeros((0, problem.days))
    left: Floats = problem.storage.capacity - fill(problem, nothing)
    return left


def _need(at: Position, policy: Policy, lead: int, order_days: Flags) -> Ints:
    """[T] packs that must have arrived, none before a first order could."""
    path = at.demand.at(np.array([policy.service(at.item.criticality).level]))
    short = -margin(at.stock, at.arrived, path)[:, 0] / at.item.packing.base_per_pack
    needed: Ints = np.ceil(np.maximum(short, 0.0) - 1e-6).astype(np.int64)
    first = int(np.argmax(order_days)) + lead if order_days.any() else len(needed)
    needed[:first] = 0
    return np.maximum.accumulate(needed)


def _case(assembled: Assembled, row: int, needed: Ints, free: Floats) -> Case:
    problem, at, terms = assembled.problem, assembled.positions[row], assembled.terms[row]
    rows, cap = problem.rows, int(problem.rows.cap[row])
    budget = problem.weekly_budget[rows.site[row]]
    price = float(rows.price[row])
    limited = bool(np.isfinite(budget).all()) and price > 0
    return Case(
        need=needed,
        order_days=rows.order_days[row],
        lead=int(rows.lead[row]),
        minimum=terms.min_packs,
        multiple=terms.multiple_packs,
        allocation=allotted(at, terms),
        allotment=int(problem.caps[cap]) if 0 <= cap < len(assembled.shared) else None,
        weekly=np.floor(budget / price + 1e-9).astype(np.int64) if limited else None,
        room=_room(assembled, row, int(needed[-1]) + terms.min_packs + terms.multiple_packs, free),
    )


def _room(assembled: Assembled, row: int, top: int, free: Floats) -> Ints | None:
    """[T] packs of this row that its cold store holds if nothing else is ordered."""
    problem, storage = assembled.problem, assembled.problem.storage
    if storage is None or storage.hard is None or storage.volume[row] <= 0:
        return None
    place = int(storage.place[row])
    if not storage.hard[place]:
        return None
    left = problem.rows.supply[row] - problem.rows.demand[row]
    there = np.maximum(left, 0.0) @ problem.weights
    packs = np.arange(top + 1) * float(problem.rows.pack[row])
    more = np.maximum(left[:, None, :] + packs[None, :, None], 0.0) @ problem.weights
    fits = (more - there[:, None]) * storage.volume[row] <= free[place][:, None] + 1e-6
    room: Ints = fits.sum(axis=1) - 1
    return room


def _told(at: Position, case: Case, limits: tuple[str, ...], missing: int) -> Collision:
    words = {
        MINIMUM: f"its smallest order of {case.minimum} packs",
        MULTIPLE: f"its multiple of {case.multiple} packs",
        ALLOCATION: f"the {case.allocation} packs that the supplier allots to the site",
        GROUP_ALLOTMENT: f"the {case.allotment} packs that the supplier allots to the group",
        BUDGET: "the site's weekly budget",
        COLD_ROOM: "the room of the cold store",
    }
    named = " and ".join(words[limit] for limit in limits)
    collide = "collide" if len(limits) > 1 else "stands in the way"
    need = int(case.need[-1])
    return Collision(
        item_id=at.item.item_id,
        site_id=at.known.site_id,
        limits=limits,
        need_packs=need,
        missing_packs=missing,
        sentence=(
            f"The {need} packs that {at.item.item_id} needs at {at.known.site_id} cannot be "
            f"covered: {named} {collide}. Loosen one of {', '.join(FIELDS[k] for k in limits)}, "
            "or move or substitute the item."
        ),
    )
