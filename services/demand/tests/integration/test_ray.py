"""A local Ray cluster makes the same forecasts as spawned processes, and tells nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module

import pytest

from services.demand.adapters.backends import ClosableWorkers, workers_for
from services.demand.adapters.ray_workers import QUIET
from services.demand.domain.forecasts import Outcome
from services.demand.domain.history_files import Target
from services.demand.ports import Part
from services.demand.tests.situations import MONDAY, a_rare_item, monthly

pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def a_part(first: int) -> Part:
    items = [a_rare_item(item_id=f"I{n}", seed=n) for n in range(first, first + 6)]
    items.append(monthly([3.0, 4.0], f"NEW-{first}"))
    return Part("run-1", MONDAY, 4, 2, Target.DEMAND, items)


PARTS = [a_part(0), a_part(6)]


@pytest.fixture(scope="module")
def on_ray() -> Iterator[ClosableWorkers]:
    before = {name: os.environ.get(name) for name in QUIET}
    workers = workers_for("ray", 1)
    yield workers
    workers.close()
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def made_by(workers: ClosableWorkers) -> dict[str, Outcome]:
    return {
        outcome.item_id: outcome
        for made in workers.forecast(PARTS, lambda: False)
        for outcome in made.outcomes
    }


def test_ray_makes_the_same_forecasts_as_spawned_processes(on_ray: ClosableWorkers) -> None:
    local = workers_for("local", 1)
    try:
        expected = made_by(local)
    finally:
        local.close()
    assert len(expected) == 14
    assert made_by(on_ray) == expected


def test_ray_tells_nobody_that_it_is_used(on_ray: ClosableWorkers) -> None:
    assert list(on_ray.forecast([], lambda: False)) == []  # the cluster is there
    usage = import_module("ray._common.usage.usage_lib")
    assert usage.usage_stats_enabled() is False


def test_workers_on_ray_that_are_told_to_stop_make_nothing(on_ray: ClosableWorkers) -> None:
    assert list(on_ray.forecast(PARTS, lambda: True)) == []


def test_no_other_backend_is_guessed() -> None:
    with pytest.raises(ValueError, match="use local or ray"):
        workers_for("spark", 1)
