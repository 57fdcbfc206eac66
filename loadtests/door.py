"""What the door costs each call: open and untraced, and closed with a certificate.

    python -m loadtests.door

Processor microseconds a call, median of five rounds, in this process without a network.
The exit code is 0 when an open door costs at most 2 us.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from rich.console import Console

from larrey.demand.v1 import demand_pb2 as pb
from shared.access.guard import Guard
from shared.access.limits import Limits
from shared.rpc.interceptor import EVERYONE
from shared.tracing import NO_TRACES

CALLS, ROUNDS, LIMIT_US = 20_000, 5, 2.0
METHOD = "/larrey.demand.v1.DemandService/GetForecast"
REQUEST = pb.GetForecastRequest(site_id="440000016")


class _Context:
    """As much of a call's context as a guard looks at."""

    def auth_context(self) -> Mapping[str, tuple[bytes, ...]]:
        return {
            "x509_common_name": (b"erp",),
            "peer_uri": (b"spiffe://larrey/role/erp/site/440000016",),
        }

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()


async def _open(_: Any) -> None:
    async with EVERYONE as allowed:
        span = NO_TRACES.begin("x", "")
        allowed.check(REQUEST)
        span.end("")


def _closed() -> Callable[[Any], Awaitable[None]]:
    guard = Guard(closed=True, tokens=None, limits=Limits(1e9, 0))

    async def call(context: Any) -> None:
        async with guard.admitted(METHOD, context, stream=False) as allowed:
            allowed.check(REQUEST)

    return call


async def cost_us(call: Callable[[Any], Awaitable[None]]) -> float:
    """Median processor microseconds of one call."""
    context, rounds = _Context(), []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(CALLS):
            await call(context)
        rounds.append((time.process_time() - begin) / CALLS * 1e6)
    return statistics.median(rounds)


def main() -> int:
    # The closed guard writes a log line for each call: here nobody reads it.
    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True
    )
    opened, closed = asyncio.run(cost_us(_open)), asyncio.run(cost_us(_closed()))
    Console(highlight=False).print(
        f"door open and untraced: {opened:.2f} us a call; closed by certificate: {closed:.0f} us"
    )
    return 0 if opened <= LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
