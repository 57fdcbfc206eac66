"""What the use cases need from outside, in our own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from services.replenishment.domain.agreed import GroupAllotment, GroupLimits
from services.replenishment.domain.availability import SupplyStatus
from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.demand import Forecast
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.kept_prices import KeptPrices
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import Line, Plan, Verdict
from services.replenishment.domain.positions import ApprovedOrder, Known, NoSuggestion
from services.replenishment.domain.prices import Prices
from services.replenishment.domain.problem import Floats, Ints, Problem
from services.replenishment.domain.releases import Release
from services.replenishment.domain.sharing import Sharing
from services.replenishment.domain.shelves import StorageLimit
from services.replenishment.domain.stock import StockReport
from services.replenishment.domain.substitutes import Substitute
from services.replenishment.domain.terms import SupplyTerms
from services.replenishment.domain.warnings import Foreseen
from shared.catalogue.codes import Code
from shared.catalogue.items import Criticality, Item, Site


class Catalogue(Protocol):
    """Items and sites, as this service owns them."""

    def put_items(self, items: Sequence[Item]) -> None:
        """Stores them, tells the world, and wakes what waited for them."""
        ...

    def put_sites(self, sites: Sequence[Site]) -> None: ...
    def items(self, codes: Iterable[Code]) -> Mapping[Code, Item]: ...
    def item(self, item_id: str) -> Item | None: ...
    def site_ids(self) -> frozenset[str]: ...


class Supply(Protocol):
    """Terms, stock and forecasts by item and site."""

    def put_terms(self, terms: Sequence[SupplyTerms]) -> None: ...
    def counted(self, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], datetime]:
        """When each (item, site) was last counted."""
        ...

    def put_reports(self, reports: Sequence[StockReport]) -> None: ...
    def forecast_made(self, item_id: str, site_id: str) -> datetime | None: ...
    def put_forecast(self, forecast: Forecast) -> None: ...
    def known(self, keys: Sequence[tuple[str, str]]) -> Sequence[Known]:
        """What is known of these items at these sites; unknown items are left out."""
        ...

    def all_known(self, site_id: str = "") -> Sequence[Known]:
        """Every item at every site of which anything is known, by item and site."""
        ...

    def add_release(self, release: Release) -> None:
        """One more entry of the record."""
        ...

    def replace_statuses(self, statuses: Mapping[str, SupplyStatus]) -> None:
        """What the agency says, by item_id; who is not named is not listed any more."""
        ...

    def replace_substitutes(self, approved: Mapping[str, Sequence[Substitute]]) -> None:
        """Those of each item named, in place of those of before."""
        ...

    def plannable(self) -> bool:
        """Whether some item has terms, stock and a forecast at some site."""
        ...


class Agreed(Protocol):
    """Limits of sites and of the whole group; an entry without a value is taken away."""

    def put_storage_limits(self, limits: Sequence[StorageLimit]) -> None: ...
    def put_allotments(self, allotments: Sequence[GroupAllotment]) -> None: ...
    def put_lanes(self, lanes: Sequence[Lane]) -> None: ...
    def withdraw_lanes(self, keys: Sequence[tuple[str, str]]) -> None: ...
    def limits(self) -> GroupLimits: ...


class Orders(Protocol):
    """Orders approved here, by id."""

    def add(self, orders: Sequence[ApprovedOrder], plan_id: str) -> None: ...
    def open(self, keys: Sequence[tuple[str, str]]) -> Sequence[ApprovedOrder]:
        """Those that no stock report has caught up with."""
        ...

    def leaving(self, keys: Sequence[tuple[str, str]]) -> Sequence[ApprovedOrder]:
        """Transfers of these (item, giving site) that no count there has caught up with."""
        ...

    def settle(self, order_ids: Sequence[str]) -> None:
        """The hospital's own system knows these now."""
        ...

    def settle_left(self, order_ids: Sequence[str]) -> None:
        """The site that gives was counted after these had left."""
        ...

    def count(self) -> int: ...


class Plans(Protocol):
    """Plans as resources."""

    def add(self, plan: Plan) -> bool:
        """False, and nothing written, when the request key already started a plan."""
        ...

    def by_key(self, request_key: str) -> Plan | None: ...
    def get(self, plan_id: str) -> Plan | None: ...
    def page(self, after: int | None, limit: int) -> Sequence[tuple[int, Plan]]:
        """(place, plan), the newest first, below place `after`."""
        ...

    def unfinished(self) -> Sequence[str]:
        """Ids of the plans that are waiting or running, the oldest first."""
        ...

    def put(self, plan: Plan) -> None:
        """Writes state and figures of a plan that is there."""
        ...

    def hold(self, plan_id: str) -> Plan | None:
        """The plan, kept from changing until this transaction ends."""
        ...

    def outdate_proposed(self) -> None: ...
    def put_lines(self, plan_id: str, lines: Sequence[Line]) -> None: ...
    def put_left_out(self, plan_id: str, left_out: Sequence[NoSuggestion]) -> None: ...
    def put_limit_prices(self, plan_id: str, prices: Sequence[LimitPrice]) -> None: ...
    def limit_prices(self, plan_id: str) -> Sequence[LimitPrice]: ...
    def put_collisions(self, plan_id: str, found: Sequence[Collision]) -> None: ...
    def collisions(self, plan_id: str) -> Sequence[Collision]: ...
    def put_use_first(self, plan_id: str, lots: Sequence[UseFirst]) -> None: ...
    def use_first(self, plan_id: str, first: int, limit: int) -> Sequence[UseFirst]: ...
    def lines(self, plan_id: str, first: int, limit: int) -> Sequence[Line]: ...
    def left_out(self, plan_id: str, first: int, limit: int) -> Sequence[NoSuggestion]: ...
    def line(self, plan_id: str, line_id: str) -> Line | None: ...
    def lines_by_id(self, plan_id: str, line_ids: Sequence[str]) -> Mapping[str, Line]: ...
    def lines_of(self, plan_id: str, item_id: str, site_id: str) -> Sequence[Line]: ...
    def keep_prices(self, prices: KeptPrices) -> None:
        """Takes the place of those of the plan before."""
        ...

    def kept_prices(self) -> KeptPrices | None:
        """Those of the newest plan that left any; None too where they cannot be read."""
        ...

    def approved_lines(self, plan_id: str) -> Sequence[Line]:
        """Those accepted or changed in this plan so far."""
        ...

    def put_decisions(
        self,
        plan_id: str,
        decided: Sequence[tuple[Line, Verdict]],
        decided_by: str,
        decided_time: datetime,
    ) -> None: ...


class Warnings(Protocol):
    """Which shortages are foreseen at present."""

    def active(self, keys: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]: ...
    def put(self, foreseen: Foreseen) -> None: ...


class Facts(Protocol):
    """What the world is told, in the same transaction."""

    def stock_reported(
        self, report: StockReport, usable_base: float, on_order_base: float
    ) -> None: ...
    def plan_proposed(self, plan: Plan) -> None: ...
    def order_approved(
        self, order_id: str, plan_id: str, line: Line, decided_by: str, decided_time: datetime
    ) -> None: ...
    def shortage_foreseen(self, item: Item, foreseen: Foreseen, at: datetime) -> None: ...


class Books(Protocol):
    """Everything that one transaction may read and write."""

    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def supply(self) -> Supply: ...
    @property
    def agreed(self) -> Agreed: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def plans(self) -> Plans: ...
    @property
    def warnings(self) -> Warnings: ...
    @property
    def facts(self) -> Facts: ...


class Store(Protocol):
    """Transactions: what is done through the books is committed together or not at all."""

    def write(self) -> AbstractContextManager[Books]: ...
    def read(self) -> AbstractContextManager[Books]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A plan and the lower bound that the solver proved. EUR."""

    orders: Ints  # [N, T] packs
    bound: float
    seconds: float
    # [S, W] EUR saved per EUR more of weekly budget; None when it was cut short
    budget_prices: Floats | None = None
    # [P, T] EUR saved per unit of volume more in each store and day; None likewise
    storage_prices: Floats | None = None
    named: Prices | None = None  # where a later plan may start from; None likewise


@dataclass(frozen=True, slots=True, eq=False)
class Proved:
    """A plan for a problem of a file, the bound that was proven, and after how many rounds."""

    orders: Ints  # [N, T] packs
    bound: float
    rounds: int
    prices: Prices | None = None  # where a later plan may start from; None before the end


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A problem of a file, and what its rows are called there."""

    problem: Problem
    site: Ints  # [N]
    item: Ints  # [N]


@dataclass(frozen=True, slots=True)
class OracleCase:
    """One case with a known best answer, and ours; `reason` says why it was not played."""

    kind: str
    case_id: str
    ours: float = float("nan")
    optimum: float = float("nan")
    ratio: float = float("nan")
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SolverProgress:
    cost: float
    bound: float
    gap: float
    seconds: float


class SolverLost(Exception):
    """The solver ended without a plan; the text says how, in words for people."""


class Solver(Protocol):
    """Plans elsewhere, so that calls are still answered here."""

    def __call__(
        self,
        problem: Problem,
        seconds: float,
        seed: int,
        tell: Callable[[SolverProgress], None],
        stopped: Callable[[], bool],
        *,
        start: Prices | None = None,
    ) -> Solved | None:
        """The best plan within `seconds`, looked for from the prices `start` on; None when
        `stopped`. Raises SolverLost."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """The options that were chosen, and [V] EUR of each variant with its best orders."""

    chosen: tuple[int, ...]
    values: Floats


class Sharer(Protocol):
    """Chooses moves between sites elsewhere, so that calls are still answered here."""

    def __call__(
        self, sharing: Sharing, seconds: float, seed: int, stopped: Callable[[], bool]
    ) -> Shared | None:
        """The best moves; None when `stopped`. Raises SolverLost."""
        ...


class Watch(Protocol):
    """What is counted for the people who run the service."""

    def plan_ended(self, plan: Plan, at: datetime) -> None: ...
    def lines_decided(self, accepted: int, changed: int, refused: int) -> None: ...
    def risk(
        self, criticality: Criticality, item_sites: int, at_risk: int, expiry_eur: float
    ) -> None: ...
    def reports(self, accepted: int, superseded: int, refused: int) -> None: ...


class Today(Protocol):
    """The calendar day of the hospital."""

    def __call__(self) -> date: ...
