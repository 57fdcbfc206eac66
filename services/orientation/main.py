"""Wiring of the orientation service: calls constructors, joins parts, runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import grpc

from larrey.orientation.v1 import events_pb2, orientation_pb2
from services.orientation.adapters.aside import Aside
from services.orientation.adapters.bundle import load_bundle
from services.orientation.adapters.checking import HubCheck
from services.orientation.adapters.distribution.flow import MinCostFlow
from services.orientation.adapters.keys import KeyedHash, secret_of
from services.orientation.adapters.meter import PrometheusMeter
from services.orientation.adapters.reference import (
    BUNDLE,
    DATA,
    Reference,
    load_reference,
)
from services.orientation.adapters.roads import CachedRoads, router_of
from services.orientation.adapters.store.drafts import Remembered
from services.orientation.adapters.store.facilities import Refresher, Snapshot, SqlShortages
from services.orientation.adapters.store.records import SqlRecords
from services.orientation.adapters.store.vehicles import SqlBoard
from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.modes import Mode
from services.orientation.domain.response import LocalHabits
from services.orientation.domain.synthetic import synthetic_layer
from services.orientation.entrypoints.answering import Answering
from services.orientation.entrypoints.events import handlers
from services.orientation.entrypoints.rpc import Answerer, OrientationRpc, UseCases
from services.orientation.entrypoints.rpc import register as register_rpcs
from services.orientation.entrypoints.scoring_life import Inside, live
from services.orientation.entrypoints.scoring_process import ScoringProcess
from services.orientation.entrypoints.stream import StreamLimits
from services.orientation.ports import ScoringMeter, Told
from services.orientation.settings import Settings
from services.orientation.use_cases.capacity import ReportCapacity
from services.orientation.use_cases.decide import ExportDecision, RecordDecision
from services.orientation.use_cases.distribute import Distribute
from services.orientation.use_cases.modes import SetSuggestions
from services.orientation.use_cases.score import ScoreCase
from services.orientation.use_cases.sharing import Share
from services.orientation.use_cases.vehicles import ReportResources
from shared.clock import Clock, clock_from
from shared.errors import Refusal
from shared.events import open_log
from shared.service import Job, ServiceParts, run
from shared.settings import load
from shared.storage import Database
from shared.telemetry import Telemetry, configure_logs, get_log

NAME = "orientation"
SERVICE = orientation_pb2.DESCRIPTOR.services_by_name["OrientationService"].full_name
# A thread that answers waits no longer than this for one that computes.
LONGEST_TURN_S = 0.001
MIGRATIONS = Path(__file__).resolve().parent / "adapters" / "migrations"


def load_model(folder: Path, reference: Reference) -> CompiledModel | None:
    """The model, or None when it is refused: the service then runs on rules and says so."""
    log = get_log(NAME)
    try:
        model = CompiledModel.of(load_bundle(folder, reference.complaints))
    except Refusal as refusal:
        log.warning("model refused: rules only", reason=refusal.reason, field=refusal.field)
        return None
    log.info("model loaded", model_version=model.version)
    return model


class CoreMeter(ScoringMeter, Protocol):
    """What is counted where cases are answered."""

    def roads(self, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Core:
    """What answers cases, in the process at the door and in the one that scores."""

    reference: Reference
    model: CompiledModel | None
    snapshot: Snapshot
    records: SqlRecords
    keyer: KeyedHash
    score: ScoreCase


def core(
    settings: Settings,
    database: Database,
    clock: Clock,
    meter: CoreMeter,
    remembered: Remembered | None = None,
) -> Core:
    habits = LocalHabits(dict.fromkeys(settings.fire_first, "SIS"))
    reference = load_reference(habits)
    model = load_model(settings.bundle or BUNDLE, reference)
    layer = synthetic_layer(reference.sites) if settings.synthetic_capabilities else ()
    roads = None
    if settings.roads_url:
        router = router_of(settings.roads_url, settings.roads_timeout.total_seconds())
        roads = CachedRoads(router, meter.roads)
    everywhere = Mode(settings.suggestions.upper())
    snapshot = Snapshot(database, layer, roads=roads, everywhere=everywhere)
    records = SqlRecords(database, clock, remembered)
    keyer = KeyedHash(secret_of(settings.case_key_secret, settings.data_dir))
    score = ScoreCase(
        records, snapshot, reference.knowledge, reference.lexicon, model, keyer, meter, clock
    )
    return Core(reference, model, snapshot, records, keyer, score)


def use_cases_of(
    core: Core, settings: Settings, database: Database, clock: Clock, meter: PrometheusMeter
) -> UseCases:
    records, snapshot, keyer, reference = core.records, core.snapshot, core.keyer, core.reference
    return UseCases(
        core.score,
        RecordDecision(records, snapshot, keyer, meter, clock, reference.resource_types),
        ExportDecision(
            records, keyer, HubCheck(DATA / "hub" / "schemas"), clock, settings.hub_sender
        ),
        ReportCapacity(records, snapshot, meter, clock),
        ReportResources(records, reference.lexicon, keyer, meter, clock),
        SetSuggestions(records, snapshot),
        SqlBoard(database, snapshot.now),
        Distribute(
            records,
            snapshot,
            reference.knowledge,
            core.model,
            keyer,
            Share(MinCostFlow()),
            clock,
        ),
    )


def inside(environ: Mapping[str, str], clock: Clock) -> Inside:
    """The parts of the scoring process: the same tables, the same store, no doors."""
    settings = load(Settings, environ)
    configure_logs(NAME, settings.log_level)
    sys.setswitchinterval(LONGEST_TURN_S)
    database = Database.open(settings.database_url, clock=clock, producer=NAME)
    aside = Aside(database.outbox_grew)
    parts = core(settings, database, clock, aside, aside.kept)
    refresher = Refresher(parts.snapshot, clock, settings.refresh)
    refresher.start()
    database.copy_back_beside()

    def close() -> None:
        refresher.stop()
        database.close()

    return Inside(Answering(parts.score), parts.snapshot.refresh, aside, close)


def answerer_of(
    parts: Core,
    settings: Settings,
    environ: Mapping[str, str],
    database: Database,
    meter: PrometheusMeter,
) -> tuple[Answerer, Sequence[Job]]:
    """Who answers groups of calls, and what runs for it in the background."""
    answering = Answering(parts.score)
    if not settings.own_scoring_process:
        return answering, ()

    def told(aside: Told) -> None:
        for name, values in aside.counted:
            getattr(meter, name)(*values)
        parts.records.heard(aside.kept)
        if aside.published:
            database.outbox_grew.set()

    process = ScoringProcess(
        answering,
        functools.partial(live, functools.partial(inside, dict(environ), parts.score.clock)),
        lambda: parts.snapshot.changes,
        told,
        meter.scoring_process,
    )
    return process, (process,)


def build(environ: Mapping[str, str]) -> ServiceParts:
    """Every part of the service, joined; nothing runs yet. Raises BadSettings."""
    settings = load(Settings, environ)
    clock = clock_from(settings.clock_start)
    telemetry = Telemetry(NAME)
    database = Database.open(settings.database_url, clock=clock, producer=NAME)
    log = open_log(
        settings.events_url,
        client_id=NAME,
        replication=settings.topic_replication,
        partitions=settings.topic_partitions,
    )
    meter = PrometheusMeter(telemetry)
    parts = core(settings, database, clock, meter)
    meter.model(parts.model.version if parts.model else "")
    meter.watch_drift(parts.model.drift() if parts.model else None)
    use_cases = use_cases_of(parts, settings, database, clock, meter)
    answerer, beside = answerer_of(parts, settings, environ, database, meter)
    sys.setswitchinterval(LONGEST_TURN_S)
    limits = StreamLimits(
        settings.frames_in_flight,
        settings.frame_deadline.total_seconds(),
        settings.heartbeat.total_seconds(),
    )

    def register(server: grpc.aio.Server) -> None:
        register_rpcs(server, OrientationRpc(use_cases, answerer, limits))

    return ServiceParts(
        name=NAME,
        settings=settings,
        clock=clock,
        telemetry=telemetry,
        database=database,
        log=log,
        migrations=str(MIGRATIONS),
        register=register,
        health_names=(SERVICE,),
        handlers=handlers(SqlShortages, clock),
        publishes=(
            events_pb2.CaseOriented,
            events_pb2.DecisionRecorded,
            events_pb2.FacilityCapacityReported,
            events_pb2.ResourceMoved,
        ),
        jobs=(Refresher(parts.snapshot, clock, settings.refresh), *beside),
    )


def main() -> None:
    run(NAME, build)


if __name__ == "__main__":
    main()
