"""A forecast of one item at one site, and when it is too old to act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.demand.domain.classes import DemandClass
from services.demand.domain.history_files import Target
from services.demand.domain.outlook import Outlook
from services.demand.domain.periods import Period, number_of, start_of


@dataclass(frozen=True, slots=True)
class ForecastPeriod:
    """Base units; one quantile per level of the forecast."""

    start: date
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Driver:
    """One part of a mean: `amounts` by period in base units, below 0 where it lowers it."""

    name: str
    words: str
    amounts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LeadSum:
    """The sum of the first `periods` periods, with its own quantiles."""

    periods: int
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """`drivers` add up to the mean of each period; `backtest`: (method, loss over the usual
    method's); `cautions`: why it must not be acted on without a look; `peak`: of the most
    units in use at once, not of amounts."""

    item_id: str
    site_id: str
    run_id: str
    period: Period
    levels: tuple[float, ...]
    periods: tuple[ForecastPeriod, ...]
    demand_class: DemandClass
    method: str
    method_reason: str
    data_quality: tuple[str, ...]
    base_unit: str
    made_time: datetime
    outlook: Outlook | None = None
    lead: LeadSum | None = None
    target: Target = Target.DEMAND
    drivers: tuple[Driver, ...] = ()
    backtest: tuple[tuple[str, float], ...] = ()
    cautions: tuple[str, ...] = ()
    peak: bool = False

    def useless_because(self, now: datetime, today: date, longest: timedelta) -> str:
        """Why this forecast is too old to act on, as a sentence; empty while it is good."""
        if now - self.made_time > longest:
            return (
                f"The newest forecast was made on {self.made_time.date()}, more than "
                f"{longest.days} days ago. Start a new forecast run."
            )
        last = number_of(self.periods[-1].start, self.period)
        if number_of(today, self.period) > last:
            return (
                f"The newest forecast ended with the {self.period.word} of "
                f"{start_of(last, self.period)}. Start a new forecast run."
            )
        return ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a series was not forecast, or not by the usual method.

    About the whole run when item and site are empty.
    """

    item_id: str
    site_id: str
    reason: str
    message: str

    @property
    def series(self) -> str:
        return f"{self.item_id}@{self.site_id}" if self.item_id else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run made of one series: a forecast, a finding, or a stand-in and both."""

    item_id: str
    site_id: str
    forecast: Forecast | None
    finding: Finding | None


def kinds_of(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How many were forecast, served by a stand-in, and refused."""
    kinds = Counter[str]()
    for one in outcomes:
        if one.forecast is None:
            kinds["refused"] += 1
        else:
            kinds["forecast" if one.finding is None else "stand_in"] += 1
    return kinds
