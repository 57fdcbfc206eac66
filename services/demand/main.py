"""Wires the demand service and runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

from larrey.demand.v1 import demand_pb2, demand_pb2_grpc, events_pb2
from services.demand.adapters.backends import workers_for
from services.demand.adapters.bundles import ModelFolder
from services.demand.adapters.fitting import FitWhenAsked
from services.demand.adapters.history import ParquetHistory
from services.demand.adapters.one_history import OneHistory
from services.demand.adapters.own_process import OwnProcess
from services.demand.adapters.store.books import SqlBooks, SqlStore
from services.demand.adapters.store.tables import tables
from services.demand.adapters.watch import Metrics
from services.demand.domain.outlook import Rules
from services.demand.entrypoints.events import Listener
from services.demand.entrypoints.ingest import Ingest
from services.demand.entrypoints.jobs import RunJob
from services.demand.entrypoints.rpc import DemandRpc, UseCases
from services.demand.ports import RunWatch
from services.demand.settings import Settings
from services.demand.use_cases.accuracy import ReadAccuracy
from services.demand.use_cases.carry_out import CarryOutRun
from services.demand.use_cases.catalogue import PutItems, PutSites
from services.demand.use_cases.forecast_item import ForecastItem
from services.demand.use_cases.peaks import OneWithPeaks, WithPeaks
from services.demand.use_cases.read import ListForecasts, ReadForecast, Reading
from services.demand.use_cases.record import RecordMovements
from services.demand.use_cases.runs import ReadRun, StartRun
from services.demand.use_cases.shelf import RecordShelf
from services.demand.use_cases.signals import CountCase, ListSignals, RecordSignals
from services.demand.use_cases.totals import ReadTotal
from services.demand.use_cases.uses import RecordUses
from shared.clock import Clock, clock_from
from shared.events import open_log
from shared.service import ServiceParts, run
from shared.settings import load
from shared.storage import Database
from shared.telemetry import Telemetry, configure_logs

if TYPE_CHECKING:
    from services.demand.adapters.files.desk import Desk
    from services.demand.entrypoints.commands import Paths
    from services.demand.use_cases.backtest_files import BacktestFile
    from services.demand.use_cases.forecast_files import ForecastFile

NAME = "demand"
HEALTH = demand_pb2.DESCRIPTOR.services_by_name["DemandService"].full_name
# Whoever changes the history holds this turn, and loses it with its own life.
AT_WORK, TURN_SECONDS = "forecast-run-at-work", 0.1
MIGRATIONS = Path(__file__).parent / "adapters" / "migrations"


def build(environ: Mapping[str, str]) -> ServiceParts:
    """Every part of the service, joined; nothing runs yet. Raises BadSettings."""
    settings = load(Settings, environ)
    clock = clock_from(settings.clock_start)
    telemetry = Telemetry(NAME)
    database = Database.open(settings.database_url, clock=clock, producer=NAME)
    store = SqlStore(database, tables())
    watch = Metrics(telemetry, clock)
    history = ParquetHistory(store.database, store.tables, settings.data_dir / "history")
    carry_out = OwnProcess(partial(carry_out_run, settings, clock), watch)
    job = RunJob(store.database, store, carry_out, clock, watch)
    rpc = DemandRpc(_use_cases(settings, store, history, clock, watch=watch, wake=job.wake))
    listener = Listener(lambda tx: SqlBooks(tx, store.tables), CountCase(settings.zone))

    def register(server: grpc.aio.Server) -> None:
        demand_pb2_grpc.add_DemandServiceServicer_to_server(rpc, server)

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
        publishes=(events_pb2.ForecastPublished,),
        jobs=(job,),
    )


def carry_out_run(
    settings: Settings,
    clock: Clock,
    run_id: str,
    watch: RunWatch,
    stopped: Callable[[], bool],
) -> bool:
    """What the process of a run does: whether the run is finished."""
    configure_logs(NAME, settings.log_level)
    database = Database.open(settings.database_url, clock=clock, producer=NAME, pool_size=2)
    store = SqlStore(database, tables())
    history = ParquetHistory(database, store.tables, settings.data_dir / "history")
    workers = workers_for(settings.backend, settings.workers, settings.ray_address)
    carry_out = CarryOutRun(
        store,
        WithPeaks(history, store, settings.zone),
        workers,
        clock,
        watch,
        ModelFolder(settings.data_dir / "models"),
        settings.together,
        driven=settings.driven_series,
    )
    # the process of a service that was killed may need a moment to notice
    while (turn := database.try_turn(AT_WORK)) is None:
        if stopped():
            return False
        time.sleep(TURN_SECONDS)
    try:
        return carry_out(run_id, stopped)
    finally:
        workers.close()
        turn.release()
        database.close()


def _use_cases(
    settings: Settings,
    store: SqlStore,
    history: ParquetHistory,
    clock: Clock,
    *,
    watch: Metrics,
    wake: Callable[[], None],
) -> UseCases:
    rules = Rules(
        elasticity=settings.call_elasticity,
        lowest=settings.call_factor_lowest,
        highest=settings.call_factor_highest,
        usual=settings.usual_by_class,
    )
    reading = Reading(clock, settings.zone, settings.longest_useful, rules)
    record = RecordMovements(store, clock, watch, settings.zone, settings.future_tolerance)
    return UseCases(
        put_items=PutItems(store),
        put_sites=PutSites(store),
        ingest=Ingest(record),
        start_run=StartRun(store, clock, settings.zone, wake),
        read_run=ReadRun(store),
        read_forecast=ReadForecast(store, reading),
        list_forecasts=ListForecasts(store, reading),
        list_signals=ListSignals(store, clock, settings.zone),
        forecast_item=ForecastItem(
            store,
            OneWithPeaks(
                OneHistory(store.database, store.tables, history.folder), store, settings.zone
            ),
            FitWhenAsked(),
            reading,
        ),
        record_uses=RecordUses(store, clock, settings.future_tolerance),
        record_signals=RecordSignals(store, clock, settings.zone),
        record_shelf=RecordShelf(store, clock, settings.zone),
        read_accuracy=ReadAccuracy(store),
        read_total=ReadTotal(store, history, reading),
    )


def forecast_file(paths: Paths, workers: int) -> ForecastFile:
    """The parts of `larrey demand forecast`, joined."""
    # the service itself leaves the engines to its workers
    from services.demand.adapters.files import wiring  # noqa: PLC0415

    return wiring.forecast_file(_desk(paths), workers)


def backtest_file(paths: Paths, workers: int) -> BacktestFile:
    """The parts of `larrey demand backtest`, joined."""
    from services.demand.adapters.files import wiring  # noqa: PLC0415

    return wiring.backtest_file(_desk(paths), workers)


def prove_drivers(hospitals: int, items: int) -> Mapping[str, object]:
    """`larrey demand drivers`: the last shipped winter, and hospitals of known truth."""
    from services.demand.adapters.files import proofs  # noqa: PLC0415

    return proofs.run(hospitals, items)


def measures() -> Any:
    """What `larrey demand bench` measures with."""
    from services.demand.adapters.bench import measured  # noqa: PLC0415

    return measured


def _desk(paths: Paths) -> Desk:
    from services.demand.adapters.files.desk import Desk  # noqa: PLC0415
    from services.demand.adapters.files.equipment import UsesDesk  # noqa: PLC0415
    from services.demand.entrypoints.commands import Kind  # noqa: PLC0415

    item, picture = paths.plot or ("", None)
    desk = UsesDesk if paths.kind is Kind.USES else Desk
    return desk(
        history_path=paths.history,
        frequency=paths.frequency,
        season=paths.season,
        horizon=paths.horizon,
        out=paths.out,
        actuals_path=paths.actuals,
        json_path=paths.json,
        plot_item=item,
        plot_path=picture,
        signals_path=paths.signals,
        zone=paths.zone,
    )


def main() -> None:
    """Runs the service until it is told to stop."""
    run(NAME, build)


if __name__ == "__main__":
    main()
