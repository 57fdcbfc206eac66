"""How a process that works for another ends with it."""

from __future__ import annotations

import os
import threading
from multiprocessing import connection, parent_process


def leave_with_parent() -> None:
    """A spawned process must not outlive one that was killed: it ends as soon as that does.

    To be called once, first thing in a worker process. Nothing to do in one that was not spawned.
    """
    parent = parent_process()
    if parent is None:
        return

    def leave_with(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=leave_with, args=(parent.sentinel,), daemon=True).start()
