"""What the use cases need from outside, in our own words."""

from __future__ import annotations

from services.demand.domain.tables import Array
from services.demand.ports.books import (
    AccuracyBook,
    Books,
    Catalogue,
    Forecasts,
    Movements,
    Runs,
    Shelf,
    SignalBook,
    Store,
    UseBook,
)
from services.demand.ports.files import ForecastFiles, Meter, Peer, Progress, TableEngine
from services.demand.ports.histories import History, ItemHistory
from services.demand.ports.watch import RunWatch, Watch
from services.demand.ports.work import FitsOne, KnownDrivers, Models, Part, PartMade, Workers

__all__ = [
    "AccuracyBook",
    "Array",
    "Books",
    "Catalogue",
    "FitsOne",
    "ForecastFiles",
    "Forecasts",
    "History",
    "ItemHistory",
    "KnownDrivers",
    "Meter",
    "Models",
    "Movements",
    "Part",
    "PartMade",
    "Peer",
    "Progress",
    "RunWatch",
    "Runs",
    "Shelf",
    "SignalBook",
    "Store",
    "TableEngine",
    "UseBook",
    "Watch",
    "Workers",
]
