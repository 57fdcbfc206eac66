"""The gRPC door: translate, ask a use case, translate back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from larrey.orientation.v1 import orientation_pb2 as pb
from larrey.orientation.v1 import orientation_pb2_grpc
from services.orientation.entrypoints.answering import Call
from services.orientation.entrypoints.board import watch
from services.orientation.entrypoints.grouping import Grouping
from services.orientation.entrypoints.stream import CaseStream, StreamLimits
from services.orientation.ports import BoardReader
from services.orientation.use_cases.capacity import Report, ReportCapacity, Tally
from services.orientation.use_cases.decide import Decided, ExportDecision, RecordDecision
from services.orientation.use_cases.distribute import Distribute
from services.orientation.use_cases.modes import SetSuggestions
from services.orientation.use_cases.score import ScoreCase
from services.orientation.use_cases.vehicles import Heard, ReportResources
from services.orientation.wire.answers import MODES, finding_to_wire
from services.orientation.wire.distribution import distribution_to_wire, wanted_from_wire
from services.orientation.wire.facilities import beds_from_wire, limits_from_wire
from services.orientation.wire.times import from_stamp
from shared.errors import Refusal
from shared.rpc import in_thread, refusal_row, validate
from shared.tracing import traceparent

Context = grpc.aio.ServicerContext[Any, Any]
BOARD_EVERY_S = 0.5  # between two looks at whether the board changed
MOST_REFUSALS = 1000  # told row by row; beyond, only counted


@dataclass(frozen=True, slots=True)
class UseCases:
    score: ScoreCase
    decide: RecordDecision
    export: ExportDecision
    capacity: ReportCapacity
    resources: ReportResources
    modes: SetSuggestions
    board: BoardReader
    distribute: Distribute


class Answerer(Protocol):
    """Answers groups of calls, here or in a process of its own."""

    def prepare(self, calls: Sequence[Call]) -> Any: ...

    def finish(self, made: Any) -> Sequence[bytes | Refusal]: ...

    def late(self, request: pb.ScoreCaseRequest) -> bytes: ...


class OrientationRpc(orientation_pb2_grpc.OrientationServiceServicer):
    """One method an RPC; refusals are raised and become statuses outside."""

    def __init__(self, use_cases: UseCases, answerer: Answerer, limits: StreamLimits) -> None:
        self._use, self._limits, self._answerer = use_cases, limits, answerer
        self._grouped: Grouping[Call, Any, bytes] = Grouping(answerer.prepare, answerer.finish)

    def _submit(self, request: pb.ScoreCaseRequest) -> asyncio.Future[bytes]:
        return self._grouped.submit(Call(request, traceparent.get()))

    async def ScoreCase(  # type: ignore[override]  # its answer is serialised already
        self, request: pb.ScoreCaseRequest, _: Context
    ) -> bytes:
        return await self._submit(request)

    async def StreamCases(  # type: ignore[override]  # its answers are serialised already
        self, request_iterator: AsyncIterator[pb.StreamCasesRequest], _: Context
    ) -> AsyncIterator[bytes]:
        stream = CaseStream(self._submit, self._answerer.late, self._use.score.clock, self._limits)
        async for response in stream.run(request_iterator):
            yield response

    async def ReportCapacity(
        self, request_iterator: AsyncIterator[pb.ReportCapacityRequest], _: Context
    ) -> pb.ReportCapacityResponse:
        tally = Tally()
        row = 0
        async for request in request_iterator:
            rows = []
            for report in request.facilities:
                try:
                    rows.append((row, _report(report)))
                except Refusal as refusal:
                    tally.refuse(row, report.finess_geo[:16], refusal)
                row += 1
            await in_thread(self._use.capacity, rows, tally)
        refused = sorted(tally.refused, key=lambda item: item[0])
        return pb.ReportCapacityResponse(
            accepted=tally.accepted,
            superseded=tally.superseded,
            refused=len(refused),
            refusals=[refusal_row(*item) for item in refused[:MOST_REFUSALS]],
        )

    async def RecordDecision(
        self, request: pb.RecordDecisionRequest, _: Context
    ) -> pb.RecordDecisionResponse:
        decision = await in_thread(self._use.decide, _decided(request))
        return pb.RecordDecisionResponse(
            followed=decision.followed,
            suggested_decision_type=decision.suggestion.decision_type,
            suggested_resource_type=decision.suggestion.resource_type,
            suggested_finess_geo=decision.suggestion.finess_geo,
        )

    async def ExportDecision(
        self, request: pb.ExportDecisionRequest, _: Context
    ) -> pb.ExportDecisionResponse:
        return pb.ExportDecisionResponse(
            hub_json=await in_thread(self._use.export, request.case_id)
        )

    async def ReportResources(
        self, request_iterator: AsyncIterator[pb.ReportResourcesRequest], _: Context
    ) -> pb.ReportResourcesResponse:
        heard = Heard()
        row = 0
        async for request in request_iterator:
            await in_thread(self._use.resources, row, request.hub_json, heard)
            row += 1
        return pb.ReportResourcesResponse(
            accepted=heard.accepted,
            superseded=heard.superseded,
            refused=len(heard.refused),
            refusals=[refusal_row(*item) for item in heard.refused[:MOST_REFUSALS]],
            findings=[finding_to_wire(finding) for finding in heard.told()],
        )

    async def Distribute(self, request: pb.DistributeRequest, _: Context) -> pb.DistributeResponse:
        found = await in_thread(self._use.distribute, wanted_from_wire(request))
        return distribution_to_wire(found)

    async def WatchBoard(
        self, request: pb.WatchBoardRequest, _: Context
    ) -> AsyncIterator[pb.WatchBoardResponse]:
        boards = watch(
            self._use.board,
            self._use.score.clock,
            request.owner,
            every_s=BOARD_EVERY_S,
            heartbeat_s=self._limits.heartbeat_s,
        )
        async for board in boards:
            yield board

    async def SetSuggestions(
        self, request: pb.SetSuggestionsRequest, _: Context
    ) -> pb.SetSuggestionsResponse:
        wanted = next(mode for mode, code in MODES.items() if code == request.mode)
        before = await in_thread(self._use.modes, request.owner, wanted, request.set_by)
        return pb.SetSuggestionsResponse(previous=MODES[before])


def register(server: grpc.aio.Server, rpc: OrientationRpc) -> None:
    """Adds every RPC of the service, then in their place the two whose answers are bytes."""
    orientation_pb2_grpc.add_OrientationServiceServicer_to_server(rpc, server)
    ready: dict[str, Any] = {
        "ScoreCase": grpc.unary_unary_rpc_method_handler(
            rpc.ScoreCase, request_deserializer=pb.ScoreCaseRequest.FromString
        ),
        "StreamCases": grpc.stream_stream_rpc_method_handler(
            rpc.StreamCases, request_deserializer=pb.StreamCasesRequest.FromString
        ),
    }
    name = pb.DESCRIPTOR.services_by_name["OrientationService"].full_name
    server.add_registered_method_handlers(name, ready)


def _report(report: pb.FacilityReport) -> Report:
    """Our own words for what is wrong come before the general ones of the rules."""
    read = Report(
        report.finess_geo,
        report.name,
        report.latitude if report.HasField("latitude") else None,
        report.longitude if report.HasField("longitude") else None,
        frozenset(report.capabilities),
        beds_from_wire(report),
        report.closed,
        report.synthetic_capabilities,
        limits_from_wire(report),
    )
    if len(report.finess_geo) == 9 and all(bed.beds >= 0 for bed in report.beds):
        validate(report)
    return read


def _decided(request: pb.RecordDecisionRequest) -> Decided:
    return Decided(
        request.case_id,
        request.decision_id,
        request.decided_by,
        request.operator_role,
        request.decision_type,
        request.resource_type,
        request.orientation_type,
        request.finess_geo,
        request.medical_transport if request.HasField("medical_transport") else None,
        request.override_reason,
        pb.OverrideReason.Name(request.override_reason).removeprefix("OVERRIDE_REASON_").lower(),
        from_stamp(request.decided_time, "decided_time"),
    )
