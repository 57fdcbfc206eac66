"""Seats exchanged so that people of one vehicle go the same way, and nothing else changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orientation.domain.distribution.check import check
from services.orientation.domain.distribution.cost import cost
from services.orientation.domain.distribution.network import network, read_flow
from services.orientation.domain.distribution.problem import (
    Allocation,
    Assignment,
    Places,
    Problem,
    Vehicle,
)
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.together import extra_stops, together
from services.orientation.tests.distribution_world import SHARE, a_problem
from services.orientation.tests.situations import NANTES


def at_one_scene(seed: int, people: int, vehicles: int, seats: int) -> Problem:
    """Everybody lies in one place, and every vehicle stands there with several seats."""
    base = a_problem(seed, people, 4, 1)
    lying = [
        replace(c, latitude=NANTES[0], longitude=NANTES[1], loaded_in="", bound_for="")
        for c in base.casualties
    ]
    fleet = tuple(Vehicle(f"v{i}", "SIS.VSAV", *NANTES, seats) for i in range(vehicles))
    sites = tuple(replace(s, places=(Places(3, None),)) for s in base.sites)
    return replace(
        base, casualties=tuple(lying), vehicles=fleet, sites=sites, cover=(), previous={}
    )


def by_flow_alone(problem: Problem) -> tuple[Tables, Allocation]:
    tables = Tables.of(problem)
    flow, layers = network(problem, tables)
    return tables, read_flow(problem, layers, SHARE.solver.solve(flow))


SCENES = st.builds(
    at_one_scene,
    st.integers(0, 10**6),
    st.integers(2, 10),
    st.integers(1, 4),
    st.integers(2, 3),
)
ANY_PROBLEM = st.builds(a_problem, st.integers(0, 10**6), st.integers(2, 12))


@settings(max_examples=60, deadline=None)
@given(st.one_of(SCENES, ANY_PROBLEM))
def test_only_seats_change_nothing_costs_more_and_no_stop_is_added(problem: Problem) -> None:
    tables, before = by_flow_alone(problem)
    after = together(problem, tables, before)
    assert check(problem, after) == ()
    assert [(a.casualty_id, a.finess_geo, a.waits) for a in after.assignments] == [
        (a.casualty_id, a.finess_geo, a.waits) for a in before.assignments
    ]
    assert sorted(a.vehicle_id for a in after.assignments) == sorted(
        a.vehicle_id for a in before.assignments
    )
    assert cost(problem, after).total <= cost(problem, before).total + 1e-6
    assert extra_stops(after) <= extra_stops(before)


def test_two_split_vehicles_at_one_scene_are_sorted_out() -> None:
    problem = at_one_scene(1, 4, 2, 2)
    one, two = (site.facility.finess_geo for site in problem.sites[:2])
    names = [c.casualty_id for c in problem.casualties]
    crossed = Allocation(
        tuple(
            Assignment(name, vehicle, site)
            for name, vehicle, site in zip(
                names, ("v0", "v0", "v1", "v1"), (one, two, one, two), strict=True
            )
        )
    )
    sorted_out = together(problem, Tables.of(problem), crossed)
    assert extra_stops(crossed) == 2
    assert extra_stops(sorted_out) == 0


@pytest.mark.parametrize("seed", range(3))
def test_many_at_one_scene_share_their_stops(seed: int) -> None:
    problem = at_one_scene(seed, 24, 10, 3)
    tables, before = by_flow_alone(problem)
    assert extra_stops(together(problem, tables, before)) <= extra_stops(before) * 0.6
