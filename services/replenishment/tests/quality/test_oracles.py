"""Against answers that are known exactly: textbook cases, tiny shelves with every policy tried."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from services.replenishment.adapters.oracles.ages import (
    evening,
    mixed_ages,
    one_night,
    settle_shelf,
)
from services.replenishment.adapters.oracles.files import perishable_cases, textbook_cases
from services.replenishment.adapters.oracles.pair import Pair, day_of_pair, play_pair
from services.replenishment.adapters.oracles.perishable import Shelf, optimal, play, shelf_of
from services.replenishment.adapters.oracles.platelets import Platelets, play_platelets
from services.replenishment.adapters.oracles.shelf import decode, encode, one_day
from services.replenishment.adapters.oracles.textbook import newsvendor, wagner_whitin
from services.replenishment.entrypoints.oracle import PlayOracles
from shared.errors import Malformed


def test_the_newsvendors_best_level_is_found_to_the_last_digit() -> None:
    # demand 0, 1, 2 ...: Poisson of mean 3, holding 1, shortage 19 (the level is 6)
    chances = [math.exp(-3.0) * 3.0**k / math.factorial(k) for k in range(60)]
    costs = [
        sum(p * (max(s - k, 0) + 19 * max(k - s, 0)) for k, p in enumerate(chances))
        for s in range(20)
    ]
    case = {"demand": "poisson", "mean": 3, "holding": 1.0, "shortage": 19}
    assert newsvendor(case) == pytest.approx(min(costs), abs=1e-9)


@pytest.mark.parametrize("fixed", [3.0, 40.0])
def test_known_demand_is_met_at_the_cost_of_the_best_choice_of_order_days(fixed: float) -> None:
    demand = [2.0, 0.0, 5.0, 1.0, 0.0, 4.0, 3.0]

    def cost(days: tuple[int, ...]) -> float:
        holding = sum(
            0.5 * amount * (day - max(d for d in days if d <= day))
            for day, amount in enumerate(demand)
        )
        return fixed * len(days) + holding

    choices = [
        (0, *rest) for count in range(7) for rest in itertools.combinations(range(1, 7), count)
    ]
    case = {"demand": demand, "holding": 0.5, "fixed_cost": fixed}
    assert wagner_whitin(case) == pytest.approx(min(cost(days) for days in choices))


def a_shelf(life: int, oldest_first: int) -> Shelf:
    way = np.array([2, life, oldest_first, life])
    terms = np.array([1.0, 6.0, 4.0, 0.5, 0.0, 0.8])
    return Shelf(way, terms, np.array([0.3, 0.5, 0.2]))


def test_the_optimum_of_a_tiny_shelf_is_the_least_of_all_its_policies() -> None:
    shelf = a_shelf(1, 1)  # three states: what is on the shelf expires tonight
    costs = []
    for orders in itertools.product(range(3), repeat=3):
        moves, cost = np.zeros((3, 3)), np.zeros(3)
        state = np.zeros(1, dtype=np.int64)
        for code in range(3):
            for demand, chance in enumerate(shelf.chances):
                decode(code, 3, state)
                paid = one_day(state, shelf.way, orders[code], demand, shelf.terms)
                cost[code] += chance * paid
                moves[code, encode(state, 3)] += chance
        costs.append(float(np.linalg.solve(np.eye(3) - 0.8 * moves, cost)[0]))
    assert optimal(shelf)[0] == pytest.approx(min(costs), rel=1e-5)


@pytest.mark.parametrize("oldest_first", [0, 1])
def test_re_planning_never_beats_the_optimum_and_stays_within_five_percent(
    oldest_first: int,
) -> None:
    found = play(a_shelf(2, oldest_first))
    assert found.optimum * (1 - 1e-5) <= found.ours <= 1.05 * found.optimum


def test_two_goods_that_never_replace_each_other_earn_what_they_earn_alone() -> None:
    terms = {
        "max_useful_life": 2,
        "max_order_quantity": 3,
        "demand_poisson_mean": 1.5,
        "variable_order_cost": 0.5,
        "sales_price": 1.0,
        "gamma": 1.0,
    }
    alone = shelf_of("hendrix_perishable_one_product", terms)
    assert alone is not None
    pair = Pair(2, (3, 3), (1.5, 1.5), 0.0, np.full(2, 0.5), np.ones(2))
    found = play_pair(pair)
    assert found.optimum == pytest.approx(-2 * optimal(alone)[0], rel=1e-5)
    assert 0.95 * found.optimum <= found.ours <= found.optimum * (1 + 1e-6)


def test_who_finds_none_of_b_takes_a_after_those_who_asked_for_it() -> None:
    state = np.array([[2, 1], [0, 1]])  # of A and B: fresh, old
    way = np.array([5, 5, 2])
    asked = np.array([1, 3, 0b01])  # two lack B; the first of them would take A
    issued = day_of_pair(state, way, np.array([4, 5]), asked)
    assert issued.tolist() == [2, 1]
    assert state.tolist() == [[4, 1], [5, 0]]


def some_platelets(**changes: object) -> Platelets:
    demand = np.tile([0.3, 0.4, 0.3], (7, 1))
    ages = np.tile([0.5, 0.3, 0.2], (4, 1))
    terms = np.array([2.0, 0.0, 20.0, 5.0, 1.0, 0.9])
    fields = {"life": 3, "most": 3, "demand": demand, "ages": ages, "terms": terms}
    return Platelets(**(fields | changes))  # type: ignore[arg-type]  # the fields above


def test_a_deliverys_ages_are_averaged_as_if_every_split_was_listed() -> None:
    one, width = some_platelets(), 4
    full = np.random.default_rng(0).random((width, width * width))
    found = mixed_ages(full, one.ages[0], (3, 3), (0, 3))
    shelf = np.array([0, 2, 1])
    expected = 0.0
    for ages in itertools.product(range(3), repeat=3):  # of each of three units
        now = shelf.copy()
        for age in ages:
            now[age] = min(3, now[age] + 1)
        chance = math.prod(one.ages[0][age] for age in ages)
        expected += chance * full[now[0], now[1] * width + now[2]]
    assert found[3, 2 * width + 1] == pytest.approx(expected)
    assert np.array_equal(mixed_ages(full, one.ages[0], (3, 3), (3, 3))[3], found[3])


def test_an_evening_is_the_mean_of_its_nights() -> None:
    one, width = some_platelets(), 4
    after, full = np.random.default_rng(1).random(width * width), np.empty(width**3)
    evening((3, 3), one.demand[0], one.terms, after, full)
    expected = 0.0
    for demand, chance in enumerate(one.demand[0]):
        shelf = np.array([1, 0, 2])
        ladder = np.cumsum(one.ages, axis=1)
        kind = np.array([3, 3])
        paid = one_night(shelf, (kind, ladder, one.terms), 0, (demand, np.zeros(3)))
        expected += chance * (paid + 0.9 * after[settle_shelf(shelf, 3)])
    assert full[(1 * width + 0) * width + 2] == pytest.approx(expected)


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_platelets_are_never_planned_better_than_the_optimum_nor_much_worse(slope: float) -> None:
    odds = np.exp(np.array([0.5, 0.2, 0.0]) + slope * np.arange(4)[:, None])
    odds[:, 2] = 1.0
    found = play_platelets(some_platelets(ages=odds / odds.sum(axis=1, keepdims=True)))
    assert found.optimum * (1 - 1e-5) <= found.ours <= 1.05 * found.optimum


def test_the_oldest_go_first_and_what_is_not_served_is_lost() -> None:
    way = np.array([9, 3, 1, 3])
    state = np.array([4, 2, 1])  # fresh, older, oldest
    cost = one_day(state, way, 5, 2, np.array([1.0, 10.0, 7.0, 0.5, 0.0, 1.0]))
    assert state.tolist() == [5, 4, 1]
    assert cost == pytest.approx(5 * 1.0 + 5 * 0.5)


def test_a_shelf_too_large_to_solve_is_listed_with_the_reason_and_no_ratio(
    tmp_path: Path,
) -> None:
    large = {
        "id": "large",
        "scenario": "hendrix_perishable_one_product",
        "parameters": {
            "max_useful_life": 7,
            "max_order_quantity": 20,
            "demand_poisson_mean": 5.0,
            "variable_order_cost": 0.5,
            "sales_price": 1.0,
            "gamma": 1.0,
        },
    }
    (tmp_path / "scenarios.json").write_text(json.dumps([large]))
    play_all = PlayOracles({"perishable_optimal": perishable_cases}, lambda cases: cases)
    play_all("perishable_optimal", tmp_path, tmp_path / "answer.json")
    told = json.loads((tmp_path / "answer.json").read_text())
    assert told["cases"] == []
    assert told["summary"]["median"] is None
    assert "states" in told["not_played"][0]["reason"]


def test_an_empty_folder_and_an_unknown_family_are_named(tmp_path: Path) -> None:
    play_all = PlayOracles({"exact_oracles": textbook_cases}, lambda cases: cases)
    with pytest.raises(Malformed, match=r"ss\.json"):
        play_all("exact_oracles", tmp_path, tmp_path / "answer.json")
    with pytest.raises(Malformed, match="exact_oracles"):
        play_all("other", tmp_path, tmp_path / "answer.json")
