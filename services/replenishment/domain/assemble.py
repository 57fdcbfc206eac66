"""From the positions of many items to one problem, and which row is which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from services.replenishment.domain.agreed import NO_LIMITS, GroupLimits, ItemSupplier
from services.replenishment.domain.availability import blocked
from services.replenishment.domain.policy import LEVELS, WEIGHTS, Policy
from services.replenishment.domain.positions import (
    Known,
    NoSuggestion,
    Position,
    not_to_be_had,
    position,
)
from services.replenishment.domain.positions import without_terms as no_terms
from services.replenishment.domain.problem import (
    NO_BREAK,
    NO_CAP,
    Floats,
    Ints,
    Problem,
    Rows,
    Spoilage,
    smallest_order,
)
from services.replenishment.domain.shelves import Room, rooms_of, storage_of
from services.replenishment.domain.stock import wasted
from services.replenishment.domain.terms import SupplyTerms, lead_spread, order_flags


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A problem with the position behind each of its rows, and what was left out."""

    first_day: date
    problem: Problem
    positions: tuple[Position, ...]
    terms: tuple[SupplyTerms, ...]
    left_out: tuple[NoSuggestion, ...]
    blocked: tuple[Position, ...] = ()  # can be judged, and not be had
    rooms: tuple[Room, ...] = ()  # row by row, what `problem.storage.capacity` stands for
    shared: tuple[ItemSupplier, ...] = ()  # the first rows of `problem.caps`


@dataclass(frozen=True, slots=True)
class _Frame:
    """What every part of a problem is made from; entry k of both is row k."""

    positions: Sequence[Position]
    terms: Sequence[SupplyTerms]
    first_day: date
    days: int
    policy: Policy
    shared: Mapping[ItemSupplier, int]  # packs still to be had by the whole group

    @property
    def pairs(self) -> list[tuple[Position, SupplyTerms]]:
        return list(zip(self.positions, self.terms, strict=True))


def assemble(
    known: Sequence[Known],
    first_day: date,
    days: int,
    weekly_budget_eur: float | None,
    policy: Policy,
    *,
    agreed: GroupLimits = NO_LIMITS,
) -> Assembled:
    """The planning problem of everything that is known well enough.

    Orders already approved are counted as arriving, they use up the budget of the week
    in which they are sent, and packs that the supplier allots to the site or the group.
    """
    positions, terms, left_out, not_had = [], [], [], []
    for one in known:
        found, offer = position(one, first_day, days, policy), one.terms_now
        if isinstance(found, NoSuggestion):
            left_out.append(found)
        elif offer is None:
            left_out.append(no_terms(one))
        elif one.status is not None and blocked(one.status, offer):
            left_out.append(not_to_be_had(one, one.status))
            not_had.append(found)
        else:
            positions.append(found)
            terms.append(offer)
    shared = _shared(known, terms, agreed)
    frame = _Frame(positions, terms, first_day, days, policy, shared)
    rooms = rooms_of(positions, known, agreed.storage)
    problem = _problem(frame, weekly_budget_eur, rooms)
    return Assembled(
        first_day,
        problem,
        tuple(positions),
        tuple(terms),
        tuple(left_out),
        tuple(not_had),
        rooms,
        tuple(shared),
    )


def problem_of(
    positions: Sequence[Position],
    terms: Sequence[SupplyTerms],
    first_day: date,
    days: int,
    policy: Policy,
) -> Problem:
    """The problem of these positions one by one: no budget, no shared order, no store."""
    problem = _problem(_Frame(positions, terms, first_day, days, policy, {}), None, ())
    alone = np.arange(len(positions), dtype=np.int64)
    return replace(
        problem,
        rows=replace(problem.rows, group=alone),
        order_cost=np.zeros(len(positions)),
    )


def _shared(
    known: Sequence[Known], terms: Sequence[SupplyTerms], agreed: GroupLimits
) -> dict[ItemSupplier, int]:
    """Packs that the group may still order, of what is planned: approved orders are taken off."""
    planned = {(t.item_id, t.supplier_id) for t in terms}
    left = {key: packs for key, packs in agreed.allotted.items() if key in planned}
    for one in known:
        key = (one.item.item_id, one.terms.supplier_id if one.terms else "")
        if key in left:
            left[key] -= _approved(one)
    return {key: max(0, left[key]) for key in sorted(left)}


def _approved(one: Known) -> int:
    return sum(o.packs for o in one.approved if not o.known_elsewhere and not o.moves)


def _problem(frame: _Frame, weekly_budget_eur: float | None, rooms: Sequence[Room]) -> Problem:
    terms = frame.terms
    sites = sorted({t.site_id for t in terms})
    orders = sorted({(t.site_id, t.supplier_id) for t in terms})
    site_row = {site: row for row, site in enumerate(sites)}
    group_row = {order: row for row, order in enumerate(orders)}
    order_cost = np.zeros(len(orders))
    for t in terms:
        row = group_row[t.site_id, t.supplier_id]
        order_cost[row] = max(order_cost[row], t.order_cost_eur)
    rows = _rows(frame, site_row, group_row)
    own = [allotted(p, t) or 0 for p, t in frame.pairs if _own_cap(frame, t)]
    return Problem(
        rows=rows,
        weights=WEIGHTS,
        order_cost=order_cost,
        weekly_budget=_budget(frame, site_row, weekly_budget_eur),
        budget_penalty=frame.policy.budget_penalty,
        caps=np.array([*frame.shared.values(), *own], dtype=np.int64),
        storage=storage_of(rows, WEIGHTS, frame.positions, rooms, frame.policy.storage_penalty)
        if rooms
        else None,
        spoilage=_spoilage(frame),
    )


def _spoilage(frame: _Frame) -> Spoilage | None:
    """What new orders lose where the shelf life of what arrives is known; None where none is.

    Demand beyond the horizon goes on at the horizon's rate. Stock of today that expires
    unused leaves its place to new orders: its mean is taken off what is there.
    """
    lives = [t.shelf_life_days for t in frame.terms]
    if all(life is None for life in lives):
        return None
    days, count = frame.days, len(lives)
    use, have, worth = np.zeros((count, days, len(LEVELS))), np.zeros(count), np.zeros(count)
    for row, (at, t) in enumerate(frame.pairs):
        if t.shelf_life_days is None:
            continue
        demand = at.demand.at(LEVELS)
        last = np.arange(days) + t.lead_days + t.shelf_life_days - 1
        further = np.maximum(last + 1 - days, 0)[:, None] / days
        use[row] = demand[np.minimum(last, days - 1)] + further * demand[-1]
        lost = float(wasted(at.stock, demand)[-1] @ WEIGHTS)
        have[row] = at.stock.total_base + at.arrived[-1] - lost
        worth[row] = t.pack_price_eur / at.item.packing.base_per_pack
    return Spoilage(have, use, worth)


def allotted(at: Position, terms: SupplyTerms) -> int | None:
    """Packs that the supplier still allots to the site: what was approved and has not been
    counted yet is taken off. None when unlimited."""
    if terms.allocation_packs is None:
        return None
    return max(0, terms.allocation_packs - _approved(at.known))


def _own_cap(frame: _Frame, terms: SupplyTerms) -> bool:
    """Whether the row's cap is its site's own; where the group has one it is a `most`."""
    return terms.allocation_packs is not None and _key(terms) not in frame.shared


def _key(terms: SupplyTerms) -> ItemSupplier:
    return terms.item_id, terms.supplier_id


def _cap_rows(frame: _Frame) -> Ints:
    """[N] row of the problem's caps: the group's first, then those of single sites."""
    place = {key: row for row, key in enumerate(frame.shared)}
    own = np.array([_own_cap(frame, t) for t in frame.terms], dtype=bool)
    mine = len(place) + np.cumsum(own, dtype=np.int64) - 1
    shared = np.array([place.get(_key(t), NO_CAP) for t in frame.terms], dtype=np.int64)
    rows: Ints = np.where(own, mine, shared)
    return rows


def _budget(frame: _Frame, site_row: dict[str, int], weekly_budget_eur: float | None) -> Floats:
    room: Floats = np.full((len(site_row), -(-frame.days // 7)), np.inf)
    if weekly_budget_eur is None:
        return room
    room[:] = weekly_budget_eur
    for at in frame.positions:
        for order in at.known.approved:
            day = (order.order_day - frame.first_day).days
            if 0 <= day < frame.days and not order.moves:
                room[site_row[order.site_id], day // 7] -= order.price_eur
    return np.maximum(room, 0.0, out=room)


def _rows(frame: _Frame, site_row: dict[str, int], group_row: dict[tuple[str, str], int]) -> Rows:
    terms, days, policy = frame.terms, frame.days, frame.policy
    count, levels = len(terms), len(LEVELS)
    demand = np.zeros((count, days, levels))
    supply = np.zeros((count, days, levels))
    for row, at in enumerate(frame.positions):
        demand[row] = at.demand.at(LEVELS)
        supply[row] = at.stock.total_base + at.arrived[:, None] - wasted(at.stock, demand[row])
    pack = np.array([p.item.packing.base_per_pack for p in frame.positions])
    multiple, most = _steps(frame, demand, supply, pack)
    breaks, discounts = _breaks(terms)
    shortage = [
        policy.shortage_eur(
            p.item.criticality,
            t.pack_price_eur,
            float(p.demand.mean[-1]) / days / p.item.packing.base_per_pack,
        )
        for p, t in frame.pairs
    ]
    weekday = frame.first_day.isoweekday()
    lead_days, lead_chance = _leads(terms)
    return Rows(
        demand=demand,
        supply=supply,
        pack=pack,
        lead=np.array([t.lead_days for t in terms], dtype=np.int64),
        order_days=np.array([order_flags(t, weekday, days) for t in terms], dtype=bool).reshape(
            count, days
        ),
        minimum=np.array([t.min_packs for t in terms], dtype=np.int64),
        multiple=multiple,
        most=most,
        price=np.array([t.pack_price_eur for t in terms]),
        break_packs=breaks,
        break_discount=discounts,
        line_cost=np.array([t.line_cost_eur for t in terms]),
        holding=np.array([policy.holding_eur(t.pack_price_eur) for t in terms]) / pack,
        shortage=np.array(shortage) / pack,
        site=np.array([site_row[t.site_id] for t in terms], dtype=np.int64),
        group=np.array([group_row[t.site_id, t.supplier_id] for t in terms], dtype=np.int64),
        cap=_cap_rows(frame),
        lead_days=lead_days,
        lead_chance=lead_chance,
        moved=None if lead_days is None else _moved(frame, lead_days),
    )


def _leads(terms: Sequence[SupplyTerms]) -> tuple[Ints | None, Floats | None]:
    """[N, K] days that orders may take and their chances; None where every one is kept."""
    spread = [lead_spread(t) for t in terms]
    width = max((len(one) for one in spread), default=1)
    if width == 1:
        return None, None
    days, chance = np.zeros((len(terms), width), dtype=np.int64), np.zeros((len(terms), width))
    for row, one in enumerate(spread):
        days[row], chance[row, : len(one)] = one[-1][0], [share for _, share in one]
        days[row, : len(one)] = [day for day, _ in one]
    return days, chance


def _moved(frame: _Frame, lead_days: Ints) -> Floats:
    """[N, T, K] base units of the orders approved here that have arrived by each lead time,
    beyond those that have by the day that is counted on: planned again, they are weighed as
    they were when they were approved."""
    days = np.arange(frame.days)
    moved = np.zeros((len(lead_days), frame.days, lead_days.shape[1]))
    for row, at in enumerate(frame.positions):
        for order in at.known.approved:
            if order.known_elsewhere or order.moves:
                continue
            placed, due = ((day - frame.first_day).days for day in (order.order_day, order.due))
            arrives = np.maximum(placed + lead_days[row], 0)
            by_then = (days[:, None] >= arrives).astype(float) - (days >= due)[:, None]
            moved[row] += order.quantity_base * by_then
    return moved


def _steps(frame: _Frame, demand: Floats, supply: Floats, pack: Floats) -> tuple[Ints, Ints]:
    """[N] multiple and [N] most packs of each row.

    An item that needs thousands of packs is ordered in larger steps than its supplier
    asks for (nobody counts 1,237 packs to the pack); nothing is ordered beyond what the
    worst scenario needs, except to make up the smallest order, or, where there is a
    price break, up to twice that need.
    """
    multiple = np.array([t.multiple_packs for t in frame.terms], dtype=np.int64)
    minimum = np.array([t.min_packs for t in frame.terms], dtype=np.int64)
    if not len(multiple):
        return multiple, multiple
    worst = np.maximum((demand - supply).max(axis=(1, 2)), 0.0)
    need = np.ceil(worst / pack - 1e-9).astype(np.int64)
    wider = multiple * np.maximum(1, -(-need // (multiple * frame.policy.most_steps)))
    own = [allotted(p, t) for p, t in frame.pairs]
    site = np.array([NO_BREAK if packs is None else packs for packs in own])
    group = np.array([frame.shared.get(_key(t), NO_BREAK) for t in frame.terms])
    fits = smallest_order(minimum, wider) <= np.minimum(site, group)
    multiple = np.where(fits, wider, multiple)
    smallest = smallest_order(minimum, multiple)
    rounded = -(-need // multiple) * multiple
    discounted = np.array([bool(t.price_breaks) for t in frame.terms])
    most = np.where(discounted, 2 * rounded, rounded - multiple + smallest)
    most = np.where(need > 0, np.maximum(most, smallest), 0)
    return multiple, np.where(group < NO_BREAK, np.minimum(most, site), most)


def _breaks(terms: Sequence[SupplyTerms]) -> tuple[Ints, Floats]:
    width = max((len(t.price_breaks) for t in terms), default=0)
    packs = np.full((len(terms), width), NO_BREAK)
    discount = np.zeros((len(terms), width))
    for row, t in enumerate(terms):
        for place, one in enumerate(t.price_breaks):
            packs[row, place], discount[row, place] = one.min_packs, one.discount
    return packs, discount
