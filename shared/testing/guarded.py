"""A server process on loopback that never outlives the process that started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")


class ServerFailed(RuntimeError):
    """A real peer did not start; the text ends with the last lines of its log."""


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on now, all different."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class GuardedServer:
    """One server started through the guard; stopped by its own pid."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 15.0,
        environ: Mapping[str, str] | None = None,
        user: str | None = None,
        scratch: Path | None = None,
    ) -> None:
        """`scratch` is a folder that nobody needs once the starter has died."""
        self._name = name
        self._command = list(command)
        self._log = log
        self._stop_signal = stop_signal
        self._grace_s = grace_s
        self._environ = environ
        self._user = user
        self._scratch = scratch
        self._guard: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None

    def start(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Starts it and waits until `ready` says so; ServerFailed with its log if not."""
        guard = [
            sys.executable, "-I", str(GUARD),
            str(int(self._stop_signal)), str(self._grace_s), self._user or "",
            str(self._scratch or ""),
        ]  # fmt: skip
        with self._log.open("ab") as log:
            self._guard = subprocess.Popen(
                [*guard, *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=None if self._environ is None else dict(self._environ),
                cwd="/",
            )
        out = self._guard.stdout
        line = out.readline() if out is not None else b""
        if not line.strip().isdigit():
            self.stop()
            raise self._failed("could not be started")
        self.pid = int(line)
        self.wait(ready, time.monotonic() + timeout_s)

    def wait(self, ready: Callable[[], bool], end: float) -> None:
        """Waits until `ready` says so or the monotonic clock passes `end`."""
        while not ready():
            if not self.running:
                self.stop()
                raise self._failed("ended while it started")
            if time.monotonic() > end:
                self.stop()
                raise self._failed("was not ready in time")
            time.sleep(0.05)

    def _failed(self, what: str) -> ServerFailed:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]
        return ServerFailed(f"{self._name} {what}. The end of its log:\n" + "\n".join(lines))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL, or another signal that ends it at once; returns when it is gone."""
        if self.pid is not None and self._guard is not None and self._guard.poll() is None:
            os.kill(self.pid, number)
        self._gone()

    def stop(self) -> None:
        """Asks it to stop and waits; after its grace it is killed."""
        guard = self._guard
        if guard is not None and guard.stdin is not None:
            try:
                guard.stdin.write(b"stop")  # without a word it would take us for dead
                guard.stdin.close()
            except BrokenPipeError:  # it has ended before
                guard.stdin = None
        self._gone()

    def _gone(self) -> None:
        guard, self._guard, self.pid = self._guard, None, None
        if guard is None:
            return
        guard.wait(self._grace_s + 10)
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None


def answers(port: int) -> bool:
    """Whether something on this machine takes connections at `port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
