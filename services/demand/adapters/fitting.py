"""What fits one item in this process: loaded with the first question, never at the start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from services.demand.domain.forecasts import Outcome
from services.demand.ports import Part


@dataclass(slots=True)
class FitWhenAsked:
    """The engine for one item; the first caller waits a second for its libraries."""

    _fit: Callable[[Part], Outcome] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, part: Part) -> Outcome:
        with self._lock:
            if self._fit is None:
                # a service that is never asked needs no engine in its own process
                from services.demand.adapters.engines import one_item  # noqa: PLC0415

                one_item.one_thread()
                self._fit = one_item.FitOne()
        return self._fit(part)
