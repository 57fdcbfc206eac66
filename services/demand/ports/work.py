"""Parts of a run and where they are made: workers, engines for one, drivers, learnt models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from services.demand.domain.drivers.driver import Driver
from services.demand.domain.drivers.signals import Signal
from services.demand.domain.forecasts import Outcome
from services.demand.domain.history_files import Target
from services.demand.domain.routing import Group, Judged
from services.demand.domain.series import Series
from services.demand.domain.tables import Days, HistoryTable


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
    """One outcome per series of a part, and the engines that served its groups.

    `drivers_failed`: how often calendars and signals could not be tried for a fault of ours.
    """

    outcomes: Sequence[Outcome]
    chosen: Mapping[Group, Judged]
    drivers_failed: int = 0


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
