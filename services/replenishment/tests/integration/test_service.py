"""The service whole: a forecast arrives, a plan is made, explained, decided, ordered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from larrey.replenishment.v1 import events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.adapters.solver.engine import solve
from services.replenishment.adapters.solver.solving import Effort, Watch
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Problem
from services.replenishment.domain.stock import OpenOrder
from services.replenishment.ports import Solved, SolverProgress
from services.replenishment.tests.integration.running import (
    Running,
    accept,
    decide,
    eventually,
    lines,
    published,
    put_items,
    put_sites,
    running,
    start,
    stream,
    terms_to_wire,
    watch,
)
from services.replenishment.tests.situations import (
    MONDAY,
    MORNING,
    NANTES,
    antivenom,
    monthly,
    site,
    stock,
    tablets,
    terms,
)
from shared.rpc import refusal_of

T = 30.0


def no_forecast(service: Running) -> list[str]:
    answer = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T)
    return [one.item_id for one in answer.not_assessed if one.reason == "NO_FORECAST"]


def a_stocked_site(service: Running) -> None:
    """Tablets that last six days, and antivenom that lasts two."""
    items = tablets(), antivenom()
    service.ask.PutSites(put_sites(site()), timeout=T)
    service.ask.PutItems(put_items(*items), timeout=T)
    offers = [terms_to_wire(terms(item)) for item in items]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    counted = service.ask.ReportStock(
        stream(stock(items[0], 60.0), stock(items[1], 2.0)), timeout=T
    )
    assert (counted.accepted, counted.refused) == (2, 0)
    service.publish(published(monthly(items[0], 300.0)))
    service.publish(published(monthly(items[1], 30.0)))
    eventually(lambda: not no_forecast(service))


def test_a_plan_is_proposed_explained_and_becomes_orders_that_are_counted_next_time(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        told = watch(service, start(service).plan_id)
        plan = told[-1]
        assert plan.state == pb.PLAN_STATE_PROPOSED
        assert plan.item_sites == 2
        assert 0 <= plan.gap <= 0.02
        assert plan.bound_eur <= plan.cost_eur
        found = lines(service, plan.plan_id, size=3)
        assert len(found) == plan.line_count > 0

        why = service.ask.ExplainLine(
            pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=found[0].line_id), timeout=T
        )
        assert why.need_base == pytest.approx(max(0.0, -sum(t.amount for t in why.terms)))
        assert found[0].quantity_base == found[0].packs * why.base_per_pack
        assert "packs" in why.sentence
        assert why.cost_with_eur == pytest.approx(plan.cost_eur)
        assert why.cost_without_eur - why.cost_with_eur == pytest.approx(found[0].saves_eur)

        answer = decide(service, plan.plan_id, accept(*found))
        assert answer.accepted == len(found)
        orders = eventually(lambda: service.told(events_pb2.OrderApproved))
        assert {o.line.line_id for o in orders} == {line.line_id for line in found}
        assert {o.decided_by for o in orders} == {"Dr A. Pharmacien"}
        assert len({o.order_id for o in orders}) == len(found)

        again = watch(service, start(service).plan_id)[-1]
        assert again.state == pb.PLAN_STATE_PROPOSED
        assert again.line_count == 0, "everything needed is already ordered"


def test_lots_that_will_expire_are_told_with_the_plan_and_with_the_risk(tmp_path: Path) -> None:
    soon = MONDAY + timedelta(days=9)
    with running(tmp_path) as service:
        a_stocked_site(service)
        counted = stock(tablets(), 500.0, expiry=soon, counted=MORNING + timedelta(seconds=10))
        assert service.ask.ReportStock(stream(counted), timeout=T).accepted == 1
        plan = watch(service, start(service).plan_id)[-1]
        told: list[pb.UseFirst] = []
        token = ""
        for _ in range(plan.line_count + 2):
            page = service.ask.GetPlan(
                pb.GetPlanRequest(plan_id=plan.plan_id, page_size=1, page_token=token), timeout=T
            )
            assert len(page.lines) + len(page.no_suggestions) + len(page.use_first) == 1
            told.extend(page.use_first)
            token = page.next_page_token
            if not token:
                break
        assert [lot.lot_id for lot in told] == ["L1"] * plan.use_first_count == ["L1"]
        assert plan.expected_expiry_eur == pytest.approx(told[0].expected_loss_eur)
        assert 300 < told[0].expected_loss_base < 450
        risks = service.ask.AssessRisk(pb.AssessRiskRequest(horizon_days=28), timeout=T).risks
        assert [lot for risk in risks for lot in risk.use_first] == told


def test_a_budget_that_is_too_small_is_told_with_what_a_euro_more_would_save(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        plan = watch(service, start(service, budget=20.0).plan_id)[-1]
        page = service.ask.GetPlan(pb.GetPlanRequest(plan_id=plan.plan_id), timeout=T)
        assert plan.limits_priced
        assert {one.kind for one in page.limit_prices} == {"BUDGET"}
        assert all(0 < one.saves_eur <= 0.1 + 1e-9 for one in page.limit_prices)
        assert all(one.site_id == NANTES and one.limit == 20.0 for one in page.limit_prices)


def test_the_hospitals_own_list_takes_over_orders_that_were_approved_here(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        plan = watch(service, start(service).plan_id)[-1]
        found = lines(service, plan.plan_id)
        decide(service, plan.plan_id, accept(*found))
        orders = eventually(lambda: service.told(events_pb2.OrderApproved))
        mine = [o for o in orders if o.item_id == "PARACETAMOL"]
        listed = tuple(
            OpenOrder(o.order_id, o.line.quantity_base, MONDAY + timedelta(days=2 + k))
            for k, o in enumerate(mine)
        )
        counted = stock(tablets(), 60.0, orders=listed, counted=MORNING + timedelta(seconds=30))
        assert service.ask.ReportStock(stream(counted), timeout=T).accepted == 1
        reported = eventually(
            lambda: [
                r
                for r in service.told(events_pb2.StockReported)
                if r.item_id == "PARACETAMOL" and r.on_order_base > 0
            ]
        )
        ordered = sum(o.line.quantity_base for o in mine)
        assert reported[-1].on_order_base == pytest.approx(ordered), "counted once, not twice"


def test_a_forecast_before_its_item_is_kept_and_applied(tmp_path: Path) -> None:
    item = tablets()
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.publish(published(monthly(item, 300.0)))
        service.ask.PutItems(put_items(tablets("OTHER")), timeout=T)
        service.ask.PutItems(put_items(item), timeout=T)
        service.ask.ReportStock(stream(stock(item, 60.0)), timeout=T)

        def assessed() -> list[str]:
            answer = service.ask.AssessRisk(pb.AssessRiskRequest(site_id=NANTES), timeout=T)
            return [risk.item_id for risk in answer.risks]

        assert eventually(assessed) == [item.item_id]


def test_a_shortage_is_foreseen_once_and_lifted_when_stock_comes(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        foreseen = eventually(lambda: service.told(events_pb2.ShortageForeseen))
        assert [(f.item_id, f.critical_resource, f.lifted) for f in foreseen] == [
            ("ANTIVENOM", "ANTIVENOM", False)
        ]
        assert foreseen[0].probability > 0.3
        assert foreseen[0].HasField("stockout_day")

        watch(service, start(service).plan_id)
        item = antivenom()
        more = stock(item, 500.0, counted=MORNING + timedelta(seconds=20))
        service.ask.ReportStock(stream(more), timeout=T)
        both = eventually(
            lambda: told if len(told := service.told(events_pb2.ShortageForeseen)) > 1 else None
        )
        assert [f.lifted for f in both] == [False, True]


def test_decisions_that_cannot_be_are_refused_and_change_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        plan = watch(service, start(service).plan_id)[-1]
        first = lines(service, plan.plan_id)[0]
        wrong = pb.LineVerdict(
            line_id=first.line_id, decision=pb.LINE_DECISION_CHANGED, packs=first.packs + 1
        )
        assert refused(service, plan.plan_id, [wrong]) == "REASON_NEEDED"
        assert refused(service, plan.plan_id, accept(first, first)) == "LINE_TWICE"
        assert refused(service, "plan-none", accept(first)) == "PLAN_MISSING"
        assert lines(service, plan.plan_id)[0].decision == pb.LINE_DECISION_PENDING
        assert service.told(events_pb2.OrderApproved) == []

        decide(service, plan.plan_id, accept(first))
        assert refused(service, plan.plan_id, accept(first)) == "LINE_DECIDED"

        watch(service, start(service).plan_id)
        assert refused(service, plan.plan_id, accept(first)) == "PLAN_OUTDATED"
        assert len(service.told(events_pb2.OrderApproved)) == 1


def test_a_changed_line_is_answered_with_what_it_means_now(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        plan = watch(service, start(service).plan_id)[-1]
        mine = [line for line in lines(service, plan.plan_id) if line.item_id == "PARACETAMOL"]

        def changed(line: pb.PlanLine, packs: int) -> pb.LineVerdict:
            return pb.LineVerdict(
                line_id=line.line_id,
                decision=pb.LINE_DECISION_CHANGED,
                packs=packs,
                reason=pb.DECISION_REASON_LOCAL_STOCK,
            )

        least = decide(service, plan.plan_id, [changed(line, 1) for line in mine]).changed_lines
        assert [line.packs for line in least] == [1] * len(mine)
        for before, after in zip(mine, least, strict=True):
            assert after.stockout_after > 0.9 > before.stockout_after
            assert "As changed it runs out" in after.reason

        again = watch(service, start(service).plan_id)[-1]
        (first, *_) = (
            line for line in lines(service, again.plan_id) if line.item_id == "PARACETAMOL"
        )
        (more,) = decide(service, again.plan_id, [changed(first, 60)]).changed_lines
        assert more.stockout_after <= first.stockout_after
        assert "days of use left then" in more.reason


def refused(service: Running, plan_id: str, verdicts: list[pb.LineVerdict]) -> str:
    with pytest.raises(grpc.RpcError) as error:
        decide(service, plan_id, verdicts)
    refusal = refusal_of(error.value)
    assert refusal is not None
    return refusal.reason


def test_nothing_to_plan_is_said(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        with pytest.raises(grpc.RpcError) as error:
            start(service)
        refusal = refusal_of(error.value)
        assert refusal is not None
        assert refusal.reason == "NOTHING_TO_PLAN"


def test_a_request_key_starts_one_plan_only(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        a_stocked_site(service)
        first = start(service, key="monday")
        assert start(service, key="monday").plan_id == first.plan_id
        with pytest.raises(grpc.RpcError) as error:
            start(service, key="monday", budget=100.0)
        refusal = refusal_of(error.value)
        assert refusal is not None
        assert refusal.reason == "REQUEST_KEY_TAKEN"


def test_a_poisoned_forecast_goes_aside_and_the_rest_flows_on(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        item = tablets()
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(item), timeout=T)
        service.ask.ReportStock(stream(stock(item, 60.0)), timeout=T)
        poison = published(monthly(item, 300.0))
        poison.forecast.levels[0] = 7.0
        service.publish(poison)
        older = monthly(item, 9000.0, made=MORNING - timedelta(days=2))
        service.publish(published(monthly(item, 300.0)))
        service.publish(published(older))

        def cover() -> list[float]:
            answer = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T)
            return [risk.days_of_cover for risk in answer.risks]

        assert eventually(cover)[0] == pytest.approx(6, abs=1)
        time.sleep(0.5)
        assert cover()[0] == pytest.approx(6, abs=1), "an older forecast changes nothing"


def test_a_plan_made_while_orders_are_approved_does_not_order_them_again(tmp_path: Path) -> None:
    """The second plan starts from the state before the decision, and must not keep it."""
    solver = Paused()
    with running(tmp_path, solver) as service:
        a_stocked_site(service)
        solver.go.set()
        first = watch(service, start(service).plan_id)[-1]
        found = lines(service, first.plan_id)
        solver.go.clear()
        second = start(service).plan_id
        assert solver.waiting.wait(T)
        decide(service, first.plan_id, accept(*found))
        solver.go.set()
        again = watch(service, second)[-1]
        assert again.state == pb.PLAN_STATE_PROPOSED
        assert again.line_count == 0


class Paused:
    """The real engine, in this process, that waits until it is let go."""

    def __init__(self) -> None:
        self.go, self.waiting = threading.Event(), threading.Event()

    def __call__(
        self,
        problem: Problem,
        seconds: float,
        seed: int,
        tell: Callable[[SolverProgress], None],
        stopped: Callable[[], bool],
        *,
        start: Prices | None = None,
    ) -> Solved | None:
        if not self.go.is_set():
            self.waiting.set()
        self.go.wait(T)
        found = solve(problem, Effort(rounds=20), seed, Watch(time.monotonic))
        return Solved(found.orders, found.progress.bound, seconds)
