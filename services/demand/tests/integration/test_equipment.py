"""Pumps over gRPC: hand-outs and returns, or intervals, become the peak in use and its fan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import numpy as np
import pytest

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.tests.integration.running import (
    Running,
    Stub,
    forecast_of,
    furnish,
    heard,
    local,
    watch,
)
from services.demand.tests.situations import MONDAY, NANTES
from shared.rpc.client import refusal_of

DAYS = 120
BUSY = 10.0


def spans() -> list[tuple[datetime, datetime]]:
    """Hand-outs at chance hours, each for two days on average: some BUSY pumps are out."""
    draws = np.random.default_rng(2)
    begin = MONDAY - timedelta(days=DAYS)
    found, now = [], 0.0
    while now < DAYS * 24:
        now += draws.exponential(48 / BUSY)
        found.append((now, now + draws.exponential(48)))
    return [
        (begin + timedelta(hours=a), begin + timedelta(hours=b)) for a, b in found if b < DAYS * 24
    ]


def use(use_id: str, item: str, start: datetime | None, end: datetime | None, unit: str) -> pb.Use:
    made = pb.Use(use_id=use_id, site_id=NANTES, item=local(item), unit_id=unit)
    if start is not None:
        made.start_time.FromDatetime(start.astimezone(UTC))
    if end is not None:
        made.end_time.FromDatetime(end.astimezone(UTC))
    return made


@pytest.fixture(scope="module")
def pumps(running_stub: Stub) -> Stub:
    """The same uses told of two types: as intervals, and as hand-outs and returns apart."""
    furnish(running_stub, ["PUMP", "PUMP-APART"])
    rows = []
    for place, (start, end) in enumerate(spans()):
        unit = f"P{place}"
        rows.append(use(f"whole/{place}", "PUMP", start, end, ""))
        rows.append(use(f"out/{place}", "PUMP-APART", start, None, unit))
        rows.append(use(f"back/{place}", "PUMP-APART", None, end, unit))
    answer = running_stub.RecordUses(iter([pb.RecordUsesRequest(uses=rows)]), timeout=30)
    assert (answer.accepted, answer.refused) == (len(rows), 0)
    order = pb.StartForecastRunRequest(
        period=pb.PERIOD_DAY, horizon=7, item_ids=["PUMP", "PUMP-APART"], lead_time=3
    )
    run = watch(running_stub, running_stub.StartForecastRun(order, timeout=10).run.run_id)[-1]
    assert (run.state, run.series) == (pb.RUN_STATE_DONE, 2)
    assert not [finding for finding in run.findings if finding.id]
    return running_stub


def true_peaks() -> list[int]:
    """By the hour, the obvious way, once the pumps have filled up."""
    begin = MONDAY - timedelta(days=DAYS)
    hours = [begin + timedelta(hours=h) for h in range(240, DAYS * 24 - 96)]
    out = [sum(a <= h < b for a, b in spans()) for h in hours]
    return [max(out[k : k + 24]) for k in range(0, len(out) - 24, 24)]


def test_the_peak_in_use_is_forecast_with_its_upper_quantile(pumps: Stub) -> None:
    made = forecast_of(pumps, "PUMP")
    assert made.measure == pb.MEASURE_PEAK_IN_USE
    truth = true_peaks()
    assert made.periods[3].mean == pytest.approx(np.mean(truth), rel=0.35)
    upper = made.periods[3].quantiles[list(made.levels).index(0.95)]
    assert np.mean(truth) < upper < 2.5 * max(truth)
    assert upper == round(upper)


def test_hand_outs_and_returns_give_the_same_forecast_as_intervals(pumps: Stub) -> None:
    whole, apart = forecast_of(pumps, "PUMP"), forecast_of(pumps, "PUMP-APART")
    assert [p.mean for p in apart.periods] == pytest.approx([p.mean for p in whole.periods])


def test_peaks_have_no_sum_over_the_lead_time_and_are_in_no_total(pumps: Stub) -> None:
    assert forecast_of(pumps, "PUMP").lead_time == 0
    with pytest.raises(grpc.RpcError) as raised:
        pumps.GetTotalForecast(pb.GetTotalForecastRequest(item_ids=["PUMP"]), timeout=10)
    refusal = refusal_of(raised.value)
    assert refusal is not None
    assert refusal.reason == "FORECAST_MISSING"


def test_peaks_are_told_to_no_topic(running: Running, pumps: Stub) -> None:
    assert forecast_of(pumps, "PUMP").periods
    told = heard(running, "larrey.demand.forecast-published.v1", 20)
    assert not [event for event in told if event.key.startswith("PUMP")]


def test_one_type_is_forecast_while_its_caller_waits(pumps: Stub) -> None:
    request = pb.ForecastItemRequest(
        item=local("PUMP"), site_id=NANTES, period=pb.PERIOD_DAY, horizon=7, fresh=True
    )
    made = pumps.ForecastItem(request, timeout=30).forecast
    assert made.measure == pb.MEASURE_PEAK_IN_USE
    stored = forecast_of(pumps, "PUMP")
    assert made.periods[0].mean == pytest.approx(stored.periods[0].mean, rel=0.3)


def test_a_use_that_cannot_be_right_is_refused_with_its_field(stub: Stub) -> None:
    backwards = use("bad/1", "PUMP", MONDAY, MONDAY - timedelta(hours=1), "")
    nothing = use("bad/2", "PUMP", None, None, "P1")
    nameless = use("bad/3", "PUMP", None, MONDAY, "")
    request = pb.RecordUsesRequest(uses=[backwards, nothing, nameless])
    answer = stub.RecordUses(iter([request]), timeout=10)
    assert answer.refused == 3
    assert [(one.reason, one.field) for one in answer.refusals] == [
        ("USE_BACKWARDS", "uses[0].end_time"),
        ("FIELD_MISSING", "uses[1].start_time"),
        ("FIELD_MISSING", "uses[2].unit_id"),
    ]
