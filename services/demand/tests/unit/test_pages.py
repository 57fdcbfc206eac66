"""A page of forecasts fits into what every gRPC client takes."""

from __future__ import annotations

from larrey.demand.v1 import demand_pb2 as pb
from services.demand.entrypoints.rpc import PAGE_BYTES, fitting
from services.demand.tests.situations import a_forecast
from services.demand.wire.forecasts import forecast_to_wire


def test_a_page_that_would_be_too_large_ends_early() -> None:
    long = forecast_to_wire(a_forecast(periods=a_forecast().periods * 130))
    page = fitting([long] * 1000)
    assert 0 < len(page) < 1000
    assert sum(forecast.ByteSize() for forecast in page) <= PAGE_BYTES


def test_a_page_that_fits_is_left_alone() -> None:
    short = [forecast_to_wire(a_forecast())] * 500
    assert fitting(short) == short
    assert fitting([]) == []


def test_one_forecast_is_shown_however_large() -> None:
    huge = pb.Forecast(method_reason="x" * (PAGE_BYTES + 1))
    assert fitting([huge, huge]) == [huge]
