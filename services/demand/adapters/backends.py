"""Where forecasts are made: the one function that knows the kinds of workers."""

from __future__ import annotations

from typing import Protocol

from services.demand.adapters.ray_workers import RayWorkers
from services.demand.adapters.workers import SpawnedWorkers
from services.demand.ports import Workers


class ClosableWorkers(Workers, Protocol):
    def close(self) -> None:
        """Ends the workers, those in the middle of a part too."""
        ...


def workers_for(backend: str, processes: int, ray_address: str = "") -> ClosableWorkers:
    """`local`: spawned processes; `ray`: a Ray cluster, one of our own when no address is
    given. Both give the same forecasts. ValueError for any other name."""
    if backend == "local":
        return SpawnedWorkers(processes)
    if backend == "ray":
        return RayWorkers(processes, ray_address)
    raise ValueError(f"no backend is called {backend}: use local or ray")
