"""A real Prometheus scrapes the running services and raises the right alert for each fault."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.tests.rendering import K8S
from larrey.replenishment.v1 import events_pb2
from loadtests.day.processes import SERVICES, System, embedded
from loadtests.day.world import START
from shared.events import Event, open_log, topic_of
from shared.testing.guarded import free_ports

pytestmark = [pytest.mark.ops, pytest.mark.timeout(240)]
WAIT_S = 60.0


def quick(rules: Path) -> dict[str, Any]:
    """The shipped rules, with nothing changed but how long a trouble must last."""
    spec: dict[str, Any] = yaml.safe_load(rules.read_text())["spec"]
    for group in spec["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "2s"
    return spec


@dataclass(frozen=True, slots=True)
class Prometheus:
    address: str

    def ask(self, path: str, **query: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def firing(self) -> set[tuple[str, str]]:
        return {
            (a["labels"]["alertname"], a["labels"].get("job", ""))
            for a in self.ask("alerts")["alerts"]
            if a["state"] == "firing"
        }

    def value(self, query: str) -> float:
        found = self.ask("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else float("nan")


def until(happened: Callable[[], bool]) -> bool:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            if happened():
                return True
        except OSError:
            pass  # Prometheus is still starting
        time.sleep(0.25)
    return False


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("watched")
    with System(embedded(folder), folder, START.isoformat()) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(
        yaml.safe_dump(quick(K8S / "components/monitoring/rules.yaml"))
    )
    jobs = [
        {"job_name": name, "static_configs": [{"targets": [system.services[name].metrics]}]}
        for name in SERVICES
    ]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": jobs,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        found = Prometheus(address)
        assert until(lambda: found.value("sum(up)") == len(SERVICES)), (folder / "log").read_text()
        yield found
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_nothing_rings_while_all_is_well(prometheus: Prometheus) -> None:
    assert until(lambda: prometheus.value("sum(larrey_service_ready)") == len(SERVICES))
    time.sleep(5)  # longer than any trouble must last here
    assert prometheus.firing() == set()
    assert prometheus.value('larrey_energy_joules_total{job="orientation"}') > 0


def test_an_event_that_nobody_can_use_raises_dead_letters_and_nothing_else(
    prometheus: Prometheus, system: System
) -> None:
    topic = topic_of(events_pb2.ItemPut)
    log = open_log(system.transport.events_url, client_id="stranger")
    log.publish([Event("poison-1", topic, "x", b"\xff\xff", datetime.now(UTC))])
    log.close()
    assert until(lambda: ("LarreyDeadLetters", "demand") in prometheus.firing())
    assert prometheus.firing() == {("LarreyDeadLetters", "demand")}


def test_a_killed_service_is_said_to_be_down_and_is_well_again_after_its_restart(
    prometheus: Prometheus, system: System
) -> None:
    before = prometheus.firing()
    port = int(system.services["replenishment"].metrics.rsplit(":", 1)[1])
    system.kill("replenishment")
    assert until(lambda: ("LarreyDown", "replenishment") in prometheus.firing())
    assert prometheus.firing() - before == {("LarreyDown", "replenishment")}
    system.metrics_ports = tuple(port if s == "replenishment" else 0 for s in SERVICES)
    system.revive("replenishment")
    assert until(lambda: ("LarreyDown", "replenishment") not in prometheus.firing())
