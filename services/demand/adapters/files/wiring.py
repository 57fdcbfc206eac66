"""Joins the parts of `larrey demand forecast` and `larrey demand backtest`."""

from __future__ import annotations

from collections.abc import Sequence

from services.demand.adapters.engines.pooled import PooledTsb
from services.demand.adapters.engines.routed_forests import ForestEngine
from services.demand.adapters.engines.routed_panel import PanelEngine
from services.demand.adapters.engines.series.blend import StatisticalBlend
from services.demand.adapters.engines.series.learned import NAME, LearnedPeer, installed
from services.demand.adapters.engines.series.peers import ALWAYS, RARE, Peer
from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.machine import Bars, used_so_far
from services.demand.domain.routing import Group
from services.demand.ports import Peer as PeerPort
from services.demand.use_cases.backtest_files import BacktestFile
from services.demand.use_cases.forecast_files import ForecastFile, ForecastTable
from services.demand.use_cases.route_table import RouteTable


def forecast_file(desk: Desk, workers: int) -> ForecastFile:
    return ForecastFile(desk, ForecastTable(_route(workers, Bars(), bool(desk.zone)), used_so_far))


def backtest_file(
    desk: Desk, workers: int, peers: Sequence[str] = (*ALWAYS, *RARE, NAME)
) -> BacktestFile:
    """Every peer named in `peers`; the learned one only where its library is installed."""
    bars = Bars()
    always: list[PeerPort] = [Peer(name, workers) for name in ALWAYS if name in peers]
    if NAME in peers and installed():
        always.append(LearnedPeer())
    return BacktestFile(
        desk,
        ForecastTable(_route(workers, bars, bool(desk.zone)), used_so_far),
        always,
        tuple(Peer(name, workers) for name in RARE if name in peers),
        used_so_far,
        bars,
    )


def _route(workers: int, bars: Bars, calendar_drives: bool) -> RouteTable:
    # a calendar that is tried item by item must not be in the engine as well
    panel, forests = PanelEngine(only_working_days=calendar_drives), ForestEngine()
    engines = (panel, forests, StatisticalBlend(workers), PooledTsb())
    homes = {
        Group.REGULAR: (panel.name,),
        Group.RARE: (forests.name, panel.name),
    }
    return RouteTable(engines, homes, bars)
