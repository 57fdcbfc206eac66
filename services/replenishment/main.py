"""Wires the replenishment service and runs it."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from rich import progress as bars
from rich.console import Console
from rich.table import Table

from larrey.replenishment.v1 import events_pb2, replenishment_pb2, replenishment_pb2_grpc
from services.replenishment.adapters.sharer import SpawnedSharer
from services.replenishment.adapters.store.books import SqlBooks, SqlStore
from services.replenishment.adapters.store.tables import tables
from services.replenishment.adapters.watch import Metrics
from services.replenishment.adapters.worker import SpawnedSolver, WarmUp
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Ints, Problem
from services.replenishment.entrypoints.events import Listener
from services.replenishment.entrypoints.jobs import PlanJob
from services.replenishment.entrypoints.oracle import PlayOracles
from services.replenishment.entrypoints.rpc import ReplenishmentRpc, UseCases
from services.replenishment.entrypoints.simulate import Simulate
from services.replenishment.entrypoints.solve import SolveFile
from services.replenishment.entrypoints.supply_status import SendSupplyStatus
from services.replenishment.ports import OracleCase, Proved, Sharer, Solver, Today
from services.replenishment.settings import Settings
from services.replenishment.use_cases.agreed import (
    PutGroupAllotments,
    PutStorageLimits,
    PutTransferLanes,
)
from services.replenishment.use_cases.carry_out import CarryOutPlan
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
from services.replenishment.use_cases.share import ShareStock
from services.replenishment.use_cases.stock import ReportStock, TakeForecast
from services.replenishment.use_cases.substitutes import PutSubstitutes
from services.replenishment.use_cases.supply_status import PutSupplyStatus
from services.replenishment.use_cases.warn import Warn
from shared.clock import Clock, clock_from, today
from shared.errors import Malformed
from shared.events import open_log
from shared.service import ServiceParts, run
from shared.settings import load
from shared.storage import Database
from shared.telemetry import Telemetry

NAME = "replenishment"
HEALTH = replenishment_pb2.DESCRIPTOR.services_by_name["ReplenishmentService"].full_name
MIGRATIONS = Path(__file__).parent / "adapters" / "migrations"
PUBLISHES = (
    events_pb2.ItemPut,
    events_pb2.SitePut,
    events_pb2.StockReported,
    events_pb2.PlanProposed,
    events_pb2.OrderApproved,
    events_pb2.ShortageForeseen,
)


@dataclass(frozen=True, slots=True)
class _Core:
    """What most use cases lean on."""

    settings: Settings
    store: SqlStore
    clock: Clock
    today: Today
    watch: Metrics
    warn: Warn


def build(
    environ: Mapping[str, str], solver: Solver | None = None, sharer: Sharer | None = None
) -> ServiceParts:
    """Every part of the service, joined; nothing runs yet. Raises BadSettings.

    `solver` and `sharer` left out are the real ones, each in a process of its own.
    """
    settings = load(Settings, environ)
    clock = clock_from(settings.clock_start)
    telemetry = Telemetry(NAME)
    database = Database.open(settings.database_url, clock=clock, producer=NAME)

    def day() -> date:
        return today(clock, settings.zone)

    watch = Metrics(telemetry, clock)
    store = SqlStore(database, tables())
    warn = Warn(settings.policy, settings.warning_rule, clock, day)
    core = _Core(settings, store, clock, day, watch, warn)
    compiled = _compiled_dir(settings)
    carry_out = CarryOutPlan(
        store,
        solver or SpawnedSolver(settings.gap, compiled, settings.worker_memory_mb),
        ShareStock(sharer or SpawnedSharer(compiled, settings.worker_memory_mb), settings.policy),
        settings.policy,
        warn,
        clock,
        day,
        watch,
        time.monotonic,
    )
    job = PlanJob(database, store, carry_out)
    rpc = ReplenishmentRpc(_use_cases(core, job.wake))
    listener = Listener(lambda tx: SqlBooks(tx, store.tables), TakeForecast(warn))

    def register(server: grpc.aio.Server) -> None:
        replenishment_pb2_grpc.add_ReplenishmentServiceServicer_to_server(rpc, server)

    return ServiceParts(
        name=NAME,
        settings=settings,
        clock=clock,
        telemetry=telemetry,
        database=database,
        log=open_log(
            settings.events_url,
            client_id=NAME,
            replication=settings.topic_replication,
            partitions=settings.topic_partitions,
        ),
        migrations=str(MIGRATIONS),
        register=register,
        health_names=(HEALTH,),
        handlers=listener.handlers(),
        publishes=PUBLISHES,
        jobs=(WarmUp(compiled), job) if solver is None else (job,),
    )


def _compiled_dir(settings: Settings) -> Path | None:
    """Where compiled loops are kept; None is beside the code, as Python does with its own."""
    if settings.compiled_dir is not None:
        return settings.compiled_dir
    code = Path(__file__).parent
    return None if os.access(code, os.W_OK) else settings.data_dir / "compiled"


def _use_cases(core: _Core, wake: Callable[[], None]) -> UseCases:
    store, policy = core.store, core.settings.policy
    return UseCases(
        put_items=PutItems(store),
        put_sites=PutSites(store),
        put_supply_terms=PutSupplyTerms(store),
        put_storage_limits=PutStorageLimits(store),
        put_group_allotments=PutGroupAllotments(store),
        put_transfer_lanes=PutTransferLanes(store),
        put_supply_status=PutSupplyStatus(store),
        put_substitutes=PutSubstitutes(store, core.clock),
        report_stock=ReportStock(
            store,
            core.warn,
            core.clock,
            core.today,
            core.settings.future_tolerance,
            policy,
            core.watch,
        ),
        release_lot=ReleaseLot(store, core.warn, core.clock, core.today),
        start_plan=StartPlan(store, core.clock, core.today, wake),
        cancel_plan=CancelPlan(store, core.clock, core.watch),
        read_plan=ReadPlan(store),
        list_plans=ListPlans(store),
        explain_line=ExplainLine(store),
        decide_plan=DecidePlan(store, core.warn, policy, core.clock, core.watch),
        assess_risk=AssessRisk(store, policy, core.today),
    )


def solve_file() -> SolveFile:
    """The command that plans a problem from a file with the same engine as the service."""
    # The engine takes a while to load: a service in this process never pays for it.
    from services.replenishment.adapters.instances import read_named  # noqa: PLC0415
    from services.replenishment.adapters.plan_files import (  # noqa: PLC0415
        read_start,
        write_plan,
    )
    from services.replenishment.adapters.solver.engine import solve  # noqa: PLC0415
    from services.replenishment.adapters.solver.solving import Effort, Progress, Watch  # noqa: PLC0415

    def plan(
        problem: Problem,
        seconds: float,
        seed: int,
        better: Callable[[Proved], None],
        start: Prices | None,
    ) -> Proved:
        best = np.zeros((problem.rows.count, problem.days), dtype=np.int64)
        prices: Prices | None = None

        def tell(progress: Progress, orders: Ints | None) -> None:
            nonlocal best
            best = best if orders is None else orders
            better(Proved(best, progress.bound, progress.rounds, prices))

        def price(found: Prices) -> None:
            nonlocal prices
            prices = found

        effort = Effort(seconds=seconds, rounds=100_000, gap=0.0)
        watch = Watch(time.monotonic, tell, price=price)
        found = solve(problem, effort, seed, watch, start)
        return Proved(found.orders, found.progress.bound, found.progress.rounds, found.named)

    return SolveFile(read_named, read_start, plan, write_plan)


def supply_status() -> SendSupplyStatus:
    """The command that sends the ANSM's list to a running service."""
    from services.replenishment.adapters.ansm import read_listed  # noqa: PLC0415

    return SendSupplyStatus(read_listed, Console().print)


def generate_file(item_sites: int, seed: int, out: Path) -> None:
    """The command that makes a planning problem."""
    from services.replenishment.adapters.generator import generate, write  # noqa: PLC0415

    write(out, generate(item_sites, seed))


def generate_day_after(instance: Path, plan: Path | None, seed: int, out: Path) -> None:
    """The command that makes the problem of the day after another one."""
    from services.replenishment.adapters.generator import write  # noqa: PLC0415
    from services.replenishment.adapters.tomorrow import day_after  # noqa: PLC0415

    write(out, day_after(instance, plan, seed))


def try_transfers(items: int, seconds: float, seed: int, out: Path) -> None:
    """The command that shows what transfers are worth."""
    from services.replenishment.adapters.transfer_trial import trial  # noqa: PLC0415

    if not out.parent.is_dir():
        raise Malformed("FOLDER_MISSING", f"There is no folder {out.parent}.", field="json")
    out.write_text(json.dumps(trial(items, seconds, seed), indent=2) + "\n")


def warm_up() -> None:
    """The command that compiles the solver's loops once."""
    from services.replenishment.adapters.solver.warming import compile_all  # noqa: PLC0415

    compile_all()


def simulate_files() -> Simulate:
    """The command that plays policies on files of demand."""
    from services.replenishment.adapters.simulation.campaign import (  # noqa: PLC0415
        Job,
        Results,
        campaign,
        play_one,
    )
    from services.replenishment.adapters.simulation.plots import draw  # noqa: PLC0415
    from services.replenishment.adapters.simulation.world import worlds_of  # noqa: PLC0415

    screen = Console(stderr=True)

    def played(data: Path) -> dict[str, Any]:
        worlds = worlds_of(data)
        cores = len(os.sched_getaffinity(0))
        spawn = multiprocessing.get_context("spawn")
        with (
            bars.Progress(console=screen) as bar,
            ProcessPoolExecutor(cores, mp_context=spawn) as pool,
        ):

            def play(name: str, jobs: Sequence[Job]) -> list[Results]:
                return list(bar.track(pool.map(play_one, jobs), len(jobs), description=name))

            return campaign(worlds, play)

    def show(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        table = Table(*heads)
        for row in rows:
            table.add_row(*row)
        screen.print(table)

    return Simulate(played, draw, show)


def play_oracles() -> PlayOracles:
    """The command that puts exactly solved cases to the engine."""
    from services.replenishment.adapters.oracles.files import (  # noqa: PLC0415
        perishable_cases,
        textbook_cases,
    )

    def shown(cases: Iterable[OracleCase]) -> Iterable[OracleCase]:
        return bars.track(cases, "cases", console=Console(stderr=True))

    return PlayOracles(
        {"exact_oracles": textbook_cases, "perishable_optimal": perishable_cases}, shown
    )


def main() -> None:
    """Runs the service until it is told to stop."""
    run(NAME, build)


if __name__ == "__main__":
    main()
