"""What might be moved between sites, put so that a solver can choose.

Every site that might give or take is planned anew for each amount that it might give or
take: a *variant* is one item at one site after such a move, with the lots that it would
then hold. Once each variant has its best orders, what a set of moves is worth is a sum,
and choosing the moves is a small problem over all items together, because what goes along
on one day shares a shipment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from services.replenishment.domain.assemble import Assembled, problem_of
from services.replenishment.domain.check import own_costs
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.lanes import (
    Lane,
    first_lots,
    given,
    own_days,
    spare_packs,
    taken,
)
from services.replenishment.domain.policy import LEVELS, WEIGHTS, Policy
from services.replenishment.domain.positions import ApprovedOrder, Position
from services.replenishment.domain.problem import Floats, Ints, Problem
from services.replenishment.domain.risks import price_of
from services.replenishment.domain.stock import wasted
from services.replenishment.domain.terms import SupplyTerms

AMOUNTS = 12  # that one site may give of an item
MOST_VARIANTS = 6000
Key = tuple[str, str]  # item, site


@dataclass(frozen=True, slots=True)
class Option:
    """`packs` of an item along a lane; `taker` is the variant of the site that takes."""

    giver: Key
    to: Key
    lane: int
    packs: int
    taker: int


@dataclass(frozen=True, slots=True, eq=False)
class Sharing:
    """The variants as one planning problem, and the moves to choose from.

    `lost_eur` [V] is what of the lots each variant loses. `none` is the variant of a site
    that neither gives nor takes, `gives` those of a giver by the packs that it gives.
    """

    problem: Problem
    lost_eur: Floats
    none: Mapping[Key, int]
    gives: Mapping[Key, Mapping[int, int]]
    options: tuple[Option, ...]
    lanes: tuple[Lane, ...]

    def values(self, orders: Ints) -> Floats:
        """[V] EUR of each variant with its orders: its own costs, and what it loses."""
        total: Floats = own_costs(self.problem, orders) + self.lost_eur
        return total


class _Variants:
    """Collects the positions that are to be planned."""

    def __init__(self) -> None:
        self.positions: list[Position] = []
        self.terms: list[SupplyTerms] = []

    def add(self, at: Position, orderable: bool) -> int:
        self.positions.append(at)
        self.terms.append(_terms(at, orderable))
        return len(self.positions) - 1


def _terms(at: Position, orderable: bool) -> SupplyTerms:
    """The supplier's terms, without order days where nothing is to be had."""
    terms = at.known.terms_now
    if terms is None:
        raise ValueError("an item without supply terms has no price to be moved at")
    return terms if orderable else replace(terms, order_days=frozenset())


def sharing(assembled: Assembled, lanes: Sequence[Lane], policy: Policy) -> Sharing | None:
    """The moves worth a look on the lanes' next days; None where there are none.

    Of more variants than `MOST_VARIANTS` the items with most at stake are kept.
    """
    sites: dict[str, dict[str, tuple[Position, bool]]] = {}
    for kept, orderable in ((assembled.positions, True), (assembled.blocked, False)):
        for at in kept:
            sites.setdefault(at.item.item_id, {})[at.known.site_id] = at, orderable
    pairs = [
        found
        for here in sites.values()
        if len(here) > 1
        for found in _pairs(here, lanes, assembled.first_day, policy)
    ]
    pairs.sort(key=lambda pair: -pair.stake)
    collected = _Variants()
    none: dict[Key, int] = {}
    gives: dict[Key, dict[int, int]] = {}
    options: list[Option] = []
    for pair in pairs:
        if len(collected.positions) + 2 * AMOUNTS + 2 > MOST_VARIANTS:
            break
        _collect(pair, collected, none, gives, options)
    if not options:
        return None
    problem = problem_of(
        collected.positions, collected.terms, assembled.first_day, assembled.problem.days, policy
    )
    lost = [
        float(expected_loss(at.stock, at.demand, assembled.problem.days)[-1]) * (price_of(at) or 0)
        for at in collected.positions
    ]
    return Sharing(problem, np.array(lost), none, gives, tuple(options), tuple(lanes))


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """A site that might give to another, along a lane."""

    lane: int
    arrives: date
    giver: Position
    taker: Position
    orderable: tuple[bool, bool]
    most: int  # packs
    step: int
    stake: float  # EUR


def _pairs(
    here: Mapping[str, tuple[Position, bool]], lanes: Sequence[Lane], day: date, policy: Policy
) -> list[_Pair]:
    """The pairs of one item. What is asked of a site is worked out once."""
    short = {site: _shortage_eur(at, able, policy) for site, (at, able) in here.items()}
    lost = {site: _lost_eur(at) for site, (at, _) in here.items()}
    useful: dict[str, int] = {}
    spare: dict[tuple[str, date], int] = {}
    found = []
    for place, lane in enumerate(lanes):
        if not (lane.from_site_id in here and lane.to_site_id in here):
            continue
        (giver, gives), (taker, takes) = here[lane.from_site_id], here[lane.to_site_id]
        arrives = day.fromordinal(lane.leaves(day).toordinal() + lane.days)
        stake = short[lane.to_site_id] + lost[lane.from_site_id]
        if stake <= lane.line_eur or not lane.carries(giver.item):
            continue
        if (arrives - day).days >= len(taker.arrived):
            continue
        if lane.to_site_id not in useful:
            useful[lane.to_site_id] = _useful_packs(taker)
        if not useful[lane.to_site_id]:
            continue
        key = lane.from_site_id, arrives
        if key not in spare:
            spare[key] = spare_packs(giver, arrives, gives, policy)
        most = min(spare[key], useful[lane.to_site_id])
        if most >= 1:
            step = -(-most // AMOUNTS)
            found.append(_Pair(place, arrives, giver, taker, (gives, takes), most, step, stake))
    steps: dict[str, int] = {}
    for pair in found:
        site = pair.giver.known.site_id
        steps[site] = max(steps.get(site, 1), pair.step)
    return [replace(pair, step=steps[pair.giver.known.site_id]) for pair in found]


def _shortage_eur(at: Position, orderable: bool, policy: Policy) -> float:
    """EUR of shortage until an order of the site's own could arrive, if nothing comes."""
    days, terms = own_days(at, orderable), at.known.terms
    if terms is None or not days:
        return 0.0
    demand = at.demand.at(LEVELS)
    left = at.stock.total_base + at.arrived[:, None] - wasted(at.stock, demand) - demand
    missing = float((np.maximum(-left, 0.0) @ WEIGHTS)[:days].sum())
    pack = at.item.packing.base_per_pack
    rate = float(at.demand.mean[-1]) / len(at.demand.mean) / pack
    price = policy.shortage_eur(at.item.criticality, terms.pack_price_eur, rate)
    return missing / pack * price


def _lost_eur(at: Position) -> float:
    if all(lot.expiry is None for lot in at.stock.lots):
        return 0.0
    lost = float(expected_loss(at.stock, at.demand, len(at.arrived))[-1])
    return lost * (price_of(at) or 0.0)


def _useful_packs(at: Position) -> int:
    """Packs that the site could use within the horizon, in the worst scenario."""
    demand = at.demand.at(LEVELS)
    left = at.stock.total_base + at.arrived[:, None] - wasted(at.stock, demand) - demand
    return int(np.ceil(max(0.0, -float(left.min())) / at.item.packing.base_per_pack - 1e-9))


def _key(at: Position) -> Key:
    return at.item.item_id, at.known.site_id


def _collect(
    pair: _Pair,
    collected: _Variants,
    none: dict[Key, int],
    gives: dict[Key, dict[int, int]],
    options: list[Option],
) -> None:
    giver, taker = _key(pair.giver), _key(pair.taker)
    for key, at, orderable in (
        (giver, pair.giver, pair.orderable[0]),
        (taker, pair.taker, pair.orderable[1]),
    ):
        if key not in none:
            none[key] = collected.add(at, orderable)
    size = pair.giver.item.packing.base_per_pack
    variants = gives.setdefault(giver, {0: none[giver]})
    for packs in range(pair.step, pair.most + 1, pair.step):
        lots = first_lots(pair.giver, pair.arrives, packs * size)
        if packs not in variants:
            variants[packs] = collected.add(given(pair.giver, lots), pair.orderable[0])
        row = collected.add(taken(pair.taker, lots, pair.arrives), pair.orderable[1])
        options.append(Option(giver, taker, pair.lane, packs, row))


def _ordered(sharing: Sharing, chosen: Sequence[int]) -> list[Option]:
    return sorted((sharing.options[k] for k in chosen), key=lambda o: (o.giver, o.to))


def worth_of(sharing: Sharing, chosen: Sequence[int], values: Floats) -> tuple[float, ...]:
    """EUR that each chosen option saves with all orders planned anew, in the order of
    `moves_of`; what a giver or a shipment costs is shared by packs and by lines."""
    options = _ordered(sharing, chosen)
    given_away, aboard = Counter[Key](), Counter[int]()
    for option in options:
        given_away[option.giver] += option.packs
        aboard[option.lane] += 1
    found = []
    for option in options:
        total, lane = given_away[option.giver], sharing.lanes[option.lane]
        variants = sharing.gives[option.giver]
        gives = float(values[variants[total]] - values[variants[0]]) * option.packs / total
        takes = float(values[sharing.none[option.to]] - values[option.taker])
        costs = lane.line_eur + lane.shipment_eur / aboard[option.lane]
        found.append(takes - gives - costs)
    return tuple(found)


def moves_of(
    sharing: Sharing, chosen: Sequence[int], assembled: Assembled
) -> tuple[ApprovedOrder, ...]:
    """The chosen options as transfers; a site that gives to several hands out its lots first
    expired first out, to the sites in their order. They have no order id yet."""
    positions = {_key(at): at for at in (*assembled.positions, *assembled.blocked)}
    found = []
    for option in _ordered(sharing, chosen):
        lane, at = sharing.lanes[option.lane], positions[option.giver]
        leaves = lane.leaves(assembled.first_day)
        arrives = leaves.fromordinal(leaves.toordinal() + lane.days)
        amount = option.packs * at.item.packing.base_per_pack
        lots = first_lots(at, arrives, amount)
        positions[option.giver] = given(at, lots)
        found.append(
            ApprovedOrder(
                order_id="",
                item_id=option.to[0],
                site_id=option.to[1],
                packs=option.packs,
                quantity_base=amount,
                price_eur=lane.line_eur,
                order_day=leaves,
                due=arrives,
                known_elsewhere=False,
                from_site_id=option.giver[1],
                lots=lots,
            )
        )
    return tuple(found)
