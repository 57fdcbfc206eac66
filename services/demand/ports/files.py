"""What the commands on files need: engines on tables, peers, progress, the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from services.demand.domain.drivers.driver import Driver
from services.demand.domain.history_files import HistoryRead, Used
from services.demand.domain.routing import Group
from services.demand.domain.scoring import Actuals
from services.demand.domain.tables import Asked, Days, HistoryTable, TableForecast


class TableEngine(Protocol):
    """A method that forecasts a whole table of series at once.

    `serves`: the groups it is fit for; `home`: the one it was made for, none when it was
    made for all; `slow`: costs so much a series that it is tried on a sample first and then
    only asked for the series that it serves.
    """

    @property
    def name(self) -> str: ...
    @property
    def serves(self) -> frozenset[Group]: ...
    @property
    def home(self) -> Group | None: ...
    @property
    def slow(self) -> bool: ...
    def __call__(self, table: HistoryTable, asked: Asked) -> TableForecast:
        """Forecasts of every series of the table, in its order."""
        ...


class Progress(Protocol):
    """Tells whoever waits how far a long command has come."""

    def stage(self, name: str, steps: int) -> AbstractContextManager[Callable[[], None]]:
        """Opens a stage of so many steps; the function given is called after each."""
        ...


class Peer(Protocol):
    """A method of the usual libraries, run beside ours to be compared with."""

    @property
    def name(self) -> str: ...
    def __call__(
        self, table: HistoryTable, asked: Asked, step: Callable[[], None]
    ) -> TableForecast:
        """`step` is called after each series; `reasons` say where something else stands for the
        method, and what."""
        ...


class ForecastFiles(Protocol):
    """The files of one command. All raise Malformed when a file cannot be used."""

    def history(self) -> HistoryRead: ...
    def actuals(self, ids: Sequence[str], ahead: Days) -> Actuals:
        """What came true over the periods ahead, in the order of the ids."""
        ...

    def drivers(self, read: HistoryRead) -> Sequence[Driver]:
        """Calendars and signals on the grid of a history; none when none were asked for."""
        ...

    def write(
        self,
        ids: Sequence[str],
        ahead: Days,
        forecast: TableForecast,
        levels: Sequence[float],
    ) -> None: ...
    def plot(
        self, table: HistoryTable, ahead: Days, forecast: TableForecast, actuals: Actuals | None
    ) -> None:
        """Draws the item asked for; does nothing when none was."""
        ...

    def report(self, figures: Mapping[str, object]) -> None:
        """Writes the figures; does nothing when no file was asked for."""
        ...


class Meter(Protocol):
    """What this process has used so far."""

    def __call__(self) -> Used: ...
