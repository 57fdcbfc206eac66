"""What the use cases need from outside, in our own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.demand.domain.accuracy import Claim, Figures, Place
from services.demand.domain.drivers.driver import Driver
from services.demand.domain.drivers.signals import Reported, Signal
from services.demand.domain.forecasts import Finding, Forecast, Outcome
from services.demand.domain.history_files import HistoryRead, Target, Used
from services.demand.domain.movements import Movement
from services.demand.domain.routing import Group, Judged
from services.demand.domain.runs import Run, RunOrder, RunState
from services.demand.domain.scoring import Actuals
from services.demand.domain.series import Series
from services.demand.domain.shelf import ShelfDay
from services.demand.domain.signals import Case
from services.demand.domain.tables import Asked, Days, HistoryTable, TableForecast
from services.demand.domain.uses import Use
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.catalogue.units import Packing

Array = NDArray[np.float64]


class Catalogue(Protocol):
    """Items and sites, as this service knows them."""

    def put_items(self, items: Sequence[Item]) -> None: ...
    def put_sites(self, sites: Sequence[Site]) -> None: ...
    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]: ...
    def packings(self, codes: Iterable[Code]) -> Mapping[Code, tuple[str, Packing]]:
        """Item id and packing only: what a stream of movements needs, many times a second."""
        ...

    def all_items(self) -> Sequence[Item]: ...
    def site_ids(self) -> frozenset[str]: ...
    def school_zones(self) -> Mapping[str, str]:
        """Site -> A, B or C, where it is known."""
        ...


class Movements(Protocol):
    """Movements by id, and those not yet in the history files."""

    def fingerprints(self, movement_ids: Sequence[str]) -> Mapping[str, int]: ...
    def add(self, movements: Sequence[Movement]) -> None: ...
    def any(self) -> bool: ...


class Runs(Protocol):
    """Forecast runs as resources."""

    def add(self, run: Run, request_key: str) -> bool:
        """False, and nothing written, when the key already started a run."""
        ...

    def get(self, run_id: str) -> Run | None: ...
    def by_key(self, request_key: str) -> Run | None: ...
    def unfinished(self) -> Sequence[str]:
        """Ids of the runs that are waiting or running, the oldest first."""
        ...

    def failed_since(self, instant: datetime) -> Sequence[str]: ...
    def set_state(
        self, run_id: str, state: RunState, *, end_time: datetime | None = None, failure: str = ""
    ) -> None: ...
    def set_series(self, run_id: str, series: int, done: int) -> None: ...
    def advance(self, run_id: str, outcomes: Sequence[Outcome]) -> None:
        """Counts these series as done and keeps their findings."""
        ...

    def note(self, run_id: str, finding: Finding) -> None: ...
    def done_in(self, run_id: str) -> frozenset[tuple[str, str]]:
        """(item, site) of every series that the run has finished, forecast or not."""
        ...


class Forecasts(Protocol):
    """The newest forecast of each item and site."""

    def newest(self, site_id: str, item_id: str) -> Forecast | None: ...
    def page(
        self, site_id: str, after: tuple[str, str] | None, limit: int
    ) -> Sequence[Forecast]: ...
    def put(self, forecasts: Sequence[Forecast]) -> None:
        """Stores them and tells the world, in the same transaction."""
        ...

    def newest_made(self) -> datetime | None: ...
    def some(self, site_ids: Sequence[str], item_ids: Sequence[str]) -> Sequence[Forecast]:
        """Those of these sites and items, by site and item; of all where none are named."""
        ...


class SignalBook(Protocol):
    """Calls by day and syndrome group, each case counted once."""

    def case(self, case_key: str) -> Case | None: ...
    def put_case(self, case: Case) -> None: ...
    def count(self, day: date, group: str, change: int) -> None: ...
    def calls(self, first: date, last: date) -> Mapping[tuple[date, str], int]: ...
    def put_reported(self, values: Sequence[Reported]) -> None:
        """Keeps them; a later value of the same signal and day replaces an older one."""
        ...

    def reported(self, first: date, last: date) -> Sequence[Reported]:
        """By name and day of publication, both days included."""
        ...


class Shelf(Protocol):
    """What was reported of shelves, the newest report of an item, site and day."""

    def put(self, reports: Sequence[ShelfDay]) -> None: ...


class UseBook(Protocol):
    """Uses of equipment, the newest report of each."""

    def put(self, uses: Sequence[Use]) -> None: ...
    def any(self) -> bool: ...
    def of(self, item_ids: Sequence[str], site_ids: Sequence[str]) -> Sequence[Use]:
        """By item, site and use; of all items or sites where none are named."""
        ...

    def newest(self) -> Mapping[str, int]:
        """Site -> the newest instant that any of its reports names, seconds since 1970."""
        ...


class AccuracyBook(Protocol):
    """What was said one period ahead, and what came true."""

    def claim(self, claims: Sequence[Claim]) -> None:
        """Keeps them; a later claim for the same series and period replaces an older one."""
        ...

    def open_claims(self, item_site: Sequence[tuple[str, str]]) -> Sequence[Claim]:
        """Claims of these series, those that came true before too: late movements count."""
        ...

    def settle(self, settled: Sequence[tuple[Claim, float]]) -> None:
        """Notes what came true."""
        ...

    def forget(self, made_before: datetime) -> None: ...
    def settled(self, site_id: str, item_id: str) -> Sequence[tuple[Claim, float]]:
        """Claims with what came true; of all sites or items when empty."""
        ...


class Books(Protocol):
    """Everything that one transaction may read and write."""

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def movements(self) -> Movements: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def forecasts(self) -> Forecasts: ...
    @property
    def signals(self) -> SignalBook: ...
    @property
    def shelf(self) -> Shelf: ...
    @property
    def uses(self) -> UseBook: ...
    @property
    def accuracy(self) -> AccuracyBook: ...


class Store(Protocol):
    """Transactions: what is done through the books is committed together or not at all."""

    def write(self) -> AbstractContextManager[Books]: ...
    def read(self) -> AbstractContextManager[Books]: ...


class History(Protocol):
    """What was used, by item, site and day, for ever."""

    def compact(self) -> int:
        """Moves staged movements into the history files; how many there were."""
        ...

    def series(self, order: RunOrder, since: int | None = None) -> Sequence[Series]:
        """The histories that an order asks for, by item and site, without class or unit.

        `since`: only what moved from this day on (counted from 1970).
        """
        ...

    def ends(self, order: RunOrder) -> Mapping[str, int]:
        """Number of the first period of the order's grid that is not history, by site."""
        ...

    def ward_use(
        self, site_id: str, item_ids: Sequence[str], since: int
    ) -> dict[str, dict[str, float]]:
        """Item -> ward -> base units used since a day (counted from 1970), wards with none
        left out; the ward "" is what named none."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Series of one grid that are forecast together, and what is asked of them.

    `lead`: periods of the sum, 0 for none. `chosen`: engines found before; None: the part's
    own back-tests choose. `bundle`: folder of the models that a large pool was taught, empty
    when each part learns for itself. `uniform`: the tables of all parts have the same columns.
    `driven`: series on which calendars and `signals` are tried at most, 0 for none; `zones`:
    school-holiday zones by site.
    """

    run_id: str
    made_time: datetime
    horizon: int
    lead: int
    target: Target
    series: Sequence[Series] = field(repr=False)
    chosen: Mapping[Group, Judged] | None = None
    bundle: str = ""
    uniform: bool = False
    driven: int = 0
    signals: Sequence[Signal] = field(default=(), repr=False)
    zones: Mapping[str, str] = field(default_factory=dict, repr=False)

    def halves(self) -> Sequence[Part]:
        """The part in two, for when its process died; the choices are kept if there are any."""
        middle = len(self.series) // 2
        return (
            replace(self, series=self.series[:middle]),
            replace(self, series=self.series[middle:]),
        )


@dataclass(frozen=True, slots=True)
class PartMade:
    """One outcome per series of a part, and the engines that served its groups."""

    outcomes: Sequence[Outcome]
    chosen: Mapping[Group, Judged]


class Workers(Protocol):
    """Where the sums are done: other processes, so that calls are still answered.

    `stopped` is asked often; once true, the iterators end early.
    """

    def forecast(
        self, parts: Sequence[Part], stopped: Callable[[], bool]
    ) -> Iterator[PartMade]: ...
    def teach(self, sample: Part, folder: str, stopped: Callable[[], bool]) -> str:
        """Learns the models of a large pool from a sample of it; the bundle written below
        `folder`, empty when told to stop."""
        ...


class ItemHistory(Protocol):
    """The history of one item at one site, read while a caller waits."""

    def series(self, order: RunOrder, item_id: str, site_id: str) -> Series | None:
        """As a run of this order would read it; None when there is none."""
        ...


class FitsOne(Protocol):
    """Forecasts the one series of a part, in this process."""

    def __call__(self, part: Part) -> Outcome: ...


class KnownDrivers(Protocol):
    """Calendars and signals on the grid of a table of some series of a part."""

    def __call__(
        self,
        part: Part,
        series: Sequence[Series],
        table: HistoryTable,
        ahead: Days,
        engine: str,
        /,
    ) -> tuple[Sequence[Driver], str]:
        """(drivers, what could not be offered and why, empty when all was); `engine`: name of
        the one that serves regular demand, which may have a calendar of its own."""
        ...


class Models(Protocol):
    """Bundles of learnt models."""

    def place(self, question: str) -> str:
        """Where the bundles of a question are written."""
        ...

    def newest(self, question: str, not_before: datetime) -> str:
        """The newest sound bundle; empty when there is none that young."""
        ...


class Watch(Protocol):
    """What is counted for the people who run the service."""

    def movements(self, accepted: int, duplicate: int, refused: int) -> None: ...
    def run_ended(self, state: RunState, seconds: float) -> None: ...
    def series(self, outcomes: Sequence[Outcome]) -> None: ...
    def forecast_made(self, at: datetime) -> None: ...
    def accuracy(self, parts: Mapping[Place, Figures]) -> None: ...


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
    ) -> TableForecast: ...


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
