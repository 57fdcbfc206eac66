"""The RPCs of DemandService: translate, ask a use case, translate back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from services.demand.entrypoints.ingest import REFUSALS_SHOWN, Ingest
from services.demand.use_cases.accuracy import ReadAccuracy
from services.demand.use_cases.catalogue import PutItems, PutSites
from services.demand.use_cases.forecast_item import ForecastItem, ItemQuestion
from services.demand.use_cases.read import ListForecasts, ReadForecast
from services.demand.use_cases.runs import Question, ReadRun, StartRun
from services.demand.use_cases.shelf import RecordShelf
from services.demand.use_cases.signals import ListSignals, RecordSignals
from services.demand.use_cases.totals import ReadTotal, TotalQuestion
from services.demand.use_cases.uses import RecordUses
from services.demand.wire.accuracy import accuracy_to_wire, total_to_wire
from services.demand.wire.forecasts import forecast_to_wire, period_from_wire, target_from_wire
from services.demand.wire.movements import refusal_to_wire
from services.demand.wire.runs import (
    after_token,
    reported_from_wire,
    run_to_wire,
    signal_to_wire,
    token_of,
)
from services.demand.wire.shelf import read_shelf_days
from services.demand.wire.uses import read_uses
from shared.catalogue.wire import code_from_wire, item_from_wire, site_from_wire
from shared.rpc.threads import in_thread

LOOK_SECONDS = 0.2
TELL_SECONDS = 1.0
# Clients of gRPC take 4 MiB unless they ask for more: a page ends before that.
PAGE_BYTES = 3 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the RPCs ask."""

    put_items: PutItems
    put_sites: PutSites
    ingest: Ingest
    start_run: StartRun
    read_run: ReadRun
    read_forecast: ReadForecast
    list_forecasts: ListForecasts
    list_signals: ListSignals
    record_signals: RecordSignals
    record_uses: RecordUses
    forecast_item: ForecastItem
    record_shelf: RecordShelf
    read_accuracy: ReadAccuracy
    read_total: ReadTotal


class DemandRpc(demand_pb2_grpc.DemandServiceServicer):
    def __init__(self, ask: UseCases) -> None:
        self._ask = ask

    async def PutItems(self, request: pb.PutItemsRequest, _context: Any) -> pb.PutItemsResponse:
        items = [item_from_wire(item, f"items[{i}]") for i, item in enumerate(request.items)]
        return pb.PutItemsResponse(stored=await in_thread(self._ask.put_items, items))

    async def PutSites(self, request: pb.PutSitesRequest, _context: Any) -> pb.PutSitesResponse:
        sites = [site_from_wire(site, f"sites[{i}]") for i, site in enumerate(request.sites)]
        return pb.PutSitesResponse(stored=await in_thread(self._ask.put_sites, sites))

    async def RecordConsumption(
        self, requests: AsyncIterator[pb.RecordConsumptionRequest], _context: Any
    ) -> pb.RecordConsumptionResponse:
        return await self._ask.ingest.stream(requests)

    async def StartForecastRun(
        self, request: pb.StartForecastRunRequest, _context: Any
    ) -> pb.StartForecastRunResponse:
        run = await in_thread(
            self._ask.start_run,
            Question(
                None if request.period == pb.PERIOD_AUTO else period_from_wire(request.period),
                request.horizon,
                tuple(request.site_ids),
                tuple(request.item_ids),
                request.lead_time,
                target_from_wire(request.target),
                request.update_only,
            ),
            request.request_key,
        )
        return pb.StartForecastRunResponse(run=run_to_wire(run))

    async def GetForecastRun(
        self, request: pb.GetForecastRunRequest, _context: Any
    ) -> pb.GetForecastRunResponse:
        run = await in_thread(self._ask.read_run, request.run_id)
        return pb.GetForecastRunResponse(run=run_to_wire(run))

    async def WatchForecastRun(
        self, request: pb.WatchForecastRunRequest, _context: Any
    ) -> AsyncIterator[pb.WatchForecastRunResponse]:
        """Tells every change, and at least once a second that nothing changed."""
        told, told_at = None, 0.0
        while True:
            run = await in_thread(self._ask.read_run, request.run_id)
            if run != told or time.monotonic() - told_at >= TELL_SECONDS:
                told, told_at = run, time.monotonic()
                yield pb.WatchForecastRunResponse(run=run_to_wire(run))
            if run.state.ended:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def GetForecast(
        self, request: pb.GetForecastRequest, _context: Any
    ) -> pb.GetForecastResponse:
        code = code_from_wire(request.item)
        forecast = await in_thread(self._ask.read_forecast, code, request.site_id)
        return pb.GetForecastResponse(forecast=forecast_to_wire(forecast))

    async def ListForecasts(
        self, request: pb.ListForecastsRequest, _context: Any
    ) -> pb.ListForecastsResponse:
        after = after_token(request.page_token, request.site_id)
        forecasts, more = await in_thread(
            self._ask.list_forecasts, request.site_id, after, request.page_size
        )
        page = fitting([forecast_to_wire(forecast) for forecast in forecasts])
        last, token = forecasts[len(page) - 1] if page else None, ""
        if last is not None and (more or len(page) < len(forecasts)):
            token = token_of(request.site_id, (last.site_id, last.item_id))
        return pb.ListForecastsResponse(forecasts=page, next_page_token=token)

    async def RecordStock(
        self, requests: AsyncIterator[pb.RecordStockRequest], _context: Any
    ) -> pb.RecordStockResponse:
        answer = pb.RecordStockResponse()
        row = 0
        async for request in requests:
            rows, refused = read_shelf_days(request.days, row)
            row += len(request.days)
            accepted, judged = await in_thread(self._ask.record_shelf, rows)
            everyone = sorted((*refused, *judged), key=lambda one: one.row)
            answer.accepted += accepted
            answer.refused += len(everyone)
            room = REFUSALS_SHOWN - len(answer.refusals)
            answer.refusals.extend(refusal_to_wire(one, "days") for one in everyone[:room])
        return answer

    async def RecordUses(
        self, requests: AsyncIterator[pb.RecordUsesRequest], _context: Any
    ) -> pb.RecordUsesResponse:
        answer = pb.RecordUsesResponse()
        row = 0
        async for request in requests:
            rows, refused = read_uses(request.uses, row)
            row += len(request.uses)
            accepted, judged = await in_thread(self._ask.record_uses, rows)
            everyone = sorted((*refused, *judged), key=lambda one: one.row)
            answer.accepted += accepted
            answer.refused += len(everyone)
            room = REFUSALS_SHOWN - len(answer.refusals)
            answer.refusals.extend(refusal_to_wire(one, "uses") for one in everyone[:room])
        return answer

    async def GetTotalForecast(
        self, request: pb.GetTotalForecastRequest, _context: Any
    ) -> pb.GetTotalForecastResponse:
        question = TotalQuestion(
            tuple(request.site_ids),
            tuple(request.item_ids),
            request.item_class,
            period_from_wire(request.period) if request.period else None,
            request.ward_id,
        )
        total = await in_thread(self._ask.read_total, question)
        return pb.GetTotalForecastResponse(total=total_to_wire(total))

    async def GetAccuracy(
        self, request: pb.GetAccuracyRequest, _context: Any
    ) -> pb.GetAccuracyResponse:
        whole, parts = await in_thread(self._ask.read_accuracy, request.site_id, request.item_id)
        return accuracy_to_wire(whole, parts)

    async def ForecastItem(
        self, request: pb.ForecastItemRequest, _context: Any
    ) -> pb.ForecastItemResponse:
        question = ItemQuestion(
            None if request.period == pb.PERIOD_AUTO else period_from_wire(request.period),
            request.horizon,
            request.lead_time,
            target_from_wire(request.target),
            request.fresh,
        )
        code = code_from_wire(request.item)
        made = await in_thread(self._ask.forecast_item, code, request.site_id, question)
        return pb.ForecastItemResponse(
            forecast=forecast_to_wire(made.forecast),
            moved=made.moved,
            cpu_ms=1000 * made.cpu_seconds,
        )

    async def RecordSignals(
        self, request: pb.RecordSignalsRequest, _context: Any
    ) -> pb.RecordSignalsResponse:
        values = reported_from_wire(request.values)
        return pb.RecordSignalsResponse(stored=await in_thread(self._ask.record_signals, values))

    async def ListSignals(
        self, request: pb.ListSignalsRequest, _context: Any
    ) -> pb.ListSignalsResponse:
        signals = await in_thread(self._ask.list_signals, request.days)
        return pb.ListSignalsResponse(signals=[signal_to_wire(signal) for signal in signals])


def fitting(forecasts: list[pb.Forecast]) -> list[pb.Forecast]:
    """As many of the forecasts as fit, at least one."""
    total = 0
    for place, forecast in enumerate(forecasts):
        total += forecast.ByteSize()
        if place and total > PAGE_BYTES:
            return forecasts[:place]
    return forecasts
