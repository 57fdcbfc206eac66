"""Starts the services as separate processes, waits until they are ready, and stops them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

SERVICES = ("demand", "replenishment", "orientation")
LARREY = Path(sys.executable).with_name("larrey")  # the door by which an image starts it too
READY_S = 90.0
STOP_S = 30.0
# What a child may inherit: never the settings of another Larrey in the caller's shell.
INHERITED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "OPENBLAS_CORETYPE")


class NotReady(RuntimeError):
    """A service ended or stayed silent; the text says which and where its log is."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Where the events travel and where each service keeps its state."""

    label: str
    events_url: str
    database_urls: Mapping[str, str]


@dataclass(slots=True)
class Running:
    """One service process and its addresses."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready_file: Path
    grpc: str = ""
    metrics: str = ""

    def wait_ready(self, until: float) -> None:
        while not self.ready_file.exists():
            if self.process.poll() is not None:
                raise NotReady(
                    f"{self.name} ended with code {self.process.returncode} before it was ready. "
                    f"Its log: {self.log}\n{self.tail()}"
                )
            if time.monotonic() > until:
                raise NotReady(f"{self.name} was not ready in time. Its log: {self.log}")
            time.sleep(0.02)
        addresses = json.loads(self.ready_file.read_text())
        self.grpc, self.metrics = addresses["grpc"], addresses["metrics"]

    def tail(self, lines: int = 5) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> int:
        """SIGTERM, then SIGKILL when the grace is over; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def start(
    name: str,
    folder: Path,
    *,
    events_url: str,
    database_url: str,
    clock_start: str,
    grpc_port: int = 0,
    metrics_port: int = 0,
    more: Mapping[str, str] | None = None,
) -> Running:
    """Starts one service in `folder` and returns at once; see `Running.wait_ready`."""
    folder.mkdir(parents=True, exist_ok=True)
    ready_file, log = folder / "ready.json", folder / "service.log"
    ready_file.unlink(missing_ok=True)
    environment = {key: os.environ[key] for key in INHERITED if key in os.environ} | {
        "OPENBLAS_NUM_THREADS": "1",  # both as in the image
        "MALLOC_ARENA_MAX": "2",
        "LARREY_DATABASE_URL": database_url,
        "LARREY_EVENTS_URL": events_url,
        "LARREY_DATA_DIR": str(folder / "data"),
        "LARREY_GRPC_ADDRESS": f"127.0.0.1:{grpc_port}",
        "LARREY_METRICS_ADDRESS": f"127.0.0.1:{metrics_port}",
        "LARREY_READY_FILE": str(ready_file),
        "LARREY_CLOCK_START": clock_start,
        **(more or {}),
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [LARREY, name, "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the services in order
        )
    return Running(name, process, log, ready_file)


@dataclass(slots=True)
class System:
    """The three services of one day, as a context manager."""

    transport: Transport
    folder: Path
    clock_start: str
    grpc_ports: Sequence[int] = (0, 0, 0)
    metrics_ports: Sequence[int] = (0, 0, 0)
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    services: dict[str, Running] = field(default_factory=dict)
    exit_codes: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> System:
        try:
            for name in SERVICES:
                self.services[name] = self._start(name)
            until = time.monotonic() + READY_S
            for running in self.services.values():
                running.wait_ready(until)
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, name: str) -> Running:
        place = SERVICES.index(name)
        return start(
            name,
            self.folder / name,
            events_url=self.transport.events_url,
            database_url=self.transport.database_urls[name],
            clock_start=self.clock_start,
            grpc_port=self.grpc_ports[place],
            metrics_port=self.metrics_ports[place],
            more=self.settings.get(name),
        )

    def kill(self, name: str) -> None:
        """SIGKILL: the service has no chance to finish or to say goodbye."""
        self.services[name].process.kill()
        self.services[name].process.wait()

    def revive(self, name: str) -> float:
        """Starts a dead service again on its own state; returns the seconds until ready."""
        begin = time.monotonic()
        self.services[name] = self._start(name)
        self.services[name].wait_ready(begin + READY_S)
        return time.monotonic() - begin

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def check_alive(self) -> None:
        """NotReady when a service ended by itself."""
        for running in self.services.values():
            if running.process.poll() is not None:
                raise NotReady(f"{running.name} ended. Its log: {running.log}")

    def stop(self) -> None:
        for name, running in reversed(self.services.items()):
            self.exit_codes[name] = running.stop()


def embedded(folder: Path) -> Transport:
    """No broker and no server: one SQLite file for the events, one for each service."""
    return Transport(
        "embedded event log and SQLite",
        f"sqlite:///{folder / 'events.db'}",
        {name: f"sqlite:///{folder / name / 'state.db'}" for name in SERVICES},
    )
