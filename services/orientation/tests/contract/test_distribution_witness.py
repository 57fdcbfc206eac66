"""The flow against CP-SAT, which models the same prices in another way."""

from __future__ import annotations

import csv

import pytest

from services.orientation.adapters.distribution.witness import CpSatWitness
from services.orientation.adapters.reference import DATA
from services.orientation.domain.distribution.cost import cost
from services.orientation.domain.distribution.problem import Problem
from services.orientation.domain.distribution.tables import Tables
from services.orientation.domain.distribution.terms import CARRIES_NOBODY
from services.orientation.tests.distribution_world import SHARE, a_problem


def agree(problem: Problem) -> None:
    witnessed = CpSatWitness().solve(problem)
    found = cost(problem, SHARE.allocate(problem, Tables.of(problem))).total
    assert witnessed.proven
    # both round each term to a hundredth of a weighted minute
    assert found == pytest.approx(witnessed.cost, abs=0.03 * len(problem.casualties))


@pytest.mark.parametrize("seed", range(25))
def test_no_allocation_is_cheaper_than_the_flow_s(seed: int) -> None:
    agree(a_problem(seed))


@pytest.mark.parametrize("seed", [1, 2])
def test_nor_among_forty_casualties(seed: int) -> None:
    agree(a_problem(seed, people=40, sites=15, vehicles=20))


def test_the_kinds_that_carry_nobody_are_those_of_the_nomenclature() -> None:
    path = DATA / "hub" / "nomenclatures" / "HubSante.typeVecteur.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {r["code"] for r in rows if r["description"] == "Ne transporte pas"} == CARRIES_NOBODY
