"""No process of a running system opens a connection to anyone but its configured peers.

Every interpreter is started with an audit hook that writes down each address which Python
code resolves or connects to; the sockets that native code holds are read from the system
while the services work. The hook itself is proven on a process that does phone out.
"""

from __future__ import annotations

import ipaddress
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from loadtests.day import demand_step, orientation_step
from loadtests.day.calls import calls
from loadtests.day.clients import Clients
from loadtests.day.processes import System, embedded
from loadtests.day.world import START, products

LOOK_EVERY_S = 0.25  # a look at every socket costs more than what is looked at

HOOK = """
import os, sys
def note(event, args):
    if event == "socket.connect":
        seen = args[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen = args[0]
    else:
        return
    with open(os.environ["AUDIT_FILE"], "a") as out:
        out.write(f"{event} {seen}\\n")
sys.addaudithook(note)
"""


def hooked(folder: Path, name: str) -> tuple[dict[str, str], Path]:
    """Environment that loads the hook in every interpreter, and where it writes."""
    hooks = folder / "hook"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(HOOK)
    out = folder / f"{name}.audit"
    out.touch()
    return {"PYTHONPATH": str(hooks), "AUDIT_FILE": str(out)}, out


def strangers(audit: Path) -> list[str]:
    """Lines about anything but loopback addresses, names of this machine and local files."""
    own = ("127.0.0.1", "localhost", "::1")
    found = []
    for line in audit.read_text().splitlines():
        seen = line.split(" ", 1)[1]
        if seen.startswith(("/", "b'/")) or any(name in seen for name in own):
            continue
        found.append(line)
    return found


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own, also when IPv4 is written inside IPv6."""
    ip = ipaddress.ip_address(address)
    inside = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (inside or ip).is_loopback


class Watch:
    """Remembers every remote address that a process tree holds a socket to."""

    def __init__(self, pids: list[int]) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self.remote: set[str] = set()
        self.looks = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            for root in self._roots:
                for process in [root, *root.children(recursive=True)]:
                    try:
                        held = process.net_connections(kind="inet")
                    except psutil.Error:
                        continue  # it ended while we looked
                    self.remote |= {str(c.raddr.ip) for c in held if c.raddr}
            self.looks += 1
            time.sleep(LOOK_EVERY_S)


def test_the_hook_sees_a_process_that_phones_out(tmp_path: Path) -> None:
    environment, audit = hooked(tmp_path, "probe")
    code = (
        "import socket\n"
        "s = socket.socket(); s.settimeout(0.01)\n"
        "try: s.connect(('192.0.2.1', 9))\n"
        "except OSError: pass\n"
    )
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=30)
    assert strangers(audit) == ["socket.connect ('192.0.2.1', 9)"]


def test_only_this_machine_counts_as_loopback() -> None:
    assert all(is_loopback(own) for own in ("127.0.0.1", "::1", "::ffff:127.0.0.1"))
    assert not any(is_loopback(far) for far in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"))


@pytest.mark.slow
def test_no_service_talks_to_anyone_but_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    audits = {}
    settings = {}
    for name in ("demand", "replenishment", "orientation"):
        settings[name], audits[name] = hooked(tmp_path, name)
    some = products()[:12]
    quiet = Console(quiet=True)
    with System(embedded(folder), folder, START.isoformat(), settings=settings) as system:
        clients = Clients.of(system.services)
        with Watch([s.process.pid for s in system.services.values()]) as watch:
            demand_step.play(clients, some, quiet)
            orientation_step.report_beds(clients.orientation)
            for call in calls()[:20]:
                orientation_step.score(clients.orientation, call.update)
    assert watch.looks > 10
    assert all(is_loopback(ip) for ip in watch.remote), watch.remote
    for name, audit in audits.items():
        assert strangers(audit) == [], name
