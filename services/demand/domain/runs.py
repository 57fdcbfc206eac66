"""A forecast run: what was asked, how far it is, and the states it may pass through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from services.demand.domain.forecasts import Finding
from services.demand.domain.history_files import Target
from services.demand.domain.periods import Period


class RunState(Enum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        return self in (RunState.DONE, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What was asked for. Only movements up to the day before `as_of` are history.

    `lead`: periods of the sum, 0 for none. `auto`: the grid is chosen item by item;
    `period` is DAY then, and horizon and lead count days. `update`: the newest forecasts are
    only moved on.
    """

    period: Period
    horizon: int
    as_of: date
    site_ids: tuple[str, ...] = ()
    item_ids: tuple[str, ...] = ()
    lead: int = 0
    target: Target = Target.DEMAND
    auto: bool = False
    update: bool = False

    def same_question(self, other: RunOrder) -> bool:
        """Whether both ask for the same, whatever the day they were asked."""
        return replace(self, as_of=other.as_of) == other


@dataclass(frozen=True, slots=True)
class Run:
    run_id: str
    order: RunOrder
    state: RunState
    series: int
    series_done: int
    start_time: datetime
    end_time: datetime | None = None
    failure: str = ""
    findings: tuple[Finding, ...] = ()
