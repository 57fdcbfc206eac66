"""Each row of the refusal table, through real gRPC: reason, field, status, remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import grpc
import pytest
from google.type import date_pb2

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from services.demand.tests.integration.running import (
    ITEMS,
    Stub,
    local,
    row,
)
from services.demand.tests.situations import NANTES
from shared.rpc.client import refusal_of

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
    "accuracy of an unknown item": (
        lambda s: s.GetAccuracy(pb.GetAccuracyRequest(item_id="NOBODY")),
        grpc.StatusCode.NOT_FOUND,
        "ITEM_UNKNOWN",
        "item_id",
    ),
    "a lead time beyond the horizon": (
        lambda s: s.StartForecastRun(
            pb.StartForecastRunRequest(period=pb.PERIOD_MONTH, horizon=3, lead_time=4)
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "LEAD_TIME_OUT_OF_RANGE",
        "lead_time",
    ),
    "a ward without its site": (
        lambda s: s.GetTotalForecast(pb.GetTotalForecastRequest(ward_id="W1")),
        grpc.StatusCode.INVALID_ARGUMENT,
        "WARD_WITHOUT_SITE",
        "site_ids",
    ),
    "a ward nobody knows": (
        lambda s: s.GetTotalForecast(
            pb.GetTotalForecastRequest(ward_id="W-404", site_ids=[NANTES])
        ),
        grpc.StatusCode.NOT_FOUND,
        "WARD_UNKNOWN",
        "ward_id",
    ),
    "a signal's value of a day to come": (
        lambda s: s.RecordSignals(
            pb.RecordSignalsRequest(
                values=[
                    pb.SignalValue(
                        name="acts", published=date_pb2.Date(year=2031, month=1, day=1), value=1
                    )
                ]
            )
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "DAY_IN_FUTURE",
        "values[0].published",
    ),
    "a signal's value of no day of the calendar": (
        lambda s: s.RecordSignals(
            pb.RecordSignalsRequest(
                values=[
                    pb.SignalValue(
                        name="acts", published=date_pb2.Date(year=2025, month=2, day=30), value=1
                    )
                ]
            )
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "DAY_MALFORMED",
        "values[0].published",
    ),
    "a signal that takes the name of the calls": (
        lambda s: s.RecordSignals(
            pb.RecordSignalsRequest(
                values=[
                    pb.SignalValue(
                        name="calls trauma",
                        published=date_pb2.Date(year=2025, month=2, day=3),
                        value=1,
                    )
                ]
            )
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "SIGNAL_MALFORMED",
        "values[0].name",
    ),
    "a sum of what was never forecast": (
        lambda s: s.GetTotalForecast(pb.GetTotalForecastRequest(item_ids=["NEVER-USED"])),
        grpc.StatusCode.NOT_FOUND,
        "FORECAST_MISSING",
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


def test_a_batch_of_too_many_rows_is_refused_whole(stub: Stub) -> None:
    rows = [row(f"over-{n}", ITEMS[0], date(2025, 12, 1), 1) for n in range(5001)]
    with pytest.raises(grpc.RpcError) as raised:
        stub.RecordConsumption(iter([pb.RecordConsumptionRequest(movements=rows)]), timeout=10)
    refusal = refusal_of(raised.value)
    assert refusal is not None
    assert (refusal.reason, refusal.field) == ("FIELD_INVALID", "movements")


def test_a_payload_of_ten_megabytes_is_refused_and_the_service_lives_on(stub: Stub) -> None:
    huge = row("huge", ITEMS[0], date(2025, 12, 1), 1)
    huge.ward_id = "W" * 10_000_000
    with pytest.raises(grpc.RpcError) as raised:
        stub.RecordConsumption(iter([pb.RecordConsumptionRequest(movements=[huge])]), timeout=10)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.ListForecasts(pb.ListForecastsRequest(page_size=1), timeout=10).forecasts


def test_a_deadline_of_one_millisecond_gets_a_clear_end(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.ListForecasts(pb.ListForecastsRequest(page_size=1000), timeout=0.001)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
