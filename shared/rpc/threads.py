"""Where calls that block run, so that the event loop never waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `function` on the loop's own bounded pool (`worker_threads` of the settings)."""
    return await asyncio.to_thread(function, *args, **kwargs)
