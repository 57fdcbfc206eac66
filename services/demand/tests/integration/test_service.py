"""The whole way through real gRPC: movements in, a run, forecasts and events out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc, events_pb2
from larrey.orientation.v1 import events_pb2 as orientation
from larrey.replenishment.v1 import events_pb2 as replenishment
from services.demand.tests.integration.running import (
    Running,
    a_service,
    batches,
    furnish,
    histories,
    item,
    local,
    row,
    watch,
)
from services.demand.tests.situations import MONDAY, NANTES
from shared.clock import FixedClock
from shared.events import decode, event_of, open_log
from shared.events.event import Event
from shared.rpc.client import refusal_of

ITEMS = [f"ITEM-{n:02}" for n in range(20)]
Stub = demand_pb2_grpc.DemandServiceStub


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that has recorded 20 items' histories and forecast them."""
    with a_service(tmp_path_factory.mktemp("demand")) as service, service.stub() as stub:
        furnish(stub, [*ITEMS, "NEVER-USED"])
        answer = stub.RecordConsumption(batches(histories(ITEMS)), timeout=60)
        assert answer.refused == 0
        order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=6, request_key="first")
        told = watch(stub, stub.StartForecastRun(order, timeout=10).run.run_id)
        assert told[-1].state == pb.RUN_STATE_DONE
        yield service


@pytest.fixture
def stub(running: Running) -> Iterator[Stub]:
    with running.stub() as link:
        yield link


def forecast_of(stub: Stub, item_id: str) -> pb.Forecast:
    request = pb.GetForecastRequest(item=local(item_id), site_id=NANTES)
    return stub.GetForecast(request, timeout=10).forecast


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
    assert forecast_of(stub, ITEMS[0]).method == "AutoETS + DynamicOptimizedTheta"
    assert forecast_of(stub, ITEMS[9]).method == "TSB + IMAPA, pooled errors"


def test_each_forecast_was_told_once_and_as_it_is_read(running: Running, stub: Stub) -> None:
    told = [
        decode(event, events_pb2.ForecastPublished)
        for event in heard(running, "larrey.demand.forecast-published.v1", len(ITEMS))
    ]
    assert sorted(fact.item_id for fact in told) == ITEMS
    for fact in told:
        read = forecast_of(stub, fact.item_id)
        read.ClearField("outlook")
        assert fact.forecast == read


def heard(running: Running, topic: str, at_least: int) -> list[Event]:
    """Every event of a topic, once there are enough of them."""
    log = open_log(running.events, client_id="test")
    listener = log.subscribe("test", [topic])
    found: list[Event] = []
    until = time.monotonic() + 20
    while len(found) < at_least and time.monotonic() < until:
        found.extend(delivery.event for delivery in listener.poll(0.2, 1000))
    listener.close()
    log.close()
    return found


def tell(running: Running, *facts: Any) -> None:
    log = open_log(running.events, client_id="test")
    log.publish([event_of(fact, clock=FixedClock(MONDAY)) for fact in facts])
    log.close()


def eventually(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.1)
    return False


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
    assert [f.item_id for f in found] == ITEMS
    assert found[3] == forecast_of(stub, found[3].item_id)


def test_the_same_key_gives_the_finished_run_again(stub: Stub) -> None:
    order = pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=6, request_key="first")
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


REFUSALS: dict[str, tuple[Callable[[Stub], Any], grpc.StatusCode, str, str]] = {
    "a forecast of an unknown item": (
        lambda s: s.GetForecast(pb.GetForecastRequest(item=local("NOBODY"), site_id=NANTES)),
        grpc.StatusCode.NOT_FOUND,
        "ITEM_UNKNOWN",
        "item.code",
    ),
    "a forecast at an unknown site": (
        lambda s: s.GetForecast(pb.GetForecastRequest(item=local(ITEMS[0]), site_id="490000007")),
        grpc.StatusCode.NOT_FOUND,
        "SITE_UNKNOWN",
        "site_id",
    ),
    "a forecast by a mistyped code": (
        lambda s: s.GetForecast(
            pb.GetForecastRequest(
                item=catalogue.ItemCode(system=catalogue.CODE_SYSTEM_CIP13, code="3400930000077"),
                site_id=NANTES,
            )
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "CHECK_DIGIT_WRONG",
        "item.code",
    ),
    "a forecast that was never made": (
        lambda s: s.GetForecast(pb.GetForecastRequest(item=local("NEVER-USED"), site_id=NANTES)),
        grpc.StatusCode.NOT_FOUND,
        "FORECAST_MISSING",
        "",
    ),
    "a forecast without an item": (
        lambda s: s.GetForecast(pb.GetForecastRequest(site_id=NANTES)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "item",
    ),
    "a run nobody started": (
        lambda s: s.GetForecastRun(pb.GetForecastRunRequest(run_id="run-404")),
        grpc.StatusCode.NOT_FOUND,
        "RUN_MISSING",
        "run_id",
    ),
    "watching a run nobody started": (
        lambda s: list(s.WatchForecastRun(pb.WatchForecastRunRequest(run_id="run-404"))),
        grpc.StatusCode.NOT_FOUND,
        "RUN_MISSING",
        "run_id",
    ),
    "a run of no period": (
        lambda s: s.StartForecastRun(pb.StartForecastRunRequest(horizon=3)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        "period",
    ),
    "a run of an unknown site": (
        lambda s: s.StartForecastRun(
            pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=3, site_ids=["490000007"])
        ),
        grpc.StatusCode.NOT_FOUND,
        "SITE_UNKNOWN",
        "site_ids[0]",
    ),
    "a key used for another question": (
        lambda s: s.StartForecastRun(
            pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=99, request_key="first")
        ),
        grpc.StatusCode.FAILED_PRECONDITION,
        "REQUEST_KEY_TAKEN",
        "request_key",
    ),
    "a page token of our own making": (
        lambda s: s.ListForecasts(pb.ListForecastsRequest(page_token="next")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "PAGE_TOKEN_BAD",
        "page_token",
    ),
    "a site with a wrong key": (
        lambda s: s.PutSites(pb.PutSitesRequest(sites=[catalogue.Site(site_id="440000009")])),
        grpc.StatusCode.INVALID_ARGUMENT,
        "FINESS_KEY_WRONG",
        "sites[0].site_id",
    ),
    "a code that names another item": (
        lambda s: s.PutItems(
            pb.PutItemsRequest(
                items=[
                    catalogue.Item(
                        item_id="THIEF",
                        codes=[local(ITEMS[0])],
                        base_unit="tablet",
                        base_per_dispensing_unit=1,
                        dispensing_units_per_pack=1,
                    )
                ]
            )
        ),
        grpc.StatusCode.FAILED_PRECONDITION,
        "CODE_TAKEN",
        "items[0].codes",
    ),
    "accuracy, in this version": (
        lambda s: s.GetAccuracy(pb.GetAccuracyRequest()),
        grpc.StatusCode.UNIMPLEMENTED,
        "NOT_IN_THIS_VERSION",
        "",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_what_where_and_the_remedy(stub: Stub, case: str) -> None:
    call, code, reason, field = REFUSALS[case]
    with pytest.raises(grpc.RpcError) as raised:
        call(stub)
    refusal = refusal_of(raised.value)
    assert raised.value.code() is code
    assert refusal is not None
    assert (refusal.reason, refusal.field) == (reason, field)
    assert "." in refusal.message


def test_calls_are_counted_once_and_move_when_their_group_changes(
    running: Running, stub: Stub
) -> None:
    def case(key: str, group: str, minute: int, previous: str = "") -> orientation.CaseOriented:
        fact = orientation.CaseOriented(case_key=key, syndrome_group=group, previous_group=previous)
        fact.oriented_time.FromDatetime(MONDAY + timedelta(minutes=minute))
        return fact

    many = [case(f"case-{n}", "respiratory", 0) for n in range(30)]
    moved = case("case-0", "cardiac", 5, "respiratory")
    poison = case("poison", "No Such Group", 1)
    tell(running, *many, many[0], poison, moved, moved)

    def counts() -> dict[str, int]:
        signals = stub.ListSignals(pb.ListSignalsRequest(days=1), timeout=10).signals
        return {signal.syndrome_group: signal.calls for signal in signals}

    assert eventually(lambda: counts() == {"respiratory": 29, "cardiac": 1})
    [dead] = heard(running, "larrey.orientation.case-oriented.v1.dead", 1)
    assert dead.headers["reason"] == "SIGNAL_MALFORMED"
    outlook = forecast_of(stub, ITEMS[0]).outlook
    assert (outlook.item_class, outlook.calls, outlook.usual_calls) == ("infection", 29, 7)
    assert outlook.factor > 1
    assert outlook.first_mean > forecast_of(stub, ITEMS[0]).periods[0].mean


def test_items_and_sites_told_by_replenishment_can_be_used(running: Running, stub: Stub) -> None:
    tell(
        running,
        replenishment.SitePut(site_id="490000007", site=catalogue.Site(site_id="490000007")),
        replenishment.ItemPut(item_id="TOLD", item=item("TOLD")),
    )

    def known() -> bool:
        told = row("told-1", "TOLD", date(2025, 12, 1), 1)
        told.site_id = "490000007"
        answer = stub.RecordConsumption(iter([pb.RecordConsumptionRequest(movements=[told])]))
        return bool(answer.accepted + answer.duplicate)

    assert eventually(known)


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
