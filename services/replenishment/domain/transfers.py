"""Feasibility and cost of moves between sites, worked out without knowing who chose them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from services.replenishment.domain.assemble import Assembled, problem_of
from services.replenishment.domain.check import own_costs
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.lanes import Lane, given, keeps_its_need, own_days, taken
from services.replenishment.domain.plans import MovedLot
from services.replenishment.domain.policy import LEVELS, WEIGHTS, Policy
from services.replenishment.domain.positions import ApprovedOrder, Known, Position
from services.replenishment.domain.problem import Floats, Ints
from services.replenishment.domain.risk import margin
from services.replenishment.domain.risks import price_of
from services.replenishment.domain.shelves import LITRES, Place, Room, litres, store_of
from services.replenishment.domain.stock import Lot
from shared.catalogue.items import Storage

NO_LANE = "NO_LANE"
NOT_A_LANE_DAY = "NOT_A_LANE_DAY"
WRONG_ARRIVAL = "WRONG_ARRIVAL"
COLD_NOT_CARRIED = "COLD_NOT_CARRIED"
NOT_WHOLE = "NOT_WHOLE_PACKS"
MORE_THAN_LOT = "MORE_THAN_LOT"
EXPIRES_ON_THE_WAY = "EXPIRES_ON_THE_WAY"
GIVER_BELOW_NEED = "GIVER_BELOW_NEED"
ABOVE_ROOM = "ABOVE_ROOM"
SLACK = 1e-6
Key = tuple[str, str]  # item, site


def key_of(at: Position) -> Key:
    return at.item.item_id, at.known.site_id


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """Everything that can be judged, before anything is moved."""

    positions: Mapping[Key, Position]
    orderable: frozenset[Key]
    rooms: Sequence[Room]

    @classmethod
    def of(cls, assembled: Assembled) -> Before:
        found = {key_of(at): at for at in (*assembled.positions, *assembled.blocked)}
        return cls(found, frozenset(key_of(at) for at in assembled.positions), assembled.rooms)


def check_transfers(
    before: Before, moves: Sequence[ApprovedOrder], lanes: Iterable[Lane], policy: Policy
) -> tuple[str, ...]:
    """Names of the rules that the moves break; empty when they may be carried out."""
    known = {lane.key: lane for lane in lanes}
    broken: set[str] = set()
    for move in moves:
        lane = known.get((move.from_site_id, move.site_id))
        giver = before.positions.get((move.item_id, move.from_site_id))
        if lane is None or giver is None:
            broken.add(NO_LANE)
            continue
        broken.update(_broken(move, lane, giver))
    after = moved(before, moves)
    for key in {(move.item_id, move.from_site_id) for move in moves} & set(before.positions):
        at = before.positions[key]
        days, level = own_days(at, key in before.orderable), _level(at, policy)
        if not keeps_its_need(at, after[key], days, level):
            broken.add(GIVER_BELOW_NEED)
    if overfilled(before, after):
        broken.add(ABOVE_ROOM)
    return tuple(sorted(broken))


def _level(at: Position, policy: Policy) -> float:
    return policy.service(at.item.criticality).level


def _broken(move: ApprovedOrder, lane: Lane, giver: Position) -> Iterable[str]:
    size = giver.item.packing.base_per_pack
    if move.order_day.isoweekday() not in lane.weekdays:
        yield NOT_A_LANE_DAY
    if move.due != move.order_day + timedelta(days=lane.days):
        yield WRONG_ARRIVAL
    if store_of(giver.item) is Storage.COLD and not lane.carries_cold:
        yield COLD_NOT_CARRIED
    amount = sum(lot.quantity_base for lot in move.lots)
    if move.packs < 1 or abs(amount - move.packs * size) > SLACK * max(1.0, amount):
        yield NOT_WHOLE
    held = {(lot.lot_id, lot.expiry): lot.quantity_base for lot in giver.stock.lots}
    for lot in move.lots:
        if lot.quantity_base > held.get((lot.lot_id, lot.expiry), 0.0) + SLACK:
            yield MORE_THAN_LOT
        if lot.expiry is not None and lot.expiry < move.due:
            yield EXPIRES_ON_THE_WAY


def moved(before: Before, moves: Sequence[ApprovedOrder]) -> dict[Key, Position]:
    """The positions once everything has been moved."""
    after = dict(before.positions)
    for move in moves:
        giver, taker = (move.item_id, move.from_site_id), (move.item_id, move.site_id)
        if giver in after and taker in after:
            after[giver] = given(after[giver], move.lots)
            after[taker] = taken(after[taker], move.lots, move.due)
    return after


def overfilled(before: Before, after: Mapping[Key, Position]) -> frozenset[Place]:
    """Cold stores that the moves alone fill beyond their limit, or further beyond it."""
    cold = {room.place: room for room in before.rooms if room.place[1] is Storage.COLD}
    if not cold:
        return frozenset()
    filled = [_filled(positions, cold) for positions in (before.positions, after)]
    found = []
    for place, room in cold.items():
        free = max(0.0, room.capacity_m3 - room.other_m3) * LITRES
        then, now = filled[0].get(place, 0.0), filled[1].get(place, 0.0)
        if np.any(now > np.maximum(free, then) * (1 + SLACK) + SLACK):
            found.append(place)
    return frozenset(found)


def _filled(
    positions: Mapping[Key, Position], places: Mapping[Place, Room]
) -> dict[Place, Floats | float]:
    """[T] litres that are expected on the shelves if nothing is ordered."""
    keys = [
        key
        for key, at in positions.items()
        if (at.known.site_id, store_of(at.item)) in places and litres(at.item) > 0
    ]
    found: dict[Place, Floats | float] = {}
    for key in keys:
        at = positions[key]
        rows = on_hand(at)
        place = at.known.site_id, store_of(at.item)
        found[place] = found.get(place, 0.0) + litres(at.item) * rows
    return found


def on_hand(at: Position) -> Floats:
    """[T] base units expected on the shelf if nothing more is ordered."""
    left = margin(at.stock, at.arrived, at.demand.at(LEVELS))
    found: Floats = np.maximum(left, 0.0) @ WEIGHTS
    return found


def moving_cost(moves: Sequence[ApprovedOrder], lanes: Iterable[Lane]) -> float:
    """EUR of lines and shipments: a lane that runs on a day is paid once."""
    known = {lane.key: lane for lane in lanes}
    lines = sum(known[move.from_site_id, move.site_id].line_eur for move in moves)
    runs = {(move.from_site_id, move.site_id, move.order_day) for move in moves}
    return lines + sum(known[run[0], run[1]].shipment_eur for run in runs)


def fitting(
    before: Before, moves: Sequence[ApprovedOrder], gains: Sequence[float]
) -> tuple[ApprovedOrder, ...]:
    """The moves less those that a cold store has no room for, the least useful first."""
    kept = sorted(zip(gains, range(len(moves)), strict=True), reverse=True)
    while kept:
        chosen = [moves[place] for _, place in sorted(kept, key=lambda one: one[1])]
        full = overfilled(before, moved(before, chosen))
        if not full:
            return tuple(chosen)
        drop = [
            one
            for one in kept
            if any(site == moves[one[1]].site_id for site, _ in full)
            and _place(before, moves[one[1]]) in full
        ]
        kept.remove(drop[-1])
    return ()


def _place(before: Before, move: ApprovedOrder) -> Place:
    return move.site_id, store_of(before.positions[move.item_id, move.site_id].item)


def carried_out(known: Sequence[Known], moves: Sequence[ApprovedOrder]) -> list[Known]:
    """What would be known if the moves were approved."""
    into: dict[Key, list[ApprovedOrder]] = {}
    out_of: dict[Key, list[ApprovedOrder]] = {}
    for move in moves:
        into.setdefault((move.item_id, move.site_id), []).append(move)
        out_of.setdefault((move.item_id, move.from_site_id), []).append(move)
    found = []
    for one in known:
        key = one.item.item_id, one.site_id
        if key in into or key in out_of:
            one = replace(  # noqa: PLW2901  the same item and site, later
                one,
                approved=(*one.approved, *into.get(key, ())),
                leaving=(*one.leaving, *out_of.get(key, ())),
            )
        found.append(one)
    return found


def costs_of_moves(
    assembled: Assembled, orders: Ints, moves: Sequence[ApprovedOrder], policy: Policy
) -> tuple[Floats, Floats]:
    """[M] EUR of both sites with each move and without it, the plan's orders as they are.

    `assembled` and `orders` are the plan with its moves. What lots lose is counted.
    """
    row_of = {key_of(at): row for row, at in enumerate(assembled.positions)}
    after = {key_of(at): at for at in (*assembled.positions, *assembled.blocked)}
    positions, terms, packs = [], [], []
    for move in moves:
        giver, taker = after[move.item_id, move.from_site_id], after[move.item_id, move.site_id]
        for at in (giver, taker, _undone(giver, move), _undone(taker, move)):
            offer, row = at.known.terms_now, row_of.get(key_of(at))
            if offer is None:
                raise ValueError("an item without supply terms is never moved")
            positions.append(at)
            terms.append(offer)
            days = assembled.problem.days
            packs.append(np.zeros(days, dtype=np.int64) if row is None else orders[row])
    if not moves:
        return np.zeros(0), np.zeros(0)
    problem = problem_of(positions, terms, assembled.first_day, assembled.problem.days, policy)
    lost = [
        float(expected_loss(at.stock, at.demand, assembled.problem.days)[-1]) * (price_of(at) or 0)
        for at in positions
    ]
    costs = (own_costs(problem, np.array(packs)) + np.array(lost)).reshape(-1, 2, 2).sum(axis=2)
    return costs[:, 0], costs[:, 1]


def _undone(at: Position, move: ApprovedOrder) -> Position:
    """The position as if the move were not made."""
    stock = at.stock
    if at.known.site_id == move.from_site_id:
        lots = {(lot.lot_id, lot.expiry): lot for lot in stock.lots}
        for gone in move.lots:
            kept = lots.get((gone.lot_id, gone.expiry), _lot(gone, 0.0))
            amount = kept.quantity_base + gone.quantity_base
            lots[gone.lot_id, gone.expiry] = replace(kept, quantity_base=amount)
        back = sorted(lots.values(), key=lambda lot: (lot.expiry or date.max, lot.lot_id))
        return replace(at, stock=replace(stock, lots=tuple(back)))
    day = (move.due - stock.day).days
    less = np.zeros(len(at.arrived))
    less[day:] = move.quantity_base
    coming = list(stock.coming)
    for lot in move.lots:
        coming.remove((day, _lot(lot, lot.quantity_base)))
    return replace(at, stock=replace(stock, coming=tuple(coming)), arrived=at.arrived - less)


def _lot(moved: MovedLot, amount: float) -> Lot:
    return Lot(moved.lot_id, amount, moved.expiry)
