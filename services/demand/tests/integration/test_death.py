"""A run survives the death of its process, and of its workers."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.adapters.workers import SpawnedWorkers
from services.demand.domain.history_files import Target
from services.demand.domain.series import Series
from services.demand.ports import Part
from services.demand.tests.integration.running import (
    Running,
    a_service,
    batches,
    furnish,
    heard,
    histories,
    start,
    watch,
)
from services.demand.tests.situations import MONDAY, a_rare_item, a_steady_item

pytestmark = pytest.mark.slow

ITEMS = [f"ITEM-{n:03}" for n in range(30)]
# so that a run is many transactions
SMALL_PARTS = {"LARREY_DEMAND_TOGETHER": "5"}


def begin(service: Running) -> str:
    """Records the items, starts a run and waits until some of it is done."""
    with service.stub() as stub:
        furnish(stub, ITEMS)
        stub.RecordConsumption(batches(histories(ITEMS)), timeout=60)
        order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=12)
        run_id = stub.StartForecastRun(order, timeout=10).run.run_id
        request = pb.WatchForecastRunRequest(run_id=run_id)
        for told in stub.WatchForecastRun(request, timeout=120):
            if told.run.series_done:
                assert told.run.series_done < len(ITEMS)
                return str(run_id)
    raise AssertionError("the run ended before it could be interrupted")


def made_times(service: Running) -> dict[str, int]:
    with service.stub() as stub:
        page = stub.ListForecasts(pb.ListForecastsRequest(page_size=1000), timeout=10)
    return {f.item_id: f.made_time.ToMicroseconds() for f in page.forecasts}


@pytest.mark.parametrize("kill", [True, False], ids=["SIGKILL", "SIGTERM"])
def test_an_interrupted_run_goes_on_and_does_nothing_twice(tmp_path: Path, kill: bool) -> None:
    with a_service(tmp_path, SMALL_PARTS) as first:
        run_id = begin(first)
        before = made_times(first)
        workers = psutil.Process(first.process.pid).children(recursive=True)
        assert first.end(kill=kill) == (-9 if kill else 0)
    assert before
    assert _all_gone(workers)
    # a simulated clock starts again with the process: a forecast made anew would show it
    time.sleep(1)
    second = start(tmp_path, SMALL_PARTS)
    try:
        with second.stub() as stub:
            last = watch(stub, run_id)[-1]
        assert (last.state, last.series, last.series_done) == (
            pb.RUN_STATE_DONE,
            len(ITEMS),
            len(ITEMS),
        )
        after = made_times(second)
        assert sorted(after) == ITEMS
        assert {item: after[item] for item in before} == before
        told = heard(second, "larrey.demand.forecast-published.v1", len(ITEMS))
        assert Counter(event.id for event in told).keys() == {
            f"forecast:{run_id}:440000008:{item}" for item in ITEMS
        }
    finally:
        second.end(kill=True)


def _all_gone(processes: list[psutil.Process]) -> bool:
    assert processes
    _, alive = psutil.wait_procs(processes, timeout=15)
    return not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def a_part(*series: Series) -> Part:
    return Part("run-1", MONDAY, 6, 3, Target.DEMAND, series)


class Deadly:
    """Ends the process that unpickles it, as running out of memory would."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


@pytest.fixture(scope="module")
def workers() -> Iterator[SpawnedWorkers]:
    made = SpawnedWorkers(2)
    yield made
    made.close()


def test_a_series_that_kills_its_worker_is_a_finding_and_the_rest_is_forecast(
    workers: SpawnedWorkers,
) -> None:
    steady = a_steady_item()
    deadly = Series(
        "DEADLY",
        "440000008",
        steady.period,
        steady.first,
        steady.values,
        item_class=Deadly(),  # type: ignore[arg-type]  # deadly on purpose
    )
    parts = [a_part(steady, deadly), a_part(steady), a_part(steady)]
    outcomes = [o for made in workers.forecast(parts, lambda: False) for o in made.outcomes]
    assert sorted((o.item_id, o.forecast is not None) for o in outcomes) == [
        ("DEADLY", False),
        ("PARACETAMOL", True),
        ("PARACETAMOL", True),
        ("PARACETAMOL", True),
    ]
    [finding] = [o.finding for o in outcomes if o.finding]
    assert finding.reason == "WORKER_DIED"


def test_workers_that_are_told_to_stop_do_so_before_the_next_chunk(
    workers: SpawnedWorkers,
) -> None:
    asked: list[None] = []

    def stopped() -> bool:
        asked.append(None)
        return len(asked) > 3

    parts = [a_part(a_steady_item())] * 50
    assert len(list(workers.forecast(parts, stopped))) < 50


ODD_HISTORIES = {
    "constant": [7.0] * 48,
    "all zero": [0.0] * 48,
    "one huge value": [10.0] * 47 + [1e9],
    "huge values": [1e9] * 48,
    "one use only": [0.0] * 47 + [5.0],
    "six months": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "one month": [3.0],
    "tiny amounts": [1e-6, 2e-6] * 24,
    "exponential growth": [float(2**n) for n in range(30)],
    "ten years of days": [5.0, 0.0, 3.0] * 1200,
}


@pytest.mark.parametrize("case", ODD_HISTORIES)
def test_an_odd_history_is_forecast_or_reported_never_a_crash(
    workers: SpawnedWorkers, case: str
) -> None:
    values = np.array(ODD_HISTORIES[case])
    steady = a_steady_item()
    odd = Series("ODD", "440000008", steady.period, steady.end - len(values), values)
    everyone = [odd, a_steady_item(), a_rare_item()]
    [made] = list(workers.forecast([a_part(*everyone)], lambda: False))
    assert sorted(o.item_id for o in made.outcomes) == ["ANTIVENOM", "ODD", "PARACETAMOL"]
    assert all(o.forecast for o in made.outcomes if o.item_id != "ODD")
    [outcome] = [o for o in made.outcomes if o.item_id == "ODD"]
    assert outcome.forecast is not None or outcome.finding is not None
    if outcome.forecast is not None:
        curves = np.array([p.quantiles for p in outcome.forecast.periods])
        assert np.isfinite(curves).all()
        assert (np.diff(curves, axis=1) >= 0).all()
        assert (curves >= 0).all()
