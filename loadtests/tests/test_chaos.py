"""Worse faults than `make test` has time for: three brokers, many kills, floods, a full disk.

`make chaos` runs these and the faults of `test_faults.py`, and prints how long each recovery
took. After each fault an audit compares everything acknowledged with everything counted.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from kafka.admin import KafkaAdminClient

from larrey.demand.v1 import demand_pb2 as dem
from larrey.demand.v1 import demand_pb2_grpc
from larrey.orientation.v1 import events_pb2 as orientation_events
from larrey.replenishment.v1 import events_pb2 as replenishment_events
from loadtests import ingest
from loadtests.day.clients import scraped
from loadtests.day.processes import SERVICES
from loadtests.tests.test_faults import RETRY_S, Group
from shared.events import Event, open_log, topic_of
from shared.rpc import channel
from shared.testing.kafka import KafkaBroker, KafkaNode
from shared.testing.postgres import PostgresServer

pytestmark = [pytest.mark.chaos, pytest.mark.real, pytest.mark.timeout(900)]
RECOVERY_S = 15.0  # promised after a killed leader
KILLS, SEED = 20, 11
POISON = 900  # fewer than the limit of dead letters in a row
HUNG_S = 12.0


def say(words: str) -> None:
    print(f"\n  {words}", flush=True)  # noqa: T201


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Group]:
    folder = tmp_path_factory.mktemp("chaos")
    with KafkaBroker(nodes=3) as kafka, PostgresServer() as postgres:
        made = Group(kafka, postgres, folder)
        made.system.settings = {name: {"LARREY_TOPIC_REPLICATION": "3"} for name in SERVICES}
        with made.system:
            made.prepare()
            yield made


def leader(group: Group) -> KafkaNode:
    """The node that leads most partitions of the cases' topic."""
    admin = KafkaAdminClient(bootstrap_servers=group.kafka.servers)
    try:
        told: Any = admin.describe_topics([topic_of(orientation_events.CaseOriented)])
    finally:
        admin.close()
    leaders: list[int] = [p["leader_id"] for p in told[0]["partitions"]]
    most: int = max(set(leaders), key=leaders.count)
    return group.kafka.nodes[most - 1]


def until_counted(group: Group, number: int) -> float:
    """Seconds until demand has counted so many calls."""
    begin = time.monotonic()
    while group.calls_counted() < number:
        assert time.monotonic() < begin + RETRY_S
        time.sleep(0.05)
    return time.monotonic() - begin


def test_a_killed_leader_is_replaced_and_nothing_is_lost(
    group: Group, load: Callable[[], None]
) -> None:
    group.send(1)
    until_counted(group, 1)
    time.sleep(2)
    node = leader(group)
    node.kill()
    begin = time.monotonic()
    acknowledged = len(group.sent.cases)  # whatever was told until now must get through
    until_counted(group, acknowledged + 1)
    recovery = time.monotonic() - begin
    say(f"leader killed: facts flowed again after {recovery:.1f} s (promise {RECOVERY_S:.0f} s)")
    load()
    node.start()
    group.audit()
    assert recovery <= RECOVERY_S


def test_a_hung_leader_loses_and_doubles_nothing(group: Group, load: Callable[[], None]) -> None:
    time.sleep(1)
    pid = leader(group).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    time.sleep(HUNG_S)
    before = len(group.sent.cases)
    os.kill(pid, signal.SIGCONT)
    begin = time.monotonic()
    until_counted(group, before)
    say(f"leader hung for {HUNG_S:.0f} s: caught up {time.monotonic() - begin:.1f} s after it woke")
    load()
    group.audit()


def test_twenty_kills_at_random_points_under_load_lose_and_double_nothing(
    group: Group, load: Callable[[], None]
) -> None:
    draw, ready = random.Random(SEED), list[float]()
    for _ in range(KILLS):
        time.sleep(draw.uniform(0.05, 1.5))
        name = draw.choice(SERVICES)
        group.system.kill(name)
        ready.append(group.system.revive(name))
    load()
    ready.sort()
    say(
        f"{KILLS} kills: restart to ready "
        f"median {ready[KILLS // 2]:.1f} s, longest {ready[-1]:.1f} s"
    )
    group.audit()


def test_a_flood_of_poison_holds_up_no_good_fact_and_is_all_kept_apart(
    group: Group, load: Callable[[], None]
) -> None:
    def dead() -> float:
        found = scraped(group.system.services["demand"].metrics)
        return found.get("larrey_events_dead_total", 0.0)

    before, topic = dead(), topic_of(replenishment_events.ItemPut)
    log = open_log(group.kafka.url, client_id="stranger")
    draw = random.Random(SEED)
    now = datetime.now(UTC)
    log.publish(
        [
            Event(f"poison-{n}", topic, f"k{n}", draw.randbytes(draw.randrange(1, 200)), now)
            for n in range(POISON)
        ]
    )
    log.close()
    begin = time.monotonic()
    while dead() - before < POISON * 0.9:  # random bytes are now and then a message
        assert time.monotonic() < begin + RETRY_S
        time.sleep(0.1)
    say(f"{POISON} poisoned events: kept apart within {time.monotonic() - begin:.1f} s")
    load()
    group.audit()


def test_a_full_disk_refuses_and_loses_nothing_and_ends_when_there_is_room(tmp_path: Path) -> None:
    """The file size that the process may write stands for the disk's end."""
    running = ingest.service(tmp_path)
    try:
        ingest.register(running)
        process = psutil.Process(running.process.pid)
        batches = ingest.requests(40_000, 1000)
        room = (tmp_path / "state.db").stat().st_size + 2 * 2**20
        process.rlimit(psutil.RLIMIT_FSIZE, (room, psutil.RLIM_INFINITY))
        accepted, refused, codes = 0, list[bytes](), set[grpc.StatusCode]()
        with channel(running.grpc) as link:
            stub = demand_pb2_grpc.DemandServiceStub(link)

            def send(batch: bytes) -> dem.RecordConsumptionResponse:
                request = dem.RecordConsumptionRequest.FromString(batch)
                return stub.RecordConsumption(iter([request]), timeout=30)

            for batch in batches:
                try:
                    accepted += send(batch).accepted
                except grpc.RpcError as error:
                    codes.add(error.code())
                    refused.append(batch)
            assert codes == {grpc.StatusCode.UNAVAILABLE}  # empty: the disk never filled
            process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
            begin = time.monotonic()
            while refused:
                try:
                    accepted += send(refused[0]).accepted
                except grpc.RpcError:
                    assert time.monotonic() < begin + RETRY_S
                    time.sleep(0.1)
                else:
                    refused.pop(0)
            say(f"disk full: stored again {time.monotonic() - begin:.1f} s after there was room")
            assert accepted == 40_000
            assert sum(send(batch).duplicate for batch in batches) == 40_000
    finally:
        running.stop()
