"""A worker that steps back does so towards every session of the machine."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from shared.yielding import NICENESS, step_back


def told(sender: Connection) -> None:
    step_back()
    autogroup = Path("/proc/self/autogroup")
    group = autogroup.read_text() if autogroup.exists() else ""
    sender.send((os.nice(0), os.getsid(0) == os.getpid(), group))


def test_a_worker_is_nice_in_a_session_of_its_own() -> None:
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    worker = get_context("spawn").Process(target=told, args=(sender,))
    worker.start()
    assert receiver.poll(60)
    niceness, alone, group = receiver.recv()
    worker.join()
    assert niceness >= NICENESS
    assert alone
    assert not group or group.split()[-1] == str(NICENESS)
