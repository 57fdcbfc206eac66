"""Laws that every allocation keeps, whatever the problem."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.orientation.domain.distribution.check import check
from services.orientation.domain.distribution.cost import cost
from services.orientation.domain.distribution.nearest import nearest_first
from services.orientation.domain.distribution.problem import Allocation, Problem
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.terms import (
    delivery,
    lacking_minutes,
    pickup,
    ride_minutes,
    scene_minutes,
    waiting,
)
from services.orientation.tests.distribution_world import SHARE, a_problem

SEEDS = st.integers(0, 10**6)
PROBLEMS = st.builds(a_problem, SEEDS, st.integers(1, 12), st.integers(1, 6), st.integers(1, 8))
LAW = settings(max_examples=50, deadline=None)  # a slow machine is no fault of a law
# One whole hundredth a term, four terms a person.
ROUNDING = 0.05


def allocated(problem: Problem) -> Allocation:
    return SHARE.allocate(problem, Tables.of(problem))


@LAW
@given(PROBLEMS)
def test_every_allocation_passes_the_checker_and_loses_nobody(problem: Problem) -> None:
    found = allocated(problem)
    assert check(problem, found) == ()
    assert [a.casualty_id for a in found.assignments] == [c.casualty_id for c in problem.casualties]


@LAW
@given(PROBLEMS)
def test_who_is_loaded_stays_where_she_lies_and_goes_where_she_is_bound(problem: Problem) -> None:
    chosen = allocated(problem).of()
    for casualty in problem.casualties:
        if casualty.loaded_in:
            assert chosen[casualty.casualty_id].vehicle_id == casualty.loaded_in
        if casualty.loaded_in and casualty.bound_for:
            assert chosen[casualty.casualty_id].finess_geo == casualty.bound_for


@LAW
@given(PROBLEMS)
def test_nearest_first_may_be_carried_out_too_and_is_never_cheaper(problem: Problem) -> None:
    fresh = replace(problem, previous={})
    nearest = nearest_first(fresh, Tables.of(fresh))
    assert check(fresh, nearest) == ()
    best = cost(fresh, allocated(fresh)).total
    assert best <= cost(fresh, nearest).total + ROUNDING * len(problem.casualties)


@LAW
@given(PROBLEMS, st.data())
def test_one_more_free_place_never_costs_more(problem: Problem, data: st.DataObject) -> None:
    counted = [(i, j) for i, s in enumerate(problem.sites) for j in range(len(s.places))]
    assume(counted)
    at, number = data.draw(st.sampled_from(counted))
    site = problem.sites[at]
    places = list(site.places)
    places[number] = replace(places[number], free=places[number].free + 1)
    sites = list(problem.sites)
    sites[at] = replace(site, places=tuple(places))
    more = replace(problem, sites=tuple(sites))
    before, after = cost(problem, allocated(problem)).total, cost(more, allocated(more)).total
    assert after <= before + ROUNDING * len(problem.casualties)


@LAW
@given(PROBLEMS, st.data())
def test_one_more_vehicle_never_costs_more(problem: Problem, data: st.DataObject) -> None:
    loaded = {c.loaded_in for c in problem.casualties}
    spare = [v for v in problem.vehicles if v.vehicle_id not in loaded]
    assume(spare)
    gone = data.draw(st.sampled_from(spare))
    fewer = replace(
        problem,
        previous={},
        cover=(),
        vehicles=tuple(v for v in problem.vehicles if v is not gone),
    )
    more = replace(problem, previous={}, cover=())
    assert cost(more, allocated(more)).total <= cost(
        fewer, allocated(fewer)
    ).total + ROUNDING * len(problem.casualties)


@LAW
@given(PROBLEMS)
def test_the_tables_hold_what_the_plain_formulas_say(problem: Problem) -> None:
    tables = Tables.of(problem)
    for row, casualty in enumerate(problem.casualties):
        for at, vehicle in enumerate(problem.vehicles):
            assert tables.scene[row, at] == pytest.approx(scene_minutes(problem, casualty, vehicle))
            assert tables.pickup[row, at] == pytest.approx(pickup(problem, casualty, vehicle))
        for at, site in enumerate(problem.sites):
            assert tables.ride[row, at] == pytest.approx(ride_minutes(problem, casualty, site))
            assert tables.lacking[row, at] == pytest.approx(lacking_minutes(casualty, site))
            assert tables.delivery[row, at] == pytest.approx(delivery(problem, casualty, site))
        assert tables.waiting[row] == pytest.approx(waiting(problem, casualty))


@LAW
@given(PROBLEMS)
def test_the_price_by_look_up_is_the_price_added_up_the_obvious_way(problem: Problem) -> None:
    tables, found = Tables.of(problem), allocated(problem)
    assert tables.priced(problem, found).total == pytest.approx(cost(problem, found).total)
    plain = replace(problem, previous={})
    assert tables.priced(problem, found, plain=True).total == pytest.approx(
        cost(plain, found).total
    )


@LAW
@given(PROBLEMS)
def test_the_same_problem_gets_the_same_allocation_twice(problem: Problem) -> None:
    assert allocated(problem) == allocated(problem)


@LAW
@given(PROBLEMS)
def test_sent_again_with_its_own_answer_nothing_changes(problem: Problem) -> None:
    """An answer is its own best re-plan: changing anything would cost more."""
    first = allocated(replace(problem, previous={}))
    again = replace(problem, previous=first.of())
    assert allocated(again) == first


@LAW
@given(SEEDS)
def test_the_words_fit_what_was_chosen(seed: int) -> None:
    problem = a_problem(seed)
    found = SHARE(problem)
    for told in found.told:
        codes = {r.code for r in told.reasons}
        assert told.reasons
        assert (told.wait is None) == (not told.assignment.waits)
        assert told.pinned == ("LOADED" in codes) or told.wait is not None
        assert bool(told.missing) == ("CAPABILITY_MISSING" in codes)
        if told.wait is not None:
            assert f"WAITS_{told.wait.reason}" in codes
    assert found.outcome.assigned + found.outcome.waiting == len(problem.casualties)
    assert found.outcome.waiting == sum(t.wait is not None for t in found.told)
