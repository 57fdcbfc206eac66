"""The solver's process: killed in the middle, out of time, or left behind by a stop."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import grpc
import pytest

from larrey.replenishment.v1 import events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.adapters.worker import GRACE_SECONDS, START_SECONDS, SpawnedSolver
from services.replenishment.domain.assemble import assemble
from services.replenishment.domain.check import check, cost
from services.replenishment.domain.policy import Policy
from services.replenishment.ports import SolverLost, SolverProgress
from services.replenishment.tests.integration.running import (
    Running,
    eventually,
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
    NANTES,
    a_hospital_group,
    monthly,
    site,
    stock,
    tablets,
    terms,
    weekly_budget,
)
from shared.rpc import refusal_of

T = 30.0


def many_items(service: Running, count: int = 40) -> None:
    """Enough items under one budget that a solve does not end at once."""
    items = [tablets(f"TABLETS-{k}") for k in range(count)]
    service.ask.PutSites(put_sites(site()), timeout=T)
    service.ask.PutItems(put_items(*items), timeout=T)
    offers = [terms_to_wire(terms(i, supplier=f"s-{k % 5}")) for k, i in enumerate(items)]
    service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
    service.ask.ReportStock(stream(*(stock(i, 40.0) for i in items)), timeout=T)
    for k, item in enumerate(items):
        service.publish(published(monthly(item, 150.0 + 20 * k)))
    request = pb.AssessRiskRequest(site_id=NANTES)
    eventually(lambda: len(service.ask.AssessRisk(request, timeout=T).risks) == count)


def test_a_killed_worker_fails_its_plan_and_the_same_request_succeeds_later(
    tmp_path: Path,
) -> None:
    solver = SpawnedSolver(gap=0.0)
    with running(tmp_path, solver) as service:
        many_items(service)
        plan = start(service, seconds=20.0, budget=500.0, key="once")
        os.kill(eventually(lambda: solver.pid), signal.SIGKILL)
        failed = watch(service, plan.plan_id)[-1]
        assert failed.state == pb.PLAN_STATE_FAILED
        assert "signal 9" in failed.failure
        assert service.told(events_pb2.PlanProposed) == []

        again = start(service, seconds=20.0, budget=500.0, key="once")
        assert again.plan_id == plan.plan_id
        assert again.state == pb.PLAN_STATE_WAITING
        solver._gap = 0.05
        assert watch(service, plan.plan_id)[-1].state == pb.PLAN_STATE_PROPOSED


def test_a_plan_left_behind_by_a_stopped_service_is_made_at_the_next_start(
    tmp_path: Path,
) -> None:
    with running(tmp_path, SpawnedSolver(gap=0.0)) as service:
        many_items(service)
        plan_id = start(service, seconds=4.0, budget=500.0).plan_id
        running_state = pb.PLAN_STATE_RUNNING
        request = pb.GetPlanRequest(plan_id=plan_id)
        eventually(lambda: service.ask.GetPlan(request, timeout=T).plan.state == running_state)
    with running(tmp_path, SpawnedSolver(gap=0.05)) as service:
        made = watch(service, plan_id)[-1]
        assert (made.state, made.start_note) == (pb.PLAN_STATE_PROPOSED, "")
        again = watch(service, start(service, seconds=4.0, budget=500.0).plan_id)[-1]
        assert "Started from the prices of the plan of 2026-01-05" in again.start_note
        assert "40 of 40" in again.start_note


def test_the_seconds_are_kept_and_the_best_plan_so_far_is_handed_over() -> None:
    known = a_hospital_group(300, seed=3)
    problem = assemble(known, MONDAY, 28, weekly_budget(known), Policy()).problem
    told: list[SolverProgress] = []
    began = time.monotonic()
    solved = SpawnedSolver(gap=0.0)(problem, 4.0, 1, told.append, lambda: False)
    # Where others fill the machine, the worker's first sign of life may take this long.
    assert time.monotonic() - began < 4.0 + START_SECONDS + GRACE_SECONDS + 5.0
    assert solved is not None
    assert check(problem, solved.orders) == ()
    assert solved.bound <= cost(problem, solved.orders).total
    assert told, "progress was streamed"
    assert all(p.bound <= p.cost for p in told)


def test_a_stopped_service_does_not_wait_for_its_worker() -> None:
    known = a_hospital_group(60, seed=3)
    problem = assemble(known, MONDAY, 28, weekly_budget(known), Policy()).problem
    began = time.monotonic()
    stopped = lambda: time.monotonic() - began > 1.0  # noqa: E731  a five-line fake in one
    assert SpawnedSolver(gap=0.0)(problem, 60.0, 1, lambda _: None, stopped) is None
    assert time.monotonic() - began < 5.0


def test_with_hardly_any_time_the_plan_is_poor_but_sound_and_says_so() -> None:
    known = a_hospital_group(20, seed=3)
    problem = assemble(known, MONDAY, 28, None, Policy()).problem
    solved = SpawnedSolver(gap=0.0)(problem, 0.001, 1, lambda _: None, lambda: False)
    assert solved is not None
    assert check(problem, solved.orders) == ()
    assert solved.bound <= cost(problem, solved.orders).total


def test_a_plan_that_is_being_made_is_cancelled_and_its_worker_ends(tmp_path: Path) -> None:
    solver = SpawnedSolver(gap=0.0)
    with running(tmp_path, solver) as service:
        many_items(service)
        plan = start(service, seconds=60.0, budget=500.0, key="once")
        eventually(lambda: solver.pid)
        request = pb.CancelPlanRequest(plan_id=plan.plan_id, cancelled_by="Dr A.")
        assert service.ask.CancelPlan(request, timeout=T).plan.state == pb.PLAN_STATE_CANCELLED
        ended = watch(service, plan.plan_id)[-1]
        assert (ended.state, ended.failure) == (pb.PLAN_STATE_CANCELLED, "Cancelled by Dr A.")
        eventually(lambda: solver.pid is None)
        assert service.ask.CancelPlan(request, timeout=T).plan == ended, "twice is once"
        assert service.told(events_pb2.PlanProposed) == []
        assert start(service, seconds=60.0, budget=500.0, key="once").state == ended.state

        solver._gap = 0.05
        other = watch(service, start(service, seconds=20.0, budget=500.0).plan_id)[-1]
        assert other.state == pb.PLAN_STATE_PROPOSED, "the next plan is not held up"
        late = pb.CancelPlanRequest(plan_id=other.plan_id, cancelled_by="Dr A.")
        with pytest.raises(grpc.RpcError) as refused:
            service.ask.CancelPlan(late, timeout=T)
        refusal = refusal_of(refused.value)
        assert refusal is not None
        assert refusal.reason == "PLAN_ENDED"


def test_a_plan_too_large_for_its_memory_fails_with_the_reason() -> None:
    known = a_hospital_group(400, seed=3)
    problem = assemble(known, MONDAY, 28, weekly_budget(known), Policy()).problem
    with pytest.raises(SolverLost, match="memory"):
        SpawnedSolver(gap=0.0, memory_mb=8)(problem, 30.0, 1, lambda _: None, lambda: False)
    enough = SpawnedSolver(gap=0.2, memory_mb=4096)
    assert enough(problem, 20.0, 1, lambda _: None, lambda: False) is not None


def test_a_worker_that_dies_says_how() -> None:
    solver = SpawnedSolver(gap=0.0)
    known = a_hospital_group(60, seed=3)
    problem = assemble(known, MONDAY, 28, weekly_budget(known), Policy()).problem

    def kill(_: SolverProgress) -> None:
        if solver.pid is not None:
            os.kill(solver.pid, signal.SIGKILL)

    with pytest.raises(SolverLost, match="signal 9"):
        solver(problem, 30.0, 1, kill, lambda: False)
