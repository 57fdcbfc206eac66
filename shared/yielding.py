"""How a process that has time lets those go first that answer calls."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

NICENESS = 5  # a third of the share of one that answers, when both want the processor
AUTOGROUP = Path("/proc/self/autogroup")


def step_back(niceness: int = NICENESS) -> None:
    """Leaves the processor to others, as far as this system lets a process say so.

    To be called once, first thing in a worker process. On many Linux desktops and servers
    niceness counts only among the processes of one session (autogroups), and a worker
    stands in its service's session: it would take as much from the other services as if it
    had not stepped back. So it opens a session of its own and steps back as a whole. In a
    container autogroups mean nothing and the niceness alone counts, within its own limits.
    """
    os.nice(max(0, niceness - os.nice(0)))
    with contextlib.suppress(OSError):  # already the first of a session
        os.setsid()
    with contextlib.suppress(OSError):  # no autogroups here
        AUTOGROUP.write_text(str(niceness))
