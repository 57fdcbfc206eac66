"""The whole system under faults: real Kafka, real PostgreSQL, real processes that die.

After each fault an audit compares what was sent with what is stored and published: every
fact counts exactly once.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as dem
from larrey.orientation.v1 import events_pb2 as orientation_events
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.replenishment.v1 import events_pb2 as replenishment_events
from larrey.replenishment.v1 import replenishment_pb2 as rep
from loadtests.day.clients import Clients, base, eventually, local, reason_of, stamp
from loadtests.day.processes import SERVICES, System, Transport
from loadtests.day.world import SITES, START
from shared.events import open_log, topic_of
from shared.testing.kafka import KafkaBroker
from shared.testing.postgres import PostgresServer
from shared.testing.rewind import rewind

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SITE = next(iter(SITES))
KAFKA_AWAY_S = 30.0
KILLS = 6
SEED = 7
RETRY_S = 120.0
# Between two rounds: faults are what is tested here, not what load is held. One that strikes at a
# random moment wants a short pause, so that it strikes in the middle of something.
OFTEN_S, SELDOM_S = 0.05, 0.5


@dataclass
class Sent:
    """What the services acknowledged."""

    cases: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    movements: dict[str, dem.Movement] = field(default_factory=dict)


class Group:
    """The running system, its two servers, and a client that tries again until answered."""

    def __init__(self, kafka: KafkaBroker, postgres: PostgresServer, folder: Path) -> None:
        self.kafka, self.postgres = kafka, postgres
        databases = {name: postgres.fresh() for name in SERVICES}
        transport = Transport("real", kafka.url, databases)
        self.system = System(transport, folder, START.isoformat())
        self.sent = Sent()
        self.number = 0
        self.now = START  # when the cases were said
        self.pause_s = OFTEN_S
        self._clients: tuple[tuple[str, ...], Clients] | None = None

    def clients(self) -> Clients:
        """One connection to each service for as long as none of them has moved."""
        services = self.system.services
        at = tuple(running.grpc for running in services.values())
        known = self._clients
        if known is None or (all(at) and known[0] != at):  # one that is starting has no address
            known = self._clients = (at, Clients.of(services))
        return known[1]

    def insist(self, call: Callable[[Clients], Any]) -> Any:
        """Repeats the same call, same ids, until it is answered."""
        until = time.monotonic() + RETRY_S
        while True:
            try:
                return call(self.clients())
            except grpc.RpcError as error:
                code = error.code()
                # a call cut by a SIGKILL may end as any of these
                away = (
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                    grpc.StatusCode.CANCELLED,
                    grpc.StatusCode.UNKNOWN,
                )
                if code not in away or time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def send(self, rounds: int) -> None:
        """Each round: five cases, five items, fifty movements."""
        for _ in range(rounds):
            first, self.number = self.number, self.number + 5
            for number in range(first, first + 5):
                self._case(number)
            self._items([f"ITEM-{number:05d}" for number in range(first, first + 5)])
            self._movements([f"m-{first:05d}-{k}" for k in range(50)])

    def _case(self, number: int) -> None:
        case_id = f"fr.health.samu440.fault.{number:05d}"
        update = ori.CaseUpdate(
            case_id=case_id,
            update_id=f"u-{number}",
            said_time=stamp(self.now - timedelta(minutes=1)),
            age_years=40,
            sex=ori.SEX_FEMALE,
            complaint_codes=[14150],
            owner="fr.health.samu440",
        )
        self.insist(
            lambda c: c.orientation.ScoreCase(ori.ScoreCaseRequest(typed=update), timeout=5)
        )
        self.sent.cases.add(case_id)

    def _items(self, names: list[str]) -> None:
        items = [
            catalogue.Item(
                item_id=name,
                base_unit="unit",
                base_per_dispensing_unit=1,
                dispensing_units_per_pack=10,
            )
            for name in names
        ]
        self.insist(lambda c: c.replenishment.PutItems(rep.PutItemsRequest(items=items), timeout=5))
        self.sent.items.update(names)

    def _movements(self, names: list[str]) -> None:
        used = datetime(2025, 12, 1, 12, tzinfo=UTC)
        rows = [
            dem.Movement(
                movement_id=name,
                site_id=SITE,
                item=local("KNOWN"),
                quantity=base(1),
                reason=dem.MOVEMENT_REASON_PATIENT,
                occurred_time=stamp(used),
            )
            for name in names
        ]
        answer = self.record(rows)
        assert answer.refused == 0
        self.sent.movements.update({row.movement_id: row for row in rows})

    def record(self, rows: list[dem.Movement]) -> dem.RecordConsumptionResponse:
        request = dem.RecordConsumptionRequest(movements=rows)
        answer: dem.RecordConsumptionResponse = self.insist(
            lambda c: c.demand.RecordConsumption(iter([request]), timeout=10)
        )
        return answer

    def prepare(self) -> None:
        """One item and one site that demand knows before anything goes wrong."""
        known = catalogue.Item(
            item_id="KNOWN",
            base_unit="unit",
            base_per_dispensing_unit=1,
            dispensing_units_per_pack=1,
        )
        self.insist(lambda c: c.demand.PutItems(dem.PutItemsRequest(items=[known]), timeout=10))
        sites = [catalogue.Site(site_id=SITE)]
        self.insist(lambda c: c.demand.PutSites(dem.PutSitesRequest(sites=sites), timeout=10))

    def calls_counted(self) -> int:
        answer = self.insist(
            lambda c: c.demand.ListSignals(dem.ListSignalsRequest(days=30), timeout=10)
        )
        return sum(signal.calls for signal in answer.signals)

    def published(self, message: Any) -> Counter[str]:
        """Events with distinct ids per key, read from the start of the topic."""
        topic = topic_of(message)
        log = open_log(self.kafka.url, client_id="audit")
        reader = log.subscribe(f"audit-{uuid.uuid4().hex}", [topic])
        seen: dict[str, str] = {}
        try:
            until, quiet = time.monotonic() + RETRY_S, 0
            while quiet < 4 and time.monotonic() < until:
                found = reader.poll(0.5, 500)
                quiet = 0 if found or not seen else quiet + 1  # its group is slow to form
                seen.update({d.event.id: d.event.key for d in found if d.event is not None})
        finally:
            reader.close()
            log.close()
        return Counter(seen.values())

    def _known(self, item_id: str) -> bool:
        request = dem.GetForecastRequest(item=local(item_id), site_id=SITE)
        reason: str = self.insist(
            lambda c: reason_of(lambda: c.demand.GetForecast(request, timeout=10))
        )
        return reason == "FORECAST_MISSING"

    def audit(self) -> None:
        """Every case, item and movement that was acknowledged counts exactly once."""
        sent = self.sent
        eventually(
            "every case's count in demand",
            lambda: self.calls_counted() >= len(sent.cases),
            RETRY_S,
        )

        for item_id in sorted(sent.items):
            eventually(f"demand's knowledge of {item_id}", partial(self._known, item_id), RETRY_S)
        time.sleep(1.0)  # what would be counted twice has had time to be
        assert self.calls_counted() == len(sent.cases)
        oriented = self.published(orientation_events.CaseOriented)
        assert len(oriented) == len(sent.cases)
        assert set(oriented.values()) == {1}
        assert set(self.published(replenishment_events.ItemPut)) >= sent.items
        rows = list(sent.movements.values())
        for start in range(0, len(rows), 2000):
            again = self.record(rows[start : start + 2000])
            assert (again.accepted, again.refused) == (0, 0)
            assert again.duplicate == len(rows[start : start + 2000])


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("faults")
    with KafkaBroker() as kafka, PostgresServer() as postgres:
        made = Group(kafka, postgres, folder)
        with made.system:
            made.prepare()
            yield made


def test_services_killed_between_commit_and_publish_lose_and_double_nothing(
    group: Group,
) -> None:
    group.send(4)
    group.kafka.stop()  # what is committed from here on cannot be published
    group.send(4)
    for name in SERVICES:
        group.system.kill(name)
    group.kafka.start()
    for name in SERVICES:
        group.system.revive(name)
    group.audit()


def test_kafka_away_for_half_a_minute_stops_no_answer_and_loses_nothing(
    group: Group, load: Callable[[], None]
) -> None:
    time.sleep(1)
    group.pause_s = SELDOM_S
    group.kafka.stop()
    before = len(group.sent.cases)
    time.sleep(KAFKA_AWAY_S)
    answered = len(group.sent.cases) - before
    group.kafka.start()
    time.sleep(1)
    load()
    group.pause_s = OFTEN_S
    assert answered > 0
    group.audit()


def test_a_restarted_database_loses_and_doubles_nothing(
    group: Group, load: Callable[[], None]
) -> None:
    time.sleep(1)
    group.postgres.stop()
    time.sleep(2)
    group.postgres.start()
    time.sleep(2)
    load()
    group.audit()


def test_services_killed_at_random_points_under_load_lose_and_double_nothing(
    group: Group, load: Callable[[], None]
) -> None:
    draw = random.Random(SEED)
    for _ in range(KILLS):
        time.sleep(draw.uniform(0.1, 1.5))
        name = draw.choice(SERVICES)
        group.system.kill(name)
        group.system.revive(name)
    load()
    group.audit()


def test_a_topic_replayed_from_the_start_changes_nothing(group: Group) -> None:
    group.send(1)
    group.audit()
    before = group.calls_counted()
    group.system.kill("demand")
    topic = topic_of(orientation_events.CaseOriented)
    rewind(group.kafka.url, "larrey.demand", [topic], within_s=60)
    group.system.revive("demand")
    time.sleep(5)
    assert group.calls_counted() == before
    group.audit()
