"""Who brings the tables up to date: the service itself, a job, or the service once a job did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from shared.storage import Database


def environment(folder: Path, migrate: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LARREY_DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
        "LARREY_EVENTS_URL": f"sqlite:///{folder / 'events.db'}",
        "LARREY_DATA_DIR": str(folder),
        "LARREY_READY_FILE": str(folder / "ready.json"),
        "LARREY_MIGRATE": migrate,
    }


def test_a_service_that_may_not_migrate_is_ready_once_the_job_has_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.replenishment.main"]
    log = (tmp_path / "log").open("wb")
    service = subprocess.Popen(command, env=environment(tmp_path, "never"), stderr=log)
    try:
        ready, end = tmp_path / "ready.json", time.monotonic() + 90
        while b"STORE_OLDER" not in (tmp_path / "log").read_bytes():
            assert service.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        assert not ready.exists()
        job = subprocess.run(command, env=environment(tmp_path, "only"), check=False, timeout=90)
        assert job.returncode == 0
        while not ready.exists():
            assert service.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        service.terminate()
        assert service.wait(30) in (0, -signal.SIGTERM)  # it may be told before it listens
        log.close()
    database = Database.open(f"sqlite:///{tmp_path / 'state.db'}")
    with database.read() as tx:
        assert tx.connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar() == 0
    database.close()
