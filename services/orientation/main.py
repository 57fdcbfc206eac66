"""Wiring of the orientation service: calls constructors, joins parts, runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from larrey.orientation.v1 import events_pb2, orientation_pb2
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
from services.orientation.adapters.store.facilities import Refresher, Snapshot, SqlShortages
from services.orientation.adapters.store.records import SqlRecords
from services.orientation.adapters.store.vehicles import SqlBoard
from services.orientation.domain.compiled import CompiledModel
from services.orientation.domain.modes import Mode
from services.orientation.domain.response import LocalHabits
from services.orientation.domain.synthetic import synthetic_layer
from services.orientation.entrypoints.events import handlers
from services.orientation.entrypoints.rpc import OrientationRpc, UseCases
from services.orientation.entrypoints.rpc import register as register_rpcs
from services.orientation.entrypoints.stream import StreamLimits
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
from shared.service import ServiceParts, run
from shared.settings import load
from shared.storage import Database
from shared.telemetry import Telemetry, get_log

NAME = "orientation"
SERVICE = orientation_pb2.DESCRIPTOR.services_by_name["OrientationService"].full_name
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


@dataclass(frozen=True, slots=True)
class Parts:
    """The service in one process, without its doors."""

    use_cases: UseCases
    snapshot: Snapshot
    meter: PrometheusMeter


def assemble(settings: Settings, database: Database, clock: Clock, telemetry: Telemetry) -> Parts:
    habits = LocalHabits(dict.fromkeys(settings.fire_first, "SIS"))
    reference = load_reference(habits)
    model = load_model(settings.bundle or BUNDLE, reference)
    meter = PrometheusMeter(telemetry)
    meter.model(model.version if model else "")
    meter.watch_drift(model.drift() if model else None)
    layer = synthetic_layer(reference.sites) if settings.synthetic_capabilities else ()
    roads = None
    if settings.roads_url:
        router = router_of(settings.roads_url, settings.roads_timeout.total_seconds())
        roads = CachedRoads(router, meter.roads)
    everywhere = Mode(settings.suggestions.upper())
    snapshot = Snapshot(database, layer, roads=roads, everywhere=everywhere)
    records = SqlRecords(database, clock)
    keyer = KeyedHash(secret_of(settings.case_key_secret, settings.data_dir))
    use_cases = UseCases(
        ScoreCase(
            records,
            snapshot,
            reference.knowledge,
            reference.lexicon,
            model,
            keyer,
            meter,
            clock,
        ),
        RecordDecision(records, snapshot, keyer, meter, clock, reference.resource_types),
        ExportDecision(
            records, keyer, HubCheck(DATA / "hub" / "schemas"), clock, settings.hub_sender
        ),
        ReportCapacity(records, snapshot, meter, clock),
        ReportResources(records, reference.lexicon, keyer, meter, clock),
        SetSuggestions(records, snapshot),
        SqlBoard(database, snapshot.now),
        Distribute(
            records, snapshot, reference.knowledge, model, keyer, Share(MinCostFlow()), clock
        ),
    )
    return Parts(use_cases, snapshot, meter)


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
    parts = assemble(settings, database, clock, telemetry)
    # The thread that answers waits no longer than this for one that computes.
    sys.setswitchinterval(0.001)
    limits = StreamLimits(
        settings.frames_in_flight,
        settings.frame_deadline.total_seconds(),
        settings.heartbeat.total_seconds(),
    )

    def register(server: grpc.aio.Server) -> None:
        register_rpcs(server, OrientationRpc(parts.use_cases, limits))

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
        jobs=(Refresher(parts.snapshot, clock, settings.refresh),),
    )


def main() -> None:
    run(NAME, build)


if __name__ == "__main__":
    main()
