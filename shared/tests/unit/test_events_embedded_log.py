"""What only the embedded log does: forget by age, and share one file between processes."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from shared.events.embedded import EmbeddedLog
from shared.testing.suites.event_log import numbers, some_events, take

WRITER = """
import sys
from shared.events import open_log
from shared.testing.suites.event_log import some_events
log = open_log(sys.argv[1], client_id="writer")
start = int(sys.argv[2])
for number in range(start, start + 100):
    log.publish(some_events("t", 1, start=number))
"""


def test_events_older_than_the_retention_are_forgotten(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "e.db", retention=timedelta(milliseconds=200))
    log.publish(some_events("t", 3))
    time.sleep(0.4)
    log.publish(some_events("t", 2, start=3))
    assert numbers(take(log.subscribe("g", ["t"]), 5, within_s=0.3)) == [3, 4]


def test_without_a_retention_nothing_is_forgotten(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "e.db")
    log.publish(some_events("t", 3))
    time.sleep(0.4)
    log.publish(some_events("t", 2, start=3))
    assert numbers(take(log.subscribe("g", ["t"]), 5, within_s=0.3)) == [0, 1, 2, 3, 4]


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/e.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(start)]) for start in (0, 100, 200)
    ]
    member = EmbeddedLog(tmp_path / "e.db").subscribe("g", ["t"])
    found = take(member, 300)
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert sorted(numbers(found)) == list(range(300))
    member.close()
