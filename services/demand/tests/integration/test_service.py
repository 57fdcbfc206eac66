"""The whole way through real gRPC: movements in, a run, forecasts and events out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import events_pb2
from services.demand.tests.integration.running import (
    ITEMS,
    Running,
    Stub,
    a_service,
    batches,
    forecast_of,
    heard,
    histories,
    row,
    watch,
)
from services.demand.tests.situations import MONDAY
from shared.events import decode
from shared.rpc.client import refusal_of


def test_every_series_is_forecast_with_quantiles_that_never_cross(stub: Stub) -> None:
    for item_id in ITEMS:
        forecast = forecast_of(stub, item_id)
        assert len(forecast.periods) == 6
        assert (forecast.periods[0].start.year, forecast.periods[0].start.month) == (2026, 1)
        for period in forecast.periods:
            assert len(period.quantiles) == len(forecast.levels) == 18
            assert period.quantiles[0] >= 0
            assert list(period.quantiles) == sorted(period.quantiles)


def test_regular_and_rare_items_get_methods_of_their_own(stub: Stub) -> None:
    steady = forecast_of(stub, ITEMS[0])
    assert steady.method == "panel of Gaussian processes"
    assert steady.demand_class == pb.DEMAND_CLASS_SMOOTH
    rare = forecast_of(stub, ITEMS[9])
    assert rare.demand_class in (pb.DEMAND_CLASS_INTERMITTENT, pb.DEMAND_CLASS_LUMPY)
    for forecast in (steady, rare):
        assert "origin" in forecast.method_reason or "Too few" in forecast.method_reason
    assert any(loss.relative_loss == 1.0 for loss in steady.backtest)


def test_the_parts_of_a_mean_are_told_and_add_up(stub: Stub) -> None:
    forecast = forecast_of(stub, ITEMS[0])
    assert {"level", "season"} <= {driver.name for driver in forecast.drivers}
    for place, period in enumerate(forecast.periods):
        total = sum(driver.amounts[place] for driver in forecast.drivers)
        assert total == pytest.approx(period.mean)


def test_the_sum_over_the_lead_time_has_quantiles_of_its_own(stub: Stub) -> None:
    forecast = forecast_of(stub, ITEMS[0])
    assert (forecast.lead_time, forecast.target) == (3, pb.TARGET_DEMAND)
    high = list(forecast.levels).index(0.95)
    sums = list(forecast.lead_sum_quantiles)
    assert sums == sorted(sums)
    assert forecast.lead_sum_mean < sums[high]
    assert sums[high] < sum(p.quantiles[high] for p in forecast.periods[:3])


def test_the_service_itself_reads_no_history_and_learns_nothing_while_a_run_goes_on(
    running: Running,
) -> None:
    """What a run holds, its own process holds: the service's memory knows nothing of it."""
    assert "grpc" in running.loaded_after_run
    assert not running.loaded_after_run & {"pyarrow", "duckdb", "pandas", "scipy", "lightgbm"}


def test_whole_units_are_forecast_in_whole_quantiles(stub: Stub) -> None:
    forecast = forecast_of(stub, ITEMS[0])
    assert all(q == round(q) for period in forecast.periods for q in period.quantiles)


def test_the_sum_of_two_items_is_the_sum_of_their_means(stub: Stub) -> None:
    request = pb.GetTotalForecastRequest(item_ids=ITEMS[:2])
    total = stub.GetTotalForecast(request, timeout=10).total
    parts = [forecast_of(stub, item_id) for item_id in ITEMS[:2]]
    assert (total.series, total.left_out, total.base_unit) == (2, 0, "tablet")
    for place, period in enumerate(total.periods):
        assert period.mean == pytest.approx(sum(f.periods[place].mean for f in parts))
        assert list(period.quantiles) == sorted(period.quantiles)
    assert stub.GetTotalForecast(request, timeout=10).total == total
    assert total.lead_time == 3
    assert len(total.lead_sum_quantiles) == len(total.levels)
    assert not total.lead_missing


def test_nothing_has_come_true_yet_and_no_figure_is_made_up(stub: Stub) -> None:
    assert stub.GetAccuracy(pb.GetAccuracyRequest(), timeout=10) == pb.GetAccuracyResponse()


def test_each_forecast_was_told_once_and_as_it_is_read(running: Running, stub: Stub) -> None:
    heard_all = [
        decode(event, events_pb2.ForecastPublished)
        for event in heard(running, "larrey.demand.forecast-published.v1", len(ITEMS))
    ]
    # other tests of the folder may have had other items forecast before
    told = [fact for fact in heard_all if fact.item_id in ITEMS]
    assert sorted(fact.item_id for fact in told) == ITEMS
    for fact in told:
        read = forecast_of(stub, fact.item_id)
        read.ClearField("outlook")
        assert fact.forecast == read


def test_the_list_shows_the_same_as_the_detail_page_by_page(stub: Stub) -> None:
    found: list[pb.Forecast] = []
    token = ""
    while True:
        request = pb.ListForecastsRequest(page_size=7, page_token=token)
        page = stub.ListForecasts(request, timeout=10)
        found.extend(page.forecasts)
        token = page.next_page_token
        if not token:
            break
    shown = [f.item_id for f in found]
    assert shown == sorted(set(shown))
    assert set(ITEMS) <= set(shown)
    third = found[shown.index(ITEMS[3])]
    assert third == forecast_of(stub, ITEMS[3])


def test_the_same_key_gives_the_finished_run_again(stub: Stub) -> None:
    order = pb.StartForecastRunRequest(
        period=pb.PERIOD_MONTH, horizon=6, request_key="first", lead_time=3
    )
    again = stub.StartForecastRun(order, timeout=10).run
    assert again.state == pb.RUN_STATE_DONE
    assert (
        again == stub.GetForecastRun(pb.GetForecastRunRequest(run_id=again.run_id), timeout=10).run
    )
    assert [run.state for run in watch(stub, again.run_id)] == [pb.RUN_STATE_DONE]


def test_sending_all_movements_again_adds_nothing(stub: Stub) -> None:
    answer = stub.RecordConsumption(batches(histories(ITEMS)), timeout=60)
    assert (answer.accepted, answer.refused) == (0, 0)
    assert answer.duplicate == len(histories(ITEMS))


def test_good_rows_are_kept_when_others_are_refused(stub: Stub) -> None:
    day = date(2025, 12, 30)
    rows = [
        row("mixed-0", ITEMS[0], day, 1),
        row("mixed-1", "NOBODY", day, 1),
        row("mixed-2", ITEMS[0], day, -1),
        row("mixed-3", ITEMS[0], date(2026, 3, 1), 1),
        row(f"{ITEMS[0]}/2025-12-01", ITEMS[0], day, 999),
        row("mixed-5", ITEMS[0], day, 1),
    ]
    answer = stub.RecordConsumption(batches(rows, size=2), timeout=10)
    assert (answer.accepted, answer.duplicate, answer.refused) == (2, 0, 4)
    assert [(r.row, r.reason, r.field) for r in answer.refusals] == [
        (1, "ITEM_UNKNOWN", "movements[1].item.code"),
        (2, "QUANTITY_MALFORMED", "movements[2].quantity.amount"),
        (3, "MOVEMENT_IN_FUTURE", "movements[3].occurred_time"),
        (4, "MOVEMENT_CONFLICT", "movements[4].movement_id"),
    ]


def test_only_the_first_thousand_refusals_are_told_but_all_are_counted(stub: Stub) -> None:
    rows = [row(f"many-{n}", "NOBODY", date(2025, 12, 1), 1) for n in range(1500)]
    answer = stub.RecordConsumption(batches(rows), timeout=30)
    assert (answer.refused, len(answer.refusals)) == (1500, 1000)


def test_what_was_stored_before_a_stream_was_cut_stays(stub: Stub) -> None:
    rows = [row(f"cut-{n}", ITEMS[1], date(2025, 12, 20), 1) for n in range(400)]

    def cut_half_way() -> Iterator[pb.RecordConsumptionRequest]:
        for place, batch in enumerate(batches(rows, size=50)):
            if place == 6:
                time.sleep(0.5)
                call.cancel()
                return
            yield batch

    call = stub.RecordConsumption.future(cut_half_way())
    with pytest.raises(grpc.FutureCancelledError):
        call.result(timeout=30)
    answer = stub.RecordConsumption(batches(rows, size=50), timeout=30)
    assert answer.refused == 0
    assert answer.duplicate >= 50
    assert answer.duplicate % 50 == 0
    assert answer.accepted + answer.duplicate == 400


def test_the_metrics_tell_movements_runs_and_the_age_of_the_newest_forecast(
    running: Running,
) -> None:
    page = running.metrics()
    assert 'larrey_demand_movements_total{outcome="accepted"}' in page
    assert 'larrey_demand_runs_total{state="done"}' in page
    assert 'larrey_demand_series_total{outcome="forecast"}' in page
    [age] = [line for line in page.splitlines() if line.startswith("larrey_demand_newest")]
    assert 0 < float(age.split()[1]) < 600


def test_nothing_was_recorded_means_nothing_to_forecast(tmp_path: Any) -> None:
    with a_service(tmp_path) as fresh, fresh.stub() as stub:
        with pytest.raises(grpc.RpcError) as raised:
            stub.StartForecastRun(
                pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=1), timeout=10
            )
        refusal = refusal_of(raised.value)
        assert refusal is not None
        assert refusal.reason == "NO_HISTORY"
        assert fresh.end(kill=False) == 0


def test_the_clock_of_the_service_is_the_simulated_one(stub: Stub) -> None:
    made = forecast_of(stub, ITEMS[0]).made_time.ToDatetime(UTC)
    assert timedelta() <= made - MONDAY < timedelta(hours=1)
    assert made < datetime.now(UTC)
