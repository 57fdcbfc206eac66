"""Moves between sites: what may be moved, what it is worth, and that nothing moves twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.replenishment.adapters.sharer import found_in_time
from services.replenishment.adapters.solver.sharing import LEAST_EUR, choice, shared
from services.replenishment.domain.agreed import GroupLimits
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.availability import Availability, SupplyStatus
from services.replenishment.domain.lanes import (
    Lane,
    check_lane,
    first_lots,
    keeps_its_need,
    own_days,
    spare_packs,
)
from services.replenishment.domain.lanes import given as given_away
from services.replenishment.domain.plans import MovedLot
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder, Known, Position
from services.replenishment.domain.sharing import Sharing, moves_of, sharing, worth_of
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.domain.stock import Lot, UsableStock, _walked, usable, wasted
from services.replenishment.domain.transfers import (
    Before,
    carried_out,
    check_transfers,
    costs_of_moves,
    fitting,
    key_of,
    moved,
    moving_cost,
)
from services.replenishment.ports import SolverLost
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    NANTES,
    monthly,
    stock,
    tablets,
    terms,
)
from shared.catalogue.items import Item, Storage
from shared.errors import Malformed

POLICY = Policy()
CHOLET = "490000015"
WORKDAYS = frozenset({1, 2, 3, 4, 5})
THERE = Lane(NANTES, ANGERS, 1, WORKDAYS, 20.0, 2.0, carries_cold=False)
BACK = replace(THERE, from_site_id=ANGERS, to_site_id=NANTES)
SOON = MONDAY + timedelta(days=9)


def held(
    site_id: str,
    amount: float,
    *,
    expiry: date | None = None,
    item: Item | None = None,
    days: frozenset[int] = frozenset({5}),
    mean: float = 300.0,
) -> Known:
    """About ten tablets a day; orders leave on Fridays."""
    item = item or tablets()
    return Known(
        item,
        site_id,
        terms(item, site_id=site_id, days=days),
        stock(item, amount, site_id=site_id, expiry=expiry),
        monthly(item, mean, site_id=site_id),
    )


def group(*known: Known, agreed: GroupLimits | None = None) -> Assembled:
    return assemble(known, MONDAY, 28, None, POLICY, agreed=agreed or GroupLimits())


def chosen(
    assembled: Assembled, *lanes: Lane
) -> tuple[tuple[ApprovedOrder, ...], tuple[float, ...]]:
    found = sharing(assembled, lanes, POLICY)
    if found is None:
        return (), ()
    answer = shared(found, 10.0, 1)
    assert answer is not None
    options, values = answer
    return moves_of(found, options, assembled), worth_of(found, options, values)


def test_what_would_expire_at_one_site_goes_where_it_is_used() -> None:
    assembled = group(held(NANTES, 500.0, expiry=SOON), held(ANGERS, 20.0))
    moves, worth = chosen(assembled, THERE, BACK)
    (move,) = moves
    assert (move.from_site_id, move.site_id) == (NANTES, ANGERS)
    assert move.due == move.order_day + timedelta(days=1)
    assert move.lots == (MovedLot("L1", move.quantity_base, SOON),)
    assert 50 <= move.quantity_base <= 400
    assert worth[0] > 0
    assert check_transfers(Before.of(assembled), moves, [THERE, BACK], POLICY) == ()


def test_a_site_that_runs_out_before_its_order_is_helped_by_one_that_has_plenty() -> None:
    assembled = group(held(NANTES, 900.0), held(ANGERS, 5.0))
    (move,), _ = chosen(assembled, THERE, BACK)
    assert (move.from_site_id, move.site_id) == (NANTES, ANGERS)
    after = moved(Before.of(assembled), [move])[move.item_id, ANGERS]
    assert after.arrived[1] == move.quantity_base


def test_an_item_that_no_supplier_delivers_is_moved_all_the_same() -> None:
    listed = SupplyStatus(Availability.SHORTAGE, None, MONDAY)
    known = [replace(k, status=listed) for k in (held(NANTES, 900.0), held(ANGERS, 5.0))]
    assembled = group(*known)
    assert not assembled.positions
    (move,), _ = chosen(assembled, THERE)
    assert move.site_id == ANGERS
    level = POLICY.service(tablets().criticality).level
    after = moved(Before.of(assembled), [move])[move.item_id, NANTES]
    assert keeps_its_need(assembled.blocked[1], after, 28, level)


def test_nothing_moves_without_a_lane_a_need_or_where_it_costs_more_than_it_saves() -> None:
    rich, poor = held(NANTES, 900.0), held(ANGERS, 5.0)
    assert chosen(group(rich, poor)) == ((), ())
    assert chosen(group(rich, poor), BACK) == ((), ())
    assert chosen(group(rich, held(ANGERS, 900.0)), THERE, BACK) == ((), ())
    assert chosen(group(rich, poor), replace(THERE, shipment_eur=1e6)) == ((), ())
    assert chosen(group(held(NANTES, 30.0), poor), THERE) == ((), ()), "it needs that itself"


def test_cold_goods_go_only_where_the_lane_keeps_them_cold() -> None:
    cold = replace(tablets(), storage=Storage.COLD)
    assembled = group(held(NANTES, 900.0, item=cold), held(ANGERS, 5.0, item=cold))
    assert chosen(assembled, THERE) == ((), ())
    assert len(chosen(assembled, replace(THERE, carries_cold=True))[0]) == 1


def test_several_items_share_a_shipment_that_none_would_pay_alone() -> None:
    dear = replace(THERE, shipment_eur=400.0)
    names = ["A", "B", "C"]
    known = {
        name: (held(NANTES, 900.0, item=tablets(name)), held(ANGERS, 20.0, item=tablets(name)))
        for name in names
    }
    alone = [chosen(group(*pair), dear)[0] for pair in known.values()]
    together, worth = chosen(group(*itertools.chain(*known.values())), dear)
    assert alone == [(), (), ()]
    assert len(together) == 3
    assert moving_cost(together, [dear]) == 400.0 + 3 * 2.0
    assert all(one > 0 for one in worth)


AMOUNTS = st.floats(0, 1500)


@settings(max_examples=40, deadline=None)
@given(AMOUNTS, st.none() | st.integers(0, 40), st.booleans())
def test_a_site_never_gives_what_it_needs_itself(
    amount: float, expires: int | None, orderable: bool
) -> None:
    expiry = None if expires is None else MONDAY + timedelta(days=expires)
    at = group(held(NANTES, amount, expiry=expiry)).positions[0]
    arrives = MONDAY + timedelta(days=1)
    spare = spare_packs(at, arrives, orderable, POLICY)
    level = POLICY.service(at.item.criticality).level
    days = own_days(at, orderable)
    for packs in (spare, spare + 1):
        after = given_away(at, first_lots(at, arrives, packs * 10.0))
        possible = sum(lot.quantity_base for lot in first_lots(at, arrives, 1e9)) >= packs * 10.0
        keeps = keeps_its_need(at, after, days, level)
        assert keeps if packs == spare else not (keeps and possible)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 300), st.integers(0, 40)), max_size=4),
    st.lists(st.floats(0, 40), min_size=28, max_size=28),
)
def test_a_walk_day_by_day_loses_what_the_formula_says_where_all_lots_are_there(
    lots: list[tuple[float, int]], daily: list[float]
) -> None:
    shelf = UsableStock(
        MONDAY,
        tuple(
            Lot(f"L{k}", amount, MONDAY + timedelta(days=days))
            for k, (amount, days) in enumerate(sorted(lots, key=lambda one: one[1]))
        ),
        0.0,
        0.0,
        0.0,
        0.0,
    )
    demand = np.cumsum(daily)[:, None]
    walked = _walked(shelf, demand) if lots else np.zeros(demand.shape)
    assert np.allclose(walked, wasted(shelf, demand), atol=1e-6)


def test_lots_on_their_way_cannot_be_used_before_they_arrive() -> None:
    empty = usable(stock(tablets(), 40.0), MONDAY)
    late = replace(empty, coming=((5, Lot("X", 30.0, MONDAY + timedelta(days=5))),))
    early = replace(empty, coming=((0, Lot("X", 30.0, MONDAY + timedelta(days=5))),))
    demand = np.cumsum(np.full((28, 1), 5.0), axis=0)
    assert wasted(early, demand)[-1, 0] == 0.0
    assert wasted(late, demand)[-1, 0] == pytest.approx(25.0)


@settings(max_examples=20, deadline=None)
@given(st.floats(100, 1200), st.floats(0, 60), st.none() | st.integers(2, 30))
def test_an_approved_move_is_counted_exactly_as_the_plan_that_proposed_it_did(
    rich: float, poor: float, expires: int | None
) -> None:
    expiry = None if expires is None else MONDAY + timedelta(days=expires)
    known = [held(NANTES, rich, expiry=expiry), held(ANGERS, poor)]
    assembled = group(*known)
    moves, _ = chosen(assembled, THERE)
    proposed = moved(Before.of(assembled), moves)
    counted = Before.of(group(*carried_out(known, moves))).positions
    for key, at in proposed.items():
        assert np.allclose(at.arrived, counted[key].arrived)
        assert at.stock.total_base == pytest.approx(counted[key].stock.total_base)
        assert at.stock.coming == counted[key].stock.coming


def test_a_plan_made_again_moves_nothing_that_is_on_its_way() -> None:
    known = [held(NANTES, 500.0, expiry=SOON), held(ANGERS, 20.0)]
    moves, _ = chosen(group(*known), THERE, BACK)
    assert moves
    again, _ = chosen(group(*carried_out(known, moves)), THERE, BACK)
    total = sum(move.quantity_base for move in (*moves, *again))
    assert sum(m.quantity_base for m in again) < 0.2 * total
    assert all(m.from_site_id == NANTES for m in again)


def some_move(assembled: Assembled) -> ApprovedOrder:
    (move,), _ = chosen(assembled, THERE)
    return move


BROKEN = {
    "NO_LANE": lambda m: replace(m, site_id=NANTES, from_site_id=ANGERS),
    "NOT_A_LANE_DAY": lambda m: replace(
        m, order_day=MONDAY + timedelta(days=5), due=MONDAY + timedelta(days=6)
    ),
    "WRONG_ARRIVAL": lambda m: replace(m, due=m.due + timedelta(days=1)),
    "NOT_WHOLE_PACKS": lambda m: replace(m, packs=m.packs + 1),
    "MORE_THAN_LOT": lambda m: replace(
        m, packs=m.packs + 50, lots=(replace(m.lots[0], quantity_base=m.quantity_base + 500),)
    ),
    "EXPIRES_ON_THE_WAY": lambda m: replace(m, lots=(replace(m.lots[0], expiry=MONDAY),)),
    "GIVER_BELOW_NEED": lambda m: replace(
        m, packs=50, quantity_base=500.0, lots=(replace(m.lots[0], quantity_base=500.0),)
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_the_check_names_each_rule_that_a_move_breaks(rule: str) -> None:
    assembled = group(held(NANTES, 500.0, expiry=SOON), held(ANGERS, 20.0))
    move = some_move(assembled)
    before = Before.of(assembled)
    assert check_transfers(before, [move], [THERE], POLICY) == ()
    assert rule in check_transfers(before, [BROKEN[rule](move)], [THERE], POLICY)


def test_a_cold_store_that_is_full_takes_no_transfer() -> None:
    cold = replace(tablets(), storage=Storage.COLD, pack_volume_m3=0.01)
    lane = replace(THERE, carries_cold=True)
    known = held(NANTES, 900.0, item=cold), held(ANGERS, 5.0, item=cold)
    tight = GroupLimits(storage=(StorageLimit(ANGERS, Storage.COLD, 0.02),))
    assembled = group(*known, agreed=tight)
    moves, worth = chosen(assembled, lane)
    before = Before.of(assembled)
    assert "ABOVE_ROOM" in check_transfers(before, moves, [lane], POLICY)
    kept = fitting(before, moves, worth)
    assert check_transfers(before, kept, [lane], POLICY) == ()


def test_what_a_move_costs_with_and_without_it_is_that_of_the_two_sites() -> None:
    known = [held(NANTES, 500.0, expiry=SOON), held(ANGERS, 20.0)]
    assembled = group(*known)
    moves, _ = chosen(assembled, THERE)
    after = group(*carried_out(known, moves))
    nothing = np.zeros((2, 28), dtype=np.int64)
    with_eur, without_eur = costs_of_moves(after, nothing, moves, POLICY)
    found = sharing(assembled, [THERE], POLICY)
    assert found is not None
    plain = found.values(np.zeros((len(found.lost_eur), 28), dtype=np.int64))
    keys = [key_of(at) for at in assembled.positions]
    assert without_eur[0] == pytest.approx(sum(plain[found.none[key]] for key in keys))
    assert with_eur[0] < without_eur[0]


def every_choice(found: Sharing) -> list[tuple[int, ...]]:
    """Every set of options that takes at most one for each site, and gives what it can."""
    places = range(len(found.options))
    sets: list[tuple[int, ...]] = []
    for size in range(3):
        for some in itertools.combinations(places, size):
            options = [found.options[k] for k in some]
            takers, givers = {o.to for o in options}, {o.giver for o in options}
            totals = {g: sum(o.packs for o in options if o.giver == g) for g in givers}
            if (
                len(takers) == size
                and not takers & givers
                and all(total in found.gives[g] for g, total in totals.items())
            ):
                sets.append(some)
    return sets


def worth_by_hand(found: Sharing, some: Sequence[int], values: np.ndarray) -> float:
    options = [found.options[k] for k in some]
    total = sum(found.lanes[lane].shipment_eur for lane in {o.lane for o in options})
    for o in options:
        total += found.lanes[o.lane].line_eur + LEAST_EUR
        total += values[o.taker] - values[found.none[o.to]]
    for giver in {o.giver for o in options}:
        packs = sum(o.packs for o in options if o.giver == giver)
        total += values[found.gives[giver][packs]] - values[found.none[giver]]
    return float(total)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 60))
def test_the_choice_is_the_best_of_all_choices(seed: int, shipment: float) -> None:
    lanes = [
        replace(THERE, shipment_eur=shipment),
        replace(THERE, to_site_id=CHOLET, shipment_eur=shipment),
    ]
    known = held(NANTES, 400.0), held(ANGERS, 20.0), held(CHOLET, 40.0, mean=200.0)
    found = sharing(group(*known), lanes, POLICY)
    assert found is not None
    values = np.random.default_rng(seed).uniform(0, 100, len(found.lost_eur)).round(2)
    best = min(worth_by_hand(found, some, values) for some in every_choice(found))
    picked = choice(found, values, 10.0, 1)
    assert picked is not None
    assert worth_by_hand(found, picked, values) == pytest.approx(best, abs=0.1)


@pytest.mark.parametrize(
    ("lane", "reason"),
    [
        (replace(THERE, to_site_id=NANTES), "LANE_TO_ITSELF"),
        (replace(THERE, weekdays=frozenset()), "NO_LANE_DAY"),
    ],
)
def test_a_lane_that_leads_nowhere_or_never_runs_is_refused(lane: Lane, reason: str) -> None:
    with pytest.raises(Malformed) as refused:
        check_lane(lane, "lanes[0]")
    assert refused.value.reason == reason


def test_a_lane_leaves_on_its_next_day() -> None:
    lane = replace(THERE, weekdays=frozenset({1, 4}))
    assert lane.leaves(MONDAY) == MONDAY
    assert lane.leaves(MONDAY + timedelta(days=1)) == MONDAY + timedelta(days=3)


def test_lots_that_left_are_taken_off_by_name_and_the_rest_off_what_expires_first() -> None:
    one = held(NANTES, 500.0, expiry=SOON)
    move = ApprovedOrder(
        "order-1", "PARACETAMOL", ANGERS, 12, 120.0, 2.0, MONDAY, MONDAY, False, NANTES,
        (MovedLot("L1", 100.0, SOON), MovedLot("gone", 20.0, None)),
    )  # fmt: skip
    at: Position = group(replace(one, leaving=(move,))).positions[0]
    assert at.stock.total_base == pytest.approx(380.0)
    settled = replace(move, left_elsewhere=True)
    assert group(replace(one, leaving=(settled,))).positions[0].stock.total_base == 500.0


def test_without_time_to_plan_the_variants_nothing_is_said_of_moving() -> None:
    found = sharing(group(held(NANTES, 900.0), held(ANGERS, 5.0)), [THERE], POLICY)
    assert found is not None
    assert choice(found, np.zeros(len(found.lost_eur)), 1e-9, 1) is None
    with pytest.raises(SolverLost, match="more seconds"):
        found_in_time(None)


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 400), st.floats(0, 400), st.floats(0, 200))
def test_crisis_and_reserved_stock_is_never_moved(
    routine: float, crisis: float, reserved: float
) -> None:
    one = held(NANTES, 0.0)
    assert one.report is not None
    lots = (Lot("CRISIS", crisis, SOON, crisis=True), Lot("L1", routine, SOON))
    report = replace(one.report, lots=lots, crisis_base=crisis, reserved_base=reserved)
    assembled = group(replace(one, report=report), held(ANGERS, 5.0))
    moves, _ = chosen(assembled, THERE)
    assert all(lot.lot_id == "L1" for move in moves for lot in move.lots)
    total = sum(move.quantity_base for move in moves)
    assert total <= max(0.0, routine - reserved) + 1e-6
