"""Plans, lines, explanations and risks between protobuf and the domain."""

from __future__ import annotations

from collections.abc import Sequence

from larrey.catalogue.v1 import catalogue_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import (
    Asked,
    Decision,
    DecisionReason,
    Line,
    Plan,
    PlanState,
    Verdict,
)
from services.replenishment.domain.positions import NoSuggestion
from services.replenishment.domain.risks import Risk
from services.replenishment.wire.dates import day_to_wire, instant_to_wire
from services.replenishment.wire.supply import availability_to_wire
from shared.catalogue.items import Criticality


def state_to_wire(state: PlanState) -> pb.PlanState.ValueType:
    return pb.PlanState.Value(f"PLAN_STATE_{state.value}")


def criticality_to_wire(criticality: Criticality) -> catalogue_pb2.Criticality.ValueType:
    return catalogue_pb2.Criticality.Value(f"CRITICALITY_{criticality.value}")


def asked_from_wire(request: pb.StartPlanRequest) -> Asked:
    budget = request.weekly_budget_eur if request.HasField("weekly_budget_eur") else None
    return Asked(request.horizon_days, budget, request.seconds, request.seed, request.request_key)


def plan_to_wire(plan: Plan) -> pb.Plan:
    return pb.Plan(
        plan_id=plan.plan_id,
        state=state_to_wire(plan.state),
        horizon_days=plan.asked.horizon_days,
        first_day=day_to_wire(plan.first_day),
        item_sites=plan.item_sites,
        cost_eur=plan.cost_eur,
        bound_eur=plan.bound_eur,
        gap=plan.gap,
        seconds=plan.seconds,
        line_count=plan.line_count,
        made_time=instant_to_wire(plan.made_time),
        failure=plan.failure,
        no_suggestion_count=plan.no_suggestion_count,
        expected_expiry_eur=plan.expected_expiry_eur,
        use_first_count=plan.use_first_count,
        limits_priced=plan.limits_priced,
        transfer_count=plan.transfer_count,
        moving_cost_eur=plan.moving_eur,
        saved_expiry_eur=plan.saved_expiry_eur,
        transfers_note=plan.transfers_note,
        start_note=plan.start_note,
    )


def line_to_wire(line: Line) -> pb.PlanLine:
    return pb.PlanLine(
        line_id=line.line_id,
        item_id=line.item_id,
        site_id=line.site_id,
        supplier_id=line.supplier_id,
        order_day=day_to_wire(line.order_day),
        arrival_day=day_to_wire(line.arrival_day),
        packs=line.packs,
        quantity_base=line.quantity_base,
        base_unit=line.base_unit,
        price_eur=line.price_eur,
        stockout_before=line.stockout_before,
        stockout_after=line.stockout_after,
        reason=line.reason,
        decision=pb.LineDecision.Value(f"LINE_DECISION_{line.decision.value}"),
        saves_eur=line.explanation.saves_eur,
        kind=pb.LineKind.Value(f"LINE_KIND_{line.kind.value}"),
        from_site_id=line.from_site_id,
        lots=[
            pb.MovedLot(
                lot_id=lot.lot_id,
                quantity_base=lot.quantity_base,
                expiry=None if lot.expiry is None else day_to_wire(lot.expiry),
            )
            for lot in line.lots
        ],
    )


def left_out_to_wire(one: NoSuggestion) -> pb.NoSuggestion:
    return pb.NoSuggestion(
        item_id=one.item_id, site_id=one.site_id, reason=one.reason, message=one.message
    )


def explanation_to_wire(line: Line) -> pb.ExplainLineResponse:
    why = line.explanation
    return pb.ExplainLineResponse(
        line=line_to_wire(line),
        terms=[pb.SumTerm(label=term.label, amount=term.amount) for term in why.terms],
        need_base=why.need_base,
        base_per_pack=why.base_per_pack,
        service_level=why.service_level,
        limits=why.limits,
        sentence=why.sentence,
        cost_with_eur=why.cost_with_eur,
        cost_without_eur=why.cost_without_eur,
    )


def verdicts_from_wire(verdicts: Sequence[pb.LineVerdict]) -> list[Verdict]:
    return [
        Verdict(
            line_id=verdict.line_id,
            decision=Decision(
                pb.LineDecision.Name(verdict.decision).removeprefix("LINE_DECISION_")
            ),
            packs=verdict.packs if verdict.HasField("packs") else None,
            reason=DecisionReason(
                pb.DecisionReason.Name(verdict.reason).removeprefix("DECISION_REASON_")
            ),
        )
        for verdict in verdicts
    ]


def risk_to_wire(risk: Risk) -> pb.Risk:
    return pb.Risk(
        item_id=risk.item.item_id,
        site_id=risk.site_id,
        criticality=criticality_to_wire(risk.item.criticality),
        days_of_cover=risk.days_of_cover,
        stockout_probability=risk.probability,
        stockout_day=None if risk.stockout_day is None else day_to_wire(risk.stockout_day),
        expected_expiry_base=risk.expected_expiry_base,
        expected_expiry_eur=risk.expected_expiry_eur,
        base_unit=risk.item.packing.base_unit,
        label=risk.item.label,
        use_first=[use_first_to_wire(lot) for lot in risk.use_first],
        crisis_base=risk.crisis_base,
        availability=availability_to_wire(risk.status),
        availability_sentence="" if risk.status is None else risk.status.sentence,
    )


def use_first_to_wire(lot: UseFirst) -> pb.UseFirst:
    return pb.UseFirst(
        item_id=lot.item_id,
        site_id=lot.site_id,
        lot_id=lot.lot_id,
        expiry=day_to_wire(lot.expiry),
        quantity_base=lot.quantity_base,
        expected_loss_base=lot.lost_base,
        expected_loss_eur=lot.lost_eur,
        base_unit=lot.base_unit,
        sentence=lot.sentence,
    )


def limit_price_to_wire(one: LimitPrice) -> pb.LimitPrice:
    return pb.LimitPrice(
        kind=one.kind,
        site_id=one.site_id,
        item_id=one.item_id,
        first_day=None if one.first_day is None else day_to_wire(one.first_day),
        unit=one.unit,
        limit=one.limit,
        used=one.used,
        saves_eur=one.saves_eur,
        sentence=one.sentence,
        supplier_id=one.supplier_id,
        storage=catalogue_pb2.Storage.Value(f"STORAGE_{one.store or 'UNSPECIFIED'}"),
    )


def collision_to_wire(one: Collision) -> pb.Collision:
    return pb.Collision(
        item_id=one.item_id,
        site_id=one.site_id,
        limits=one.limits,
        fields=one.fields,
        need_packs=one.need_packs,
        missing_packs=one.missing_packs,
        sentence=one.sentence,
    )
