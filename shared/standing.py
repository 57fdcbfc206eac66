"""What a process that answers calls tells Python's collector once all its parts stand."""

from __future__ import annotations

import gc


def leave_standing_alone() -> None:
    """To be called once, when every part is made and before the first call.

    What stands by now lives as long as the process: the collector need not walk over it again (a
    quarter of the cost of a movement, and the longest pauses of a call). Answers make thousands
    of small objects and hardly a cycle: it looks less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
