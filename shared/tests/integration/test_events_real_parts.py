"""The real parts themselves: locked, three nodes, and gone when their starter is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from shared.events import open_log
from shared.testing.guarded import GuardedServer, ServerFailed
from shared.testing.jars import LOCK, Artifact, NotFetched, cache_folder, fetch, read_lock
from shared.testing.kafka import KafkaBroker
from shared.testing.party import until
from shared.testing.suites.event_log import numbers, some_events, take

STARTER = """
import signal, sys
from pathlib import Path
from shared.testing.guarded import GuardedServer
folder = Path(sys.argv[1])
server = GuardedServer("sleep", ["sleep", "300"], folder / "log", scratch=folder)
server.start(lambda: True, 5)
print(server.pid, flush=True)
signal.pause()
"""


def gone(pid: int, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_a_server_and_its_data_go_when_its_starter_is_killed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(scratch)], stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert psutil.pid_exists(pid)
    starter.kill()
    starter.wait()
    starter.stdout.close()
    assert gone(pid)
    assert until(lambda: not scratch.exists(), 5)


def test_a_server_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    server = GuardedServer("sleep", ["sleep", "300"], tmp_path / "log")
    server.start(lambda: True, 5)
    assert server.pid is not None
    pid = server.pid
    os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
    assert gone(pid)
    server.stop()


def test_a_server_that_is_stopped_keeps_its_data(tmp_path: Path) -> None:
    server = GuardedServer("sleep", ["sleep", "300"], tmp_path / "log", scratch=tmp_path)
    server.start(lambda: True, 5)
    server.stop()
    assert (tmp_path / "log").exists()


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    server = GuardedServer("a server", ["sh", "-c", "echo no room; exit 3"], tmp_path / "log")
    with pytest.raises(ServerFailed, match="no room"):
        server.start(lambda: False, 5)


def test_the_lock_names_one_version_of_each_artifact_with_its_sum() -> None:
    artifacts = read_lock(LOCK.read_text(encoding="utf-8"))
    assert len(artifacts) == len({(a.group, a.name) for a in artifacts}) == 46
    assert all(len(a.sha256) == 64 for a in artifacts)
    kafka = {a.name: a.version for a in artifacts if a.group == "org.apache.kafka"}
    assert set(kafka.values()) == {"4.3.0"}


def test_the_cache_is_where_the_operator_says(tmp_path: Path) -> None:
    assert cache_folder({"LARREY_CACHE": str(tmp_path)}) == tmp_path
    assert cache_folder({}).name == "larrey"


@pytest.mark.real
def test_an_artifact_with_another_sum_is_never_used(tmp_path: Path) -> None:
    wrong = Artifact("org.slf4j", "slf4j-api", "1.7.36", "0" * 64)
    with pytest.raises(NotFetched, match="SHA-256"):
        fetch(wrong, tmp_path)


@pytest.mark.real
@pytest.mark.slow
def test_three_nodes_lose_nothing_when_one_is_killed() -> None:
    with KafkaBroker(nodes=3) as broker:
        log = open_log(broker.url, client_id="t", replication=3)
        topic = "larrey.testing.three.v1"
        log.create_topics([topic])
        log.publish(some_events(topic, 500))
        broker.nodes[0].kill()
        log.publish(some_events(topic, 500, start=500))
        member = log.subscribe("g", [topic])
        found = take(member, 1000, within_s=60)
        assert sorted(numbers(found)) == list(range(1000))
        member.close()
        log.close()
