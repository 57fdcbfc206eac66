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
    watch,
)
from services.demand.tests.situations import MONDAY, a_rare_item, a_steady_item

pytestmark = pytest.mark.slow

ITEMS = [f"ITEM-{n:02d}" for n in range(14)]
# so that a run is several transactions, one after the other
SMALL_PARTS = {"LARREY_DEMAND_TOGETHER": "2", "LARREY_DEMAND_WORKERS": "1"}


def begin(service: Running) -> str:
    """Records the items and starts a run."""
    with service.stub() as stub:
        furnish(stub, ITEMS)
        stub.RecordConsumption(batches(histories(ITEMS, 30)), timeout=60)
        order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=3)
        return str(stub.StartForecastRun(order, timeout=10).run.run_id)


def more_is_done(service: Running, run_id: str, than: int) -> None:
    """Waits until more series of the run are done than so many, and it goes on."""
    request = pb.WatchForecastRunRequest(run_id=run_id)
    with service.stub() as stub:
        for told in stub.WatchForecastRun(request, timeout=120):
            if told.run.series_done > than:
                assert told.run.series_done < len(ITEMS)
                return
    raise AssertionError("the run ended before it could be interrupted")


def made_times(service: Running) -> dict[str, int]:
    with service.stub() as stub:
        page = stub.ListForecasts(pb.ListForecastsRequest(page_size=1000), timeout=10)
    return {f.item_id: f.made_time.ToMicroseconds() for f in page.forecasts}


def test_a_run_that_is_interrupted_twice_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    """By SIGKILL, then by SIGTERM."""
    run_id, before = "", dict[str, int]()
    for kill, code in ((True, -9), (False, 0)):
        with a_service(tmp_path, SMALL_PARTS) as service:
            run_id = run_id or begin(service)
            more_is_done(service, run_id, len(before))
            after = made_times(service)
            assert {item: after[item] for item in before} == before
            assert len(after) > len(before)
            before = after
            working = psutil.Process(service.process.pid).children(recursive=True)
            assert service.end(kill=kill) == code
        assert _all_gone(working)
        # a simulated clock starts again with the process: a forecast made anew would show it
        time.sleep(1)
    with a_service(tmp_path, SMALL_PARTS) as last:
        with last.stub() as stub:
            run = watch(stub, run_id)[-1]
        assert (run.state, run.series, run.series_done) == (
            pb.RUN_STATE_DONE,
            len(ITEMS),
            len(ITEMS),
        )
        after = made_times(last)
        assert sorted(after) == ITEMS
        assert {item: after[item] for item in before} == before
        told = heard(last, "larrey.demand.forecast-published.v1", len(ITEMS))
        assert Counter(event.id for event in told).keys() == {
            f"forecast:{run_id}:440000008:{item}" for item in ITEMS
        }


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


def odd(case: str) -> Series:
    steady, values = a_steady_item(), np.array(ODD_HISTORIES[case])
    return Series(case, "440000008", steady.period, steady.end - len(values), values)


def test_odd_histories_are_forecast_or_reported_never_a_crash(workers: SpawnedWorkers) -> None:
    everyone = [*map(odd, ODD_HISTORIES), a_steady_item(), a_rare_item()]
    [made] = list(workers.forecast([a_part(*everyone)], lambda: False))
    assert sorted(o.item_id for o in made.outcomes) == sorted(one.item_id for one in everyone)
    for outcome in made.outcomes:
        assert outcome.forecast is not None or outcome.finding is not None
        assert outcome.forecast is not None or outcome.item_id in ODD_HISTORIES
        if outcome.forecast is not None:
            curves = np.array([p.quantiles for p in outcome.forecast.periods])
            assert np.isfinite(curves).all()
            assert (np.diff(curves, axis=1) >= 0).all()
            assert (curves >= 0).all()
