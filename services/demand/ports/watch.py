"""What is counted for the people who run the service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from services.demand.domain.accuracy import Figures, Place
from services.demand.domain.runs import RunState


class RunWatch(Protocol):
    """What is counted of runs for the people who run the service."""

    def run_ended(self, state: RunState, seconds: float) -> None: ...
    def series(self, kinds: Mapping[str, int]) -> None:
        """Series that are done, by what became of them (domain/forecasts.py: kinds_of)."""
        ...

    def drivers_failed(self, parts: int) -> None:
        """Parts whose calendars and signals could not be tried for a fault of ours."""
        ...

    def forecast_made(self, at: datetime) -> None: ...
    def accuracy(self, parts: Mapping[Place, Figures]) -> None: ...


class Watch(RunWatch, Protocol):
    """The same, and what is counted of movements."""

    def movements(self, accepted: int, duplicate: int, refused: int) -> None: ...
