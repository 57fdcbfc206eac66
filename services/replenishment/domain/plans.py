"""Plans as people see them: lines, states, verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum


class PlanState(Enum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PROPOSED = "PROPOSED"
    FAILED = "FAILED"
    OUTDATED = "OUTDATED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self not in (PlanState.WAITING, PlanState.RUNNING)


class LineKind(Enum):
    ORDER = "ORDER"
    TRANSFER = "TRANSFER"


class Decision(Enum):
    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    CHANGED = "CHANGED"
    REFUSED = "REFUSED"


class DecisionReason(Enum):
    UNSPECIFIED = "UNSPECIFIED"
    CLINICAL = "CLINICAL"
    LOCAL_STOCK = "LOCAL_STOCK"
    SUPPLIER = "SUPPLIER"
    BUDGET = "BUDGET"
    FORECAST_DOUBTED = "FORECAST_DOUBTED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan was asked for."""

    horizon_days: int
    weekly_budget_eur: float | None
    seconds: float
    seed: int
    request_key: str


@dataclass(frozen=True, slots=True)
class Plan:
    plan_id: str
    asked: Asked
    state: PlanState
    first_day: date
    made_time: datetime
    item_sites: int = 0
    cost_eur: float = 0.0
    bound_eur: float = 0.0
    gap: float = 0.0
    seconds: float = 0.0
    line_count: int = 0
    no_suggestion_count: int = 0
    failure: str = ""
    expected_expiry_eur: float | None = None  # of what is on the shelves; None: not worked out
    use_first_count: int = 0
    limits_priced: bool = False  # the solver ended by itself and left its prices
    transfer_count: int = 0  # of `line_count`
    moving_eur: float = 0.0  # of `cost_eur`: what the transfers cost
    saved_expiry_eur: float | None = None  # of `expected_expiry_eur`: what is moved in time
    transfers_note: str = ""  # why nothing is moved, where that is a fault
    start_note: str = ""  # whose prices the solver began with, or why with none


@dataclass(frozen=True, slots=True)
class SumTerm:
    """One term of the sum behind a line, base units; what is subtracted is negative."""

    label: str
    amount: float


@dataclass(frozen=True, slots=True)
class Explanation:
    terms: tuple[SumTerm, ...]
    need_base: float
    base_per_pack: float
    service_level: float
    limits: tuple[str, ...]
    sentence: str
    cost_with_eur: float | None = None  # of the whole plan; None: of an older version
    cost_without_eur: float | None = None  # of the whole plan without this line

    @property
    def saves_eur(self) -> float | None:
        """What the plan would cost more without the line."""
        if self.cost_with_eur is None or self.cost_without_eur is None:
            return None
        return self.cost_without_eur - self.cost_with_eur


@dataclass(frozen=True, slots=True)
class Offer:
    """The supplier's terms that a changed line is checked and priced against. Packs, EUR."""

    minimum: int
    multiple: int
    allotted: int | None  # packs of this item at this site over the plan's horizon
    pack_price_eur: float
    breaks: tuple[tuple[int, float], ...]  # from so many packs on, fraction off
    group_allotted: int | None = None  # packs of this item for all sites together

    def price(self, packs: int) -> float:
        """EUR of a line of so many packs."""
        off = max((part for least, part in self.breaks if packs >= least), default=0.0)
        return packs * self.pack_price_eur * (1.0 - off)


@dataclass(frozen=True, slots=True)
class MovedLot:
    """What of a lot is moved, base units."""

    lot_id: str
    quantity_base: float
    expiry: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """An order to a supplier, or a transfer from another site (`order_day` it leaves)."""

    line_id: str
    item_id: str
    site_id: str
    supplier_id: str
    order_day: date
    arrival_day: date
    packs: int
    quantity_base: float
    base_unit: str
    price_eur: float
    stockout_before: float
    stockout_after: float
    reason: str
    explanation: Explanation
    offer: Offer
    decision: Decision = Decision.PENDING
    kind: LineKind = LineKind.ORDER
    from_site_id: str = ""  # of a transfer
    lots: tuple[MovedLot, ...] = ()  # of a transfer, first expired first out


@dataclass(frozen=True, slots=True)
class Verdict:
    line_id: str
    decision: Decision
    packs: int | None
    reason: DecisionReason


def order_id(line: Line) -> str:
    """Stable: the same line approved is never two orders."""
    return f"order-{line.line_id}"
