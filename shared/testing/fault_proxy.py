"""A TCP proxy that can be slow, deaf or cut: it stands before a server to play a bad network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType

CHUNK = 16 * 1024


class FaultProxy:
    """Listens on a port of its own and passes everything on to 127.0.0.1:`target`.

    `slow`, `deaf` and `cut` may be set at any time, from any thread; `well` ends them all.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.port = 0
        self._delay_s, self._deaf, self._cut = 0.0, False, False
        self._pairs: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self._ready = threading.Event()

    def slow(self, delay_s: float) -> None:
        """Each piece of up to 16 KiB waits so long, both ways: a far or crowded line."""
        self._delay_s = delay_s

    def deaf(self) -> None:
        """Connections stand and nothing comes through: a firewall that drops."""
        self._deaf = True

    def cut(self) -> None:
        """Every connection is reset, new ones are too."""
        self._cut, done = True, threading.Event()
        self._loop.call_soon_threadsafe(self._abort, done)
        done.wait(10)

    def well(self) -> None:
        self._delay_s, self._deaf, self._cut = 0.0, False, False

    def _abort(self, done: threading.Event | None = None) -> None:
        for writer in list(self._pairs):
            writer.transport.abort()
        if done is not None:
            done.set()

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        self._abort()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self._cut:
            back.transport.abort()
            return
        self._pairs.add(back)
        try:
            far, on = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
            self._pairs.add(on)
            try:
                await asyncio.gather(self._pass(near, on), self._pass(far, back))
            finally:
                self._pairs.discard(on)
                on.transport.abort()
        except OSError:
            pass  # the target is away: the one who called sees its connection end
        finally:
            self._pairs.discard(back)
            back.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(CHUNK):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            while self._deaf:
                await asyncio.sleep(0.05)
            sink.write(piece)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()
