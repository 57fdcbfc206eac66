"""The rights in the manifests are enough for the services on a real Kafka, and no more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from k8s.tests.rendering import SERVICES, manifests, of_kind
from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as dem
from larrey.demand.v1 import events_pb2 as demand_events
from larrey.orientation.v1 import orientation_pb2 as ori
from larrey.replenishment.v1 import replenishment_pb2 as rep
from loadtests.day.clients import Clients, eventually, local, reason_of, scraped, stamp
from loadtests.day.processes import System, Transport
from loadtests.day.world import SITES, START
from shared.errors import Refusal
from shared.events import Event, open_log, topic_of
from shared.testing.certificates import Authority, Issued
from shared.testing.secure_kafka import SecureKafka

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(400)]
SITE = next(iter(SITES))


@dataclass(frozen=True, slots=True)
class Closed:
    kafka: SecureKafka
    users: dict[str, Issued]
    system: System
    clients: Clients


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    folder, docs = tmp_path_factory.mktemp("rights"), manifests("production")
    with SecureKafka() as kafka:
        admin = kafka.admin()
        topics = of_kind(docs, "KafkaTopic")
        admin.create_topics(
            {name: {"num_partitions": 4, "replication_factor": 1} for name in topics}
        )
        admin.close()
        users = {}
        for service in SERVICES:
            name = f"larrey-{service}"
            users[service] = kafka.user(name)
            rights = of_kind(docs, "KafkaUser")[name]["spec"]["authorization"]["acls"]
            kafka.grant(name, rights)
        stores = {s: f"sqlite:///{folder / s / 'state.db'}" for s in SERVICES}
        system = System(
            Transport("TLS", "set below", stores),
            folder,
            START.isoformat(),
            settings={s: {"LARREY_EVENTS_URL": kafka.url(users[s])} for s in SERVICES},
        )
        with system:
            yield Closed(kafka, users, system, Clients.of(system.services))


def test_facts_travel_between_services_with_the_rights_of_the_manifests(closed: Closed) -> None:
    item = catalogue.Item(
        item_id="A", base_unit="unit", base_per_dispensing_unit=1, dispensing_units_per_pack=1
    )
    plans = closed.clients.replenishment
    plans.PutItems(rep.PutItemsRequest(items=[item]), timeout=30)
    plans.PutSites(rep.PutSitesRequest(sites=[catalogue.Site(site_id=SITE)]), timeout=30)
    asked = dem.GetForecastRequest(item=local("A"), site_id=SITE)
    demand = closed.clients.demand
    eventually(
        "demand's knowledge of the item",
        lambda: reason_of(lambda: demand.GetForecast(asked, timeout=10)) == "FORECAST_MISSING",
        90,
    )
    case = ori.CaseUpdate(
        case_id="fr.health.samu440.1", update_id="1", said_time=stamp(START), motive_code="M03.06"
    )
    closed.clients.orientation.ScoreCase(ori.ScoreCaseRequest(typed=case), timeout=30)
    signals = dem.ListSignalsRequest(days=30)
    eventually(
        "the call's count in demand",
        lambda: sum(s.calls for s in demand.ListSignals(signals, timeout=10).signals) == 1,
        90,
    )


def test_an_event_that_nobody_can_use_reaches_its_dead_letters(closed: Closed) -> None:
    item_put = "larrey.replenishment.item-put.v1"
    log = open_log(closed.kafka.url(closed.users["replenishment"]), client_id="stranger")
    log.publish([Event("poison", item_put, "x", b"\xff\xff", datetime.now(UTC))])
    log.close()

    def told() -> bool:
        found = scraped(closed.system.services["demand"].metrics)
        return found["larrey_events_dead_total"] == 1 and found["larrey_outbox_depth"] == 0

    eventually("the dead letter's way out of demand", told, 90)


def refused(publish: Callable[[], None]) -> bool:
    try:
        publish()
    except (KafkaError, Refusal):
        return True
    return False


def test_a_service_may_not_tell_another_s_facts(closed: Closed) -> None:
    topic = topic_of(demand_events.ForecastPublished)
    event = Event("forged", topic, "x", b"", datetime.now(UTC))
    log = open_log(closed.kafka.url(closed.users["orientation"]), client_id="forger")
    assert refused(lambda: log.publish([event]))
    log.close()
    own = open_log(closed.kafka.url(closed.users["demand"]), client_id="demand")
    own.publish([event])
    own.close()


def test_a_stranger_s_certificate_does_not_reach_the_broker(closed: Closed, tmp_path: Path) -> None:
    forged = Authority(tmp_path / "other").issue("larrey-demand")
    with_our_ca = Issued(forged.cert, forged.key, closed.kafka.authority.ca)
    log = open_log(closed.kafka.url(with_our_ca), client_id="stranger")
    begin = time.monotonic()
    topic = topic_of(demand_events.ForecastPublished)
    assert refused(lambda: log.publish([Event("x", topic, "x", b"", datetime.now(UTC))]))
    assert time.monotonic() - begin < 120
    log.close()
