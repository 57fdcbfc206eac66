"""The RPCs of ReplenishmentService: translate, ask a use case, translate back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from larrey.replenishment.v1 import replenishment_pb2 as pb
from larrey.replenishment.v1 import replenishment_pb2_grpc
from services.replenishment.use_cases.agreed import (
    PutGroupAllotments,
    PutStorageLimits,
    PutTransferLanes,
)
from services.replenishment.use_cases.catalogue import PutItems, PutSites, PutSupplyTerms
from services.replenishment.use_cases.decide import DecidePlan
from services.replenishment.use_cases.plans import (
    CancelPlan,
    ExplainLine,
    ListPlans,
    ReadPlan,
    StartPlan,
)
from services.replenishment.use_cases.releases import ReleaseLot
from services.replenishment.use_cases.risk import AssessRisk
from services.replenishment.use_cases.stock import Outcome, ReportStock
from services.replenishment.use_cases.substitutes import PutSubstitutes
from services.replenishment.use_cases.supply_status import PutSupplyStatus
from services.replenishment.wire.agreed import (
    allotments_from_wire,
    lanes_from_wire,
    storage_limits_from_wire,
)
from services.replenishment.wire.plans import (
    asked_from_wire,
    collision_to_wire,
    explanation_to_wire,
    left_out_to_wire,
    limit_price_to_wire,
    line_to_wire,
    plan_to_wire,
    risk_to_wire,
    use_first_to_wire,
    verdicts_from_wire,
)
from services.replenishment.wire.releases import release_from_wire
from services.replenishment.wire.substitutes import approved_from_wire, candidate_to_wire
from services.replenishment.wire.supply import rows_from_wire, statuses_from_wire, terms_from_wire
from services.replenishment.wire.tokens import place_of, token_of
from shared.catalogue.wire import item_from_wire, site_from_wire
from shared.rpc.status import refusal_row
from shared.rpc.threads import in_thread
from shared.rpc.validation import validate

LOOK_SECONDS = 0.2
TELL_SECONDS = 1.0
REFUSALS_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the RPCs ask."""

    put_items: PutItems
    put_sites: PutSites
    put_supply_terms: PutSupplyTerms
    put_storage_limits: PutStorageLimits
    put_group_allotments: PutGroupAllotments
    put_transfer_lanes: PutTransferLanes
    put_supply_status: PutSupplyStatus
    put_substitutes: PutSubstitutes
    report_stock: ReportStock
    release_lot: ReleaseLot
    start_plan: StartPlan
    cancel_plan: CancelPlan
    read_plan: ReadPlan
    list_plans: ListPlans
    explain_line: ExplainLine
    decide_plan: DecidePlan
    assess_risk: AssessRisk


class ReplenishmentRpc(replenishment_pb2_grpc.ReplenishmentServiceServicer):
    def __init__(self, ask: UseCases) -> None:
        self._ask = ask

    async def PutItems(self, request: pb.PutItemsRequest, _context: Any) -> pb.PutItemsResponse:
        items = [item_from_wire(item, f"items[{i}]") for i, item in enumerate(request.items)]
        return pb.PutItemsResponse(stored=await in_thread(self._ask.put_items, items))

    async def PutSites(self, request: pb.PutSitesRequest, _context: Any) -> pb.PutSitesResponse:
        sites = [site_from_wire(site, f"sites[{i}]") for i, site in enumerate(request.sites)]
        return pb.PutSitesResponse(stored=await in_thread(self._ask.put_sites, sites))

    async def PutSupplyTerms(
        self, request: pb.PutSupplyTermsRequest, _context: Any
    ) -> pb.PutSupplyTermsResponse:
        asked = [terms_from_wire(terms, f"terms[{i}]") for i, terms in enumerate(request.terms)]
        stored = await in_thread(self._ask.put_supply_terms, asked)
        return pb.PutSupplyTermsResponse(stored=stored)

    async def PutStorageLimits(
        self, request: pb.PutStorageLimitsRequest, _context: Any
    ) -> pb.PutStorageLimitsResponse:
        limits = storage_limits_from_wire(request)
        stored = await in_thread(self._ask.put_storage_limits, limits)
        return pb.PutStorageLimitsResponse(stored=stored)

    async def PutGroupAllotments(
        self, request: pb.PutGroupAllotmentsRequest, _context: Any
    ) -> pb.PutGroupAllotmentsResponse:
        asked = allotments_from_wire(request)
        stored = await in_thread(self._ask.put_group_allotments, asked)
        return pb.PutGroupAllotmentsResponse(stored=stored)

    async def PutTransferLanes(
        self, request: pb.PutTransferLanesRequest, _context: Any
    ) -> pb.PutTransferLanesResponse:
        stored = await in_thread(self._ask.put_transfer_lanes, lanes_from_wire(request))
        return pb.PutTransferLanesResponse(stored=stored)

    async def PutSupplyStatus(
        self, request: pb.PutSupplyStatusRequest, _context: Any
    ) -> pb.PutSupplyStatusResponse:
        taken = await in_thread(self._ask.put_supply_status, statuses_from_wire(request))
        return pb.PutSupplyStatusResponse(items=taken.items, unknown_packs=taken.unknown_packs)

    async def PutSubstitutes(
        self, request: pb.PutSubstitutesRequest, _context: Any
    ) -> pb.PutSubstitutesResponse:
        stored = await in_thread(
            self._ask.put_substitutes, approved_from_wire(request), request.approved_by
        )
        return pb.PutSubstitutesResponse(stored=stored)

    async def ReportStock(
        self, requests: AsyncIterator[pb.ReportStockRequest], _context: Any
    ) -> pb.ReportStockResponse:
        """Each message is one transaction; what is stored stays when the stream is cut."""
        answer = pb.ReportStockResponse()
        first = 0
        async for request in requests:
            outcome = await asyncio.shield(in_thread(self._report, request.reports, first))
            first += len(request.reports)
            answer.accepted += outcome.accepted
            answer.superseded += outcome.superseded
            answer.refused += len(outcome.refused)
            room = REFUSALS_SHOWN - len(answer.refusals)
            answer.refusals.extend(
                refusal_row(r.place, r.row_id, r.refusal) for r in outcome.refused[:room]
            )
        return answer

    def _report(self, reports: Sequence[pb.StockReport], first: int) -> Outcome:
        rows, refused = rows_from_wire(reports, first, validate)
        return self._ask.report_stock(rows, refused)

    async def ReleaseLot(
        self, request: pb.ReleaseLotRequest, _context: Any
    ) -> pb.ReleaseLotResponse:
        amount = await in_thread(self._ask.release_lot, release_from_wire(request))
        return pb.ReleaseLotResponse(released_base=amount)

    async def StartPlan(self, request: pb.StartPlanRequest, _context: Any) -> pb.StartPlanResponse:
        plan = await in_thread(self._ask.start_plan, asked_from_wire(request))
        return pb.StartPlanResponse(plan=plan_to_wire(plan))

    async def CancelPlan(
        self, request: pb.CancelPlanRequest, _context: Any
    ) -> pb.CancelPlanResponse:
        plan = await in_thread(self._ask.cancel_plan, request.plan_id, request.cancelled_by)
        return pb.CancelPlanResponse(plan=plan_to_wire(plan))

    async def WatchPlan(
        self, request: pb.WatchPlanRequest, _context: Any
    ) -> AsyncIterator[pb.WatchPlanResponse]:
        """Tells every change, and at least once a second that nothing changed."""
        told, told_at = None, 0.0
        while True:
            plan = await in_thread(self._ask.read_plan, request.plan_id)
            if plan != told or time.monotonic() - told_at >= TELL_SECONDS:
                told, told_at = plan, time.monotonic()
                yield pb.WatchPlanResponse(plan=plan_to_wire(plan))
            if plan.state.ended:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def GetPlan(self, request: pb.GetPlanRequest, _context: Any) -> pb.GetPlanResponse:
        question = ("plan", request.plan_id)
        first = int(place_of(question, request.page_token)) if request.page_token else 0
        page = await in_thread(self._ask.read_plan.page, request.plan_id, first, request.page_size)
        return pb.GetPlanResponse(
            plan=plan_to_wire(page.plan),
            lines=[line_to_wire(line) for line in page.lines],
            no_suggestions=[left_out_to_wire(one) for one in page.left_out],
            use_first=[use_first_to_wire(lot) for lot in page.use_first],
            collisions=[collision_to_wire(one) for one in page.collisions],
            limit_prices=[limit_price_to_wire(one) for one in page.limit_prices],
            next_page_token=token_of(question, page.next_place) if page.next_place else "",
        )

    async def ListPlans(self, request: pb.ListPlansRequest, _context: Any) -> pb.ListPlansResponse:
        after = int(place_of(("plans",), request.page_token)) if request.page_token else None
        plans, more = await in_thread(self._ask.list_plans, after, request.page_size)
        return pb.ListPlansResponse(
            plans=[plan_to_wire(plan) for plan in plans],
            next_page_token="" if more is None else token_of(("plans",), more),
        )

    async def ExplainLine(
        self, request: pb.ExplainLineRequest, _context: Any
    ) -> pb.ExplainLineResponse:
        line = await in_thread(self._ask.explain_line, request.plan_id, request.line_id)
        return explanation_to_wire(line)

    async def DecidePlan(
        self, request: pb.DecidePlanRequest, _context: Any
    ) -> pb.DecidePlanResponse:
        done = await in_thread(
            self._ask.decide_plan,
            request.plan_id,
            request.decided_by,
            verdicts_from_wire(request.verdicts),
        )
        return pb.DecidePlanResponse(
            accepted=done.accepted,
            changed=done.changed,
            refused=done.refused,
            changed_lines=[line_to_wire(line) for line in done.changed_lines],
        )

    async def AssessRisk(
        self, request: pb.AssessRiskRequest, _context: Any
    ) -> pb.AssessRiskResponse:
        question = ("risk", request.site_id, request.horizon_days)
        after = None
        if request.page_token:
            chance, cover, item_id, site_id = place_of(question, request.page_token)
            after = (float(chance), float(cover), str(item_id), str(site_id))
        found = await in_thread(
            self._ask.assess_risk, request.site_id, request.horizon_days, request.page_size, after
        )
        more = found.more_after
        risks = [risk_to_wire(risk) for risk in found.risks]
        for told, candidates in zip(risks, found.candidates, strict=True):
            told.substitutes.extend(candidate_to_wire(one) for one in candidates)
        return pb.AssessRiskResponse(
            risks=risks,
            not_assessed=[left_out_to_wire(one) for one in found.not_assessed],
            next_page_token="" if more is None else token_of(question, more),
        )
