"""How much one client may ask: calls a second and streams at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import TooMuch

REMEMBERED = 10_000
BURST_S = 2.0


@dataclass(slots=True)
class _Use:
    tokens: float
    at: float
    streams: int = 0


class Limits:
    """A bucket of calls and a count of open streams for each client; 0 is no limit."""

    def __init__(
        self,
        calls_per_second: float,
        streams: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._streams, self._clock = calls_per_second, streams, clock
        self._clients: OrderedDict[str, _Use] = OrderedDict()

    @property
    def any(self) -> bool:
        return self._rate > 0 or self._streams > 0

    def enter(self, client: str, *, stream: bool) -> None:
        """Counts a call that begins; refuses TooMuch."""
        use = self._use(client)
        if self._rate > 0:
            now = self._clock()
            most = max(1.0, self._rate * BURST_S)
            use.tokens = min(most, use.tokens + (now - use.at) * self._rate)
            use.at = now
            if use.tokens < 1:
                raise TooMuch(
                    "TOO_MANY_CALLS",
                    f"This client may make {self._rate:g} calls a second: send slower, or send "
                    "more rows in each call.",
                )
            use.tokens -= 1
        if stream:
            if 0 < self._streams <= use.streams:
                raise TooMuch(
                    "TOO_MANY_STREAMS",
                    f"This client may hold {self._streams} streams open: close some first.",
                )
            use.streams += 1

    def leave(self, client: str, *, stream: bool) -> None:
        """Counts a call that entered and has ended."""
        if stream and (use := self._clients.get(client)) is not None:
            use.streams -= 1

    def _use(self, client: str) -> _Use:
        use = self._clients.get(client)
        if use is None:
            use = self._clients[client] = _Use(max(1.0, self._rate * BURST_S), self._clock())
            if len(self._clients) > REMEMBERED:
                self._forget()
        else:
            self._clients.move_to_end(client)
        return use

    def _forget(self) -> None:
        """Lets go of the client that was silent for longest and holds nothing open."""
        for name, use in self._clients.items():
            if use.streams == 0:
                del self._clients[name]
                return
