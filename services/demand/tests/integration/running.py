"""A demand service in a process of its own, as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

from larrey.catalogue.v1 import catalogue_pb2 as catalogue
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import demand_pb2_grpc
from services.demand.tests.situations import MONDAY, NANTES
from shared.clock import FixedClock
from shared.events import event_of, open_log
from shared.events.event import Event
from shared.rpc.client import channel

READY_SECONDS = 60.0
END_SECONDS = 120.0
ITEMS = [f"ITEM-{n:02}" for n in range(20)]
Stub = demand_pb2_grpc.DemandServiceStub
CLASSES = ("infection", "respiratory", "trauma")


@dataclass(slots=True)
class Running:
    """One service process on SQLite and an embedded log, all in `folder`."""

    folder: Path
    process: subprocess.Popen[bytes]
    address: str
    metrics_address: str
    loaded_after_run: frozenset[str] = frozenset()

    @property
    def events(self) -> str:
        return f"sqlite:///{self.folder / 'events.db'}"

    @contextmanager
    def stub(self) -> Iterator[Stub]:
        with channel(self.address) as link:
            yield Stub(link)

    def metrics(self) -> str:
        with urlopen(f"http://{self.metrics_address}/metrics") as page:  # loopback
            return str(page.read().decode())

    def loaded(self) -> frozenset[str]:
        """Packages of which the service's own process, not those of its runs, has libraries."""
        maps = Path(f"/proc/{self.process.pid}/maps").read_text()
        return frozenset(re.findall(r"/site-packages/([A-Za-z]\w*)", maps))

    def end(self, *, kill: bool) -> int:
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        return self.process.wait(END_SECONDS)


def start(folder: Path, more: Mapping[str, str] | None = None) -> Running:
    """Starts the service in `folder`, on what an earlier process left there."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LARREY_")}
    environment = kept | {
        "LARREY_DATABASE_URL": f"sqlite:///{folder / 'demand.db'}",
        "LARREY_EVENTS_URL": f"sqlite:///{folder / 'events.db'}",
        "LARREY_DATA_DIR": str(folder / "data"),
        "LARREY_READY_FILE": str(ready),
        "LARREY_CLOCK_START": MONDAY.isoformat(),
        "LARREY_DEMAND_USUAL_CALLS": "infection=7,respiratory=7",
        **(more or {}),
    }
    with (folder / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("larrey"), "demand", "serve"],
            env=environment,
            stderr=log,
        )
    until = time.monotonic() + READY_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise RuntimeError((folder / "service.log").read_text())
        time.sleep(0.05)
    told = json.loads(ready.read_text())
    return Running(folder, process, told["grpc"], told["metrics"])


@contextmanager
def a_service(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Running]:
    running = start(folder, more)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(kill=True)


def item(item_id: str, item_class: str = "infection") -> catalogue.Item:
    return catalogue.Item(
        item_id=item_id,
        label=item_id.title(),
        base_unit="tablet",
        base_per_dispensing_unit=1,
        dispensing_units_per_pack=10,
        item_class=item_class,
    )


def local(item_id: str) -> catalogue.ItemCode:
    return catalogue.ItemCode(system=catalogue.CODE_SYSTEM_LOCAL, code=item_id)


def row(movement_id: str, item_id: str, day: date, amount: float) -> pb.Movement:
    made = pb.Movement(
        movement_id=movement_id,
        site_id=NANTES,
        item=local(item_id),
        quantity=catalogue.Quantity(amount=amount, unit=catalogue.UNIT_BASE),
        reason=pb.MOVEMENT_REASON_PATIENT,
    )
    made.occurred_time.FromDatetime(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    return made


def months(count: int) -> list[date]:
    """First days of the `count` months up to December 2025."""
    return [date(2025 - n // 12, 12 - n % 12, 1) for n in reversed(range(count))]


def histories(items: Sequence[str], count: int = 48) -> list[pb.Movement]:
    """Steady use of each item, a little more in winter; every tenth item is rarely used."""
    draws = np.random.default_rng(7)
    rows = []
    for place, item_id in enumerate(items):
        for day in months(count):
            amount = float(draws.poisson(40 + 10 * np.cos(2 * np.pi * day.month / 12)))
            if place % 10 == 9 and draws.random() > 0.3:
                continue
            rows.append(row(f"{item_id}/{day}", item_id, day, amount))
    return rows


def batches(rows: Sequence[pb.Movement], size: int = 500) -> Iterator[pb.RecordConsumptionRequest]:
    for begin in range(0, len(rows), size):
        yield pb.RecordConsumptionRequest(movements=rows[begin : begin + size])


def furnish(stub: Stub, items: Sequence[str]) -> None:
    """Registers one site and these items."""
    stub.PutSites(
        pb.PutSitesRequest(sites=[catalogue.Site(site_id=NANTES, name="Essai")]), timeout=10
    )
    put = [item(item_id, CLASSES[n % len(CLASSES)]) for n, item_id in enumerate(items)]
    stub.PutItems(pb.PutItemsRequest(items=put), timeout=10)


def watch(stub: Stub, run_id: str) -> list[pb.ForecastRun]:
    """Every progress told until the run ends."""
    request = pb.WatchForecastRunRequest(run_id=run_id)
    return [told.run for told in stub.WatchForecastRun(request, timeout=END_SECONDS)]


def forecast_of(stub: Stub, item_id: str) -> pb.Forecast:
    request = pb.GetForecastRequest(item=local(item_id), site_id=NANTES)
    return stub.GetForecast(request, timeout=10).forecast


def heard(running: Running, topic: str, at_least: int) -> list[Event]:
    """Every event of a topic, once there are enough of them."""
    log = open_log(running.events, client_id="test")
    listener = log.subscribe("test", [topic])
    found: list[Event] = []
    until = time.monotonic() + 20
    while len(found) < at_least and time.monotonic() < until:
        found.extend(delivery.event for delivery in listener.poll(0.2, 1000))
    listener.close()
    log.close()
    return found


def tell(running: Running, *facts: Any) -> None:
    log = open_log(running.events, client_id="test")
    log.publish([event_of(fact, clock=FixedClock(MONDAY)) for fact in facts])
    log.close()


def eventually(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.1)
    return False
