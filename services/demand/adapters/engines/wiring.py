"""The engines joined into one router, the same for the commands and for the running service."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from services.demand.adapters.calendars import known_drivers
from services.demand.adapters.engines.bundles.files import Bundle, load, save
from services.demand.adapters.engines.bundles.learnt import HandedOn, LearnsAnew, learn
from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.routed_forests import ForestEngine
from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.engines.series.blend import StatisticalBlend
from services.demand.adapters.engines.unwatched import Unwatched
from services.demand.domain.routing import Group
from services.demand.ports import Part, PartMade, Progress, TableEngine
from services.demand.use_cases.drive_part import DrivePart
from services.demand.use_cases.drive_table import DriveTable
from services.demand.use_cases.make import MakePart, to_learn_from
from services.demand.use_cases.route_table import SAMPLE, RouteTable

# Series that the slow classical rivals are tried on in the running service.
SERVICE_SAMPLE = 24
# Series that the running service asks how they are best grouped, and origins of its back-tests:
# a night has other things to do as well.
SERVICE_ASKED = 150
SERVICE_TESTS = 2
# Series of a large pool that its back-test looks at.
POOL_SAMPLE = 1000
# A pool of fewer series cannot feed forests: growing them takes twenty seconds, and TSB with
# pooled errors is level with them on small sets.
FORESTS_FROM = 100


def router(
    workers: int, progress: Progress, sample: int = SAMPLE, *, calendar_drives: bool = False
) -> RouteTable:
    """Panel, forests, the classical blend and pooled TSB, each with its home."""
    # a calendar that is tried item by item must not be in the engine as well
    panel, forests = PanelEngine(only_working_days=calendar_drives), ForestEngine()
    engines = (panel, forests, StatisticalBlend(workers), PooledTsb())
    homes = {
        Group.REGULAR: (panel.name,),
        Group.RARE: (forests.name, panel.name),
    }
    return RouteTable(engines, homes, progress, sample)


def make_part(part: Part) -> PartMade:
    """What a worker process of the service does with a part."""
    route, chosen = service_router(len(part.series)), part.chosen
    if part.bundle:
        bundle = _loaded(part.bundle)
        route, chosen = pool_router(HandedOn(bundle.forests)), bundle.chosen
    return MakePart(route, PooledTsb(), _drive(part))(replace(part, chosen=chosen))


def _drive(part: Part) -> DrivePart | None:
    """What confirms drivers by back-tests: on the few series that they are tried on, the
    engines learn anew even where a bundle serves the part."""
    if not part.driven:
        return None
    route = service_router(len(part.series))
    return DrivePart(DriveTable(route, SERVICE_TESTS), known_drivers)


@lru_cache(maxsize=2)
def _loaded(folder: str) -> Bundle:
    return load(Path(folder))


def teach(sample: Part, folder: str) -> str:
    """Learns from a sample of a large pool which engine serves whom, and the forests.

    The folder of the bundle that was written.
    """
    table, asked = to_learn_from(sample)
    forests = learn(table, asked)
    chosen = pool_router(LearnsAnew(forests.tested)).choose(table, asked)
    told = {
        "made": sample.made_time.isoformat(),
        "target": sample.target.value,
        "series": len(table.ids),
        "first_period": str(table.periods[0])[:10],
        "last_period": str(table.periods[-1])[:10],
        "data": "the movements recorded by this service",
    }
    place = Path(folder)
    return str(place / save(place, forests, chosen, told))


def service_router(series: int) -> RouteTable:
    """The router of the running service: forests only where a pool can feed them."""
    panel, forests, pooled = PanelEngine(asked=SERVICE_ASKED), ForestEngine(), PooledTsb()
    engines: tuple[TableEngine, ...] = (panel, StatisticalBlend(), pooled)
    rare = (pooled.name, panel.name)
    if series >= FORESTS_FROM:
        engines, rare = (panel, forests, StatisticalBlend(), pooled), (forests.name, panel.name)
    homes = {Group.REGULAR: (panel.name,), Group.RARE: rare}
    return RouteTable(engines, homes, Unwatched(), SERVICE_SAMPLE, tests=SERVICE_TESTS)


def pool_router(forests: HandedOn | LearnsAnew) -> RouteTable:
    """The router of a pool too large for one part: one back-test, on a sample."""
    panel, pooled = PanelEngine(asked=SERVICE_ASKED), PooledTsb()
    homes = {Group.REGULAR: (panel.name, forests.name), Group.RARE: (forests.name, panel.name)}
    engines = (panel, forests, pooled)
    return RouteTable(engines, homes, Unwatched(), SERVICE_SAMPLE, POOL_SAMPLE, tests=1)
