"""Joins the parts of `larrey demand forecast` and `larrey demand backtest`."""

from __future__ import annotations

from collections.abc import Sequence

from services.demand.adapters.engines.series.learned import NAME, LearnedPeer, installed
from services.demand.adapters.engines.series.peers import ALWAYS, RARE, Peer
from services.demand.adapters.engines.wiring import router
from services.demand.adapters.files.desk import Desk
from services.demand.adapters.files.machine import Bars, used_so_far
from services.demand.ports import Peer as PeerPort
from services.demand.use_cases.backtest_files import BacktestFile
from services.demand.use_cases.forecast_files import ForecastFile, ForecastTable


def forecast_file(desk: Desk, workers: int) -> ForecastFile:
    route = router(workers, Bars(), calendar_drives=bool(desk.zone))
    return ForecastFile(desk, ForecastTable(route, used_so_far))


def backtest_file(
    desk: Desk, workers: int, peers: Sequence[str] = (*ALWAYS, *RARE, NAME)
) -> BacktestFile:
    """Every peer named in `peers`; the learned one where its library is not installed is missing
    and named."""
    bars = Bars()
    always: list[PeerPort] = [Peer(name, workers) for name in ALWAYS if name in peers]
    missing = {}
    if NAME in peers and installed():
        always.append(LearnedPeer())
    elif NAME in peers:
        missing[NAME] = "its library is not installed: pip install larrey[peers]"
    return BacktestFile(
        desk,
        ForecastTable(router(workers, bars, calendar_drives=bool(desk.zone)), used_so_far),
        always,
        tuple(Peer(name, workers) for name in RARE if name in peers),
        used_so_far,
        bars,
        missing,
    )
