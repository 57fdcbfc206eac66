"""The engines joined into one router, the same for the commands and for the running service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.routed_forests import ForestEngine
from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.engines.series.blend import StatisticalBlend
from services.demand.domain.routing import Group
from services.demand.ports import Progress
from services.demand.use_cases.make import MakePart
from services.demand.use_cases.route_table import SAMPLE, RouteTable

# Series that the slow classical rivals are tried on in the running service.
SERVICE_SAMPLE = 24
# A pool of fewer series cannot feed forests: growing them takes twenty seconds, and TSB with
# pooled errors is level with them on small sets.
FORESTS_FROM = 100


class Unwatched:
    """Progress that nobody waits for."""

    @contextmanager
    def stage(self, _name: str, _steps: int) -> Iterator[Callable[[], None]]:
        yield lambda: None


def router(workers: int, progress: Progress, sample: int = SAMPLE) -> RouteTable:
    """Panel, forests, the classical blend and pooled TSB, each with its home."""
    panel, forests = PanelEngine(), ForestEngine()
    engines = (panel, forests, StatisticalBlend(workers), PooledTsb())
    homes = {
        Group.REGULAR: (panel.name,),
        Group.RARE: (forests.name, panel.name),
    }
    return RouteTable(engines, homes, progress, sample)


def make_part(series: int) -> MakePart:
    """What a worker process of the service makes a part of so many series with."""
    return MakePart(service_router(series), PooledTsb())


def service_router(series: int) -> RouteTable:
    """The router of the running service: forests only where a pool can feed them."""
    if series >= FORESTS_FROM:
        return router(1, Unwatched(), SERVICE_SAMPLE)
    panel, pooled = PanelEngine(), PooledTsb()
    homes = {Group.REGULAR: (panel.name,), Group.RARE: (pooled.name, panel.name)}
    return RouteTable((panel, StatisticalBlend(), pooled), homes, Unwatched(), SERVICE_SAMPLE)
