"""From chosen moves to the lines that people decide, each with why it is worth moving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.replenishment.domain.assemble import Assembled
from services.replenishment.domain.check import received
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.explain import number, why_of
from services.replenishment.domain.lanes import Lane, own_days, spare_packs
from services.replenishment.domain.plans import Explanation, Line, LineKind, Offer, SumTerm
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder, Position
from services.replenishment.domain.problem import Floats, Ints
from services.replenishment.domain.risk import outlook
from services.replenishment.domain.risks import price_of
from services.replenishment.domain.stock import wasted
from services.replenishment.domain.transfers import Before, Key, costs_of_moves, key_of

EXPIRES_AT_GIVER, ALL_THAT_CAN_BE_SPARED = "EXPIRES_AT_GIVER", "ALL_THAT_CAN_BE_SPARED"


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """The moves of a plan, in one order throughout.

    `gains` [M] EUR: what each was worth when all orders were planned anew with and without
    it, its own costs taken off. `total_eur` is what the whole plan costs.
    """

    before: Before
    moves: Sequence[ApprovedOrder]
    lanes: Mapping[tuple[str, str], Lane]
    gains: Sequence[float]
    total_eur: float


def lines_of_moves(
    plan_id: str, assembled: Assembled, orders: Ints, moved: Moved, policy: Policy
) -> tuple[Line, ...]:
    """One line a move; `assembled` and `orders` are the plan with all of them."""
    with_eur, without_eur = costs_of_moves(assembled, orders, moved.moves, policy)
    aboard = Counter((m.from_site_id, m.site_id, m.order_day) for m in moved.moves)
    bought = _bought(assembled, orders)
    lines = []
    for place, move in enumerate(moved.moves):
        lane = moved.lanes[move.from_site_id, move.site_id]
        sharing = aboard[move.from_site_id, move.site_id, move.order_day]
        alone = lane.line_eur + (lane.shipment_eur if sharing == 1 else 0.0)
        saved = float(without_eur[place] - with_eur[place]) - alone
        price = lane.line_eur + lane.shipment_eur / sharing
        line_id = f"{plan_id}-t{place + 1:04d}"
        told = _Told(line_id, move, price, saved, moved.gains[place], moved.total_eur)
        lines.append(_line(assembled, moved.before, told, bought, policy))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class _Told:
    line_id: str
    move: ApprovedOrder
    price_eur: float
    saved_eur: float
    gain_eur: float
    total_eur: float


def _bought(assembled: Assembled, orders: Ints) -> Mapping[Key, Floats]:
    """[T] base units that the plan's orders bring, by item and site."""
    arrived = received(assembled.problem, orders)
    return {key_of(at): arrived[row] for row, at in enumerate(assembled.positions)}


def _line(
    assembled: Assembled,
    before: Before,
    told: _Told,
    bought: Mapping[Key, Floats],
    policy: Policy,
) -> Line:
    move, days = told.move, assembled.problem.days
    giver = before.positions[move.item_id, move.from_site_id]
    taker = before.positions[move.item_id, move.site_id]
    after = {key_of(at): at for at in (*assembled.positions, *assembled.blocked)}[key_of(taker)]
    more = bought.get(key_of(taker), np.zeros(days))
    spare = spare_packs(giver, move.due, key_of(giver) in before.orderable, policy)
    level = policy.service(taker.item.criticality).level
    terms = _sum(taker, own_days(taker, key_of(taker) in before.orderable), level)
    lost = float(expected_loss(giver.stock, giver.demand, days)[-1])
    limits = [EXPIRES_AT_GIVER] if lost > 1e-6 else []
    limits += [ALL_THAT_CAN_BE_SPARED] if move.packs >= spare else []
    need = max(0.0, -sum(term.amount for term in terms))
    sentence = _sentence(told, giver, taker, need, lost)
    return Line(
        line_id=told.line_id,
        item_id=move.item_id,
        site_id=move.site_id,
        supplier_id="",
        order_day=move.order_day,
        arrival_day=move.due,
        packs=move.packs,
        quantity_base=move.quantity_base,
        base_unit=taker.item.packing.base_unit,
        price_eur=told.price_eur,
        stockout_before=outlook(taker.stock, taker.arrived, taker.demand, days).probability,
        stockout_after=outlook(after.stock, after.arrived + more, after.demand, days).probability,
        reason=f"{move.from_site_id} can spare it and {move.site_id} uses it.",
        explanation=Explanation(
            terms=terms,
            need_base=need,
            base_per_pack=taker.item.packing.base_per_pack,
            service_level=level,
            limits=(*limits, *taker.flags),
            sentence=why_of(sentence, taker.flags),
            cost_with_eur=told.total_eur,
            cost_without_eur=told.total_eur + told.saved_eur,
        ),
        offer=Offer(1, 1, spare, 0.0, ()),
        kind=LineKind.TRANSFER,
        from_site_id=move.from_site_id,
        lots=move.lots,
    )


def _sum(at: Position, days: int, level: float) -> tuple[SumTerm, ...]:
    """What the site that takes has, until an order of its own could arrive."""
    path = at.demand.at(np.array([level]))
    day = max(days, 1) - 1
    return (
        SumTerm("usable stock", at.stock.total_base),
        SumTerm("stock that will expire unused", -float(wasted(at.stock, path)[day, 0])),
        SumTerm("open orders that arrive in time", float(at.arrived[day])),
        SumTerm("demand until an order of its own could arrive", -float(path[day, 0])),
    )


def _sentence(told: _Told, giver: Position, taker: Position, need: float, lost: float) -> str:
    move, unit = told.move, taker.item.packing.base_unit
    lots = ", ".join(
        f"{number(lot.quantity_base)} of lot {lot.lot_id or 'without a name'}"
        + ("" if lot.expiry is None else f" (until {lot.expiry.isoformat()})")
        for lot in move.lots
    )
    parts = [
        f"{move.packs} packs, {number(move.quantity_base)} {unit}, go from {move.from_site_id} "
        f"({move.order_day.isoformat()}) to {move.site_id} ({move.due.isoformat()}): {lots}.",
        f"{move.site_id} is {number(need)} {unit} short of its need until an order of its own "
        "could arrive."
        if need > 0
        else f"{move.site_id} uses it up and orders less.",
    ]
    price = price_of(giver)
    if lost > 1e-6:
        value = "" if price is None else f" ({lost * price:,.2f} EUR)"
        parts.append(
            f"Unless it is moved, {number(lost)} {unit}{value} are expected to expire at "
            f"{move.from_site_id}."
        )
    parts.append(
        f"{move.from_site_id} keeps what it needs itself. Moving it costs "
        f"{told.price_eur:,.2f} EUR. With all orders planned anew it is worth "
        f"{told.gain_eur:,.2f} EUR; with the orders of this plan as they are, "
        f"{told.saved_eur:,.2f} EUR."
    )
    return " ".join(parts)
