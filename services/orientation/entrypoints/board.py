"""One watcher of the board: the newest board at once, then whenever something changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from larrey.orientation.v1 import orientation_pb2 as pb
from services.orientation.ports import BoardReader
from services.orientation.wire.board import board_to_wire
from shared.clock import Clock
from shared.errors import Unavailable
from shared.rpc import in_thread


async def watch(
    reader: BoardReader, clock: Clock, owner: str, *, every_s: float, heartbeat_s: float
) -> AsyncIterator[pb.WatchBoardResponse]:
    """Boards of `owner` (all when empty) until the caller goes.

    A reader that is slow gets the newest board when it is ready for it: nothing queues up.
    While the store is away nothing is sent; the first board fails with the store's refusal.
    """
    seen: tuple[object, ...] | None = None
    sent = 0.0
    while True:
        try:
            now_seen = await in_thread(reader.seen)
            if now_seen != seen or time.monotonic() - sent >= heartbeat_s:
                board = await in_thread(reader.read, owner, clock.now())
                seen, sent = now_seen, time.monotonic()
                yield board_to_wire(board)
        except Unavailable:
            if seen is None:
                raise
        await asyncio.sleep(every_s)
