"""Plans as people see them: lines, states, verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from shared.errors import Malformed, NotNow


class PlanState(Enum):
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    PROPOSED = "PROPOSED"
    FAILED = "FAILED"
    OUTDATED = "OUTDATED"

    @property
    def ended(self) -> bool:
        return self not in (PlanState.WAITING, PlanState.RUNNING)


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

    def price(self, packs: int) -> float:
        """EUR of a line of so many packs."""
        off = max((part for least, part in self.breaks if packs >= least), default=0.0)
        return packs * self.pack_price_eur * (1.0 - off)


@dataclass(frozen=True, slots=True)
class Line:
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


@dataclass(frozen=True, slots=True)
class Verdict:
    line_id: str
    decision: Decision
    packs: int | None
    reason: DecisionReason


def order_id(line: Line) -> str:
    """Stable: the same line approved is never two orders."""
    return f"order-{line.line_id}"


def check_decidable(plan: Plan) -> None:
    """NotNow PLAN_RUNNING, PLAN_FAILED or PLAN_OUTDATED."""
    if plan.state is PlanState.OUTDATED:
        raise NotNow(
            "PLAN_OUTDATED",
            "A newer plan has been proposed since. Decide the newer one; nothing was changed.",
            plan_id=plan.plan_id,
        )
    if plan.state is PlanState.FAILED:
        raise NotNow(
            "PLAN_FAILED",
            "This plan could not be made and has no line to decide. Start it again.",
            plan_id=plan.plan_id,
        )
    if not plan.state.ended:
        raise NotNow(
            "PLAN_RUNNING",
            "This plan is still being made. Watch it until it is proposed, then decide.",
            plan_id=plan.plan_id,
        )


def decided(line: Line, verdict: Verdict, approved: int, field: str) -> Line:
    """The line as the human left it.

    `approved` is how many packs of the same item and site were approved in this plan
    before. NotNow LINE_DECIDED; Malformed REASON_NEEDED, PACKS_NEEDED, BELOW_MINIMUM,
    NOT_A_MULTIPLE, ABOVE_CAP.
    """
    if line.decision is not Decision.PENDING:
        raise NotNow(
            "LINE_DECIDED",
            f"This line was already {line.decision.value.lower()}. A line is decided once; to "
            "change the order, speak to the supplier and report it as an open order.",
            field=f"{field}.line_id",
            line_id=line.line_id,
        )
    if verdict.decision is Decision.ACCEPTED:
        _check_allotted(line, line.packs, approved, f"{field}.line_id")
        return replace(line, decision=Decision.ACCEPTED)
    if verdict.reason is DecisionReason.UNSPECIFIED:
        raise Malformed(
            "REASON_NEEDED",
            "A changed or refused line needs a reason: choose one of the list.",
            field=f"{field}.reason",
            line_id=line.line_id,
        )
    if verdict.decision is Decision.REFUSED:
        return replace(line, decision=Decision.REFUSED)
    if verdict.packs is None:
        raise Malformed(
            "PACKS_NEEDED",
            "A changed line needs the number of packs to order instead.",
            field=f"{field}.packs",
            line_id=line.line_id,
        )
    check_packs(line, verdict.packs, approved, f"{field}.packs")
    return replace(
        line,
        decision=Decision.CHANGED,
        packs=verdict.packs,
        quantity_base=verdict.packs * line.explanation.base_per_pack,
        price_eur=line.offer.price(verdict.packs),
    )


def check_packs(line: Line, packs: int, approved: int, field: str) -> None:
    """Malformed BELOW_MINIMUM, NOT_A_MULTIPLE or ABOVE_CAP."""
    offer = line.offer
    if packs < offer.minimum:
        raise Malformed(
            "BELOW_MINIMUM",
            f"The supplier takes at least {offer.minimum} packs; {packs} were asked for.",
            field=field,
            line_id=line.line_id,
        )
    if packs % offer.multiple:
        raise Malformed(
            "NOT_A_MULTIPLE",
            f"The supplier delivers multiples of {offer.multiple} packs; {packs} is none. Try "
            f"{-(-packs // offer.multiple) * offer.multiple}.",
            field=field,
            line_id=line.line_id,
        )
    _check_allotted(line, packs, approved, field)


def _check_allotted(line: Line, packs: int, approved: int, field: str) -> None:
    allotted = line.offer.allotted
    if allotted is not None and approved + packs > allotted:
        raise Malformed(
            "ABOVE_CAP",
            f"The supplier still allots {allotted} packs of this item to this site, {approved} "
            f"of them are approved and {packs} more were asked for. Ask for at most "
            f"{max(0, allotted - approved)}.",
            field=field,
            line_id=line.line_id,
        )
