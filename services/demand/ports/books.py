"""What one transaction may read and write: catalogue, movements, runs, forecasts and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from services.demand.domain.accuracy import Cell, Claim, Sums
from services.demand.domain.drivers.signals import Reported
from services.demand.domain.forecasts import Finding, Forecast, Outcome
from services.demand.domain.movements import Movement
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunState
from services.demand.domain.shelf import ShelfDay
from services.demand.domain.signals import Case
from services.demand.domain.uses import Use
from shared.catalogue.codes import Code
from shared.catalogue.items import Item, Site
from shared.catalogue.units import Packing


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
    def put(self, forecasts: Sequence[Forecast]) -> None:
        """Stores them and tells the world, in the same transaction."""
        ...

    def newest_made(self) -> datetime | None: ...
    def some(
        self,
        site_ids: Sequence[str],
        item_ids: Sequence[str],
        after: tuple[str, str] | None,
        limit: int,
    ) -> Sequence[Forecast]:
        """At most `limit` of these sites and items, of all where none are named, by site and
        item: those after the pair (site, item)."""
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

    def to_judge(self, spans: Mapping[Period, range]) -> Sequence[tuple[Period, int]]:
        """Periods inside these spans that claims were made for; and any others of which
        something came true that no sum holds yet."""
        ...

    def claims_of(self, period: Period, number: int) -> Sequence[tuple[Claim, float | None]]:
        """All claims of one period with what came true, None while nothing has."""
        ...

    def settle(self, period: Period, number: int, came: Sequence[tuple[Claim, float]]) -> None:
        """Notes what came true of claims of one period, and adds up the period anew."""
        ...

    def forget(self, period: Period, made_before: datetime) -> None:
        """Claims of this grid; what they added to the sums stays."""
        ...

    def forget_sums(self, period: Period, before: int) -> None: ...
    def settled(self, item_id: str, site_id: str) -> Sequence[tuple[Claim, float]]:
        """Claims of one item with what came true; of all sites when empty."""
        ...

    def sums(self, site_id: str) -> Mapping[Cell, Sums]:
        """What came true, added up; of all sites when empty."""
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
