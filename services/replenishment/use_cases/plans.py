"""Start plans and read them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.deciding import cancelled
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import Asked, Line, Plan, PlanState
from services.replenishment.domain.positions import NoSuggestion
from services.replenishment.ports import Books, Store, Today, Watch
from shared.clock import Clock
from shared.errors import Missing, NotNow, Refusal

DEFAULT_PAGE = 100


def new_plan_id() -> str:
    return f"plan-{uuid.uuid4().hex}"


def missing_plan(plan_id: str) -> Refusal:
    return Missing(
        "PLAN_MISSING",
        "No plan has this id. Use the plan_id that StartPlan answered with, or ListPlans.",
        field="plan_id",
        plan_id=plan_id,
    )


@dataclass(frozen=True, slots=True)
class StartPlan:
    """Stores what was asked for and wakes whoever makes plans.

    The same key and question give the same plan again; one that failed is tried once
    more. NotNow NOTHING_TO_PLAN, REQUEST_KEY_TAKEN.
    """

    store: Store
    clock: Clock
    today: Today
    wake: Callable[[], None]
    new_id: Callable[[], str] = field(default=new_plan_id)

    def __call__(self, asked: Asked) -> Plan:
        with self.store.write() as books:
            plan = self._start(books, asked)
        self.wake()
        return plan

    def _start(self, books: Books, asked: Asked) -> Plan:
        known = books.plans.by_key(asked.request_key) if asked.request_key else None
        if known is None:
            if not books.supply.plannable():
                raise NotNow(
                    "NOTHING_TO_PLAN",
                    "No item has stock, supply terms and a forecast at the same site. Send stock "
                    "with ReportStock, terms with PutSupplyTerms, and run a forecast.",
                )
            plan = Plan(self.new_id(), asked, PlanState.WAITING, self.today(), self.clock.now())
            if books.plans.add(plan):
                return plan
            known = books.plans.by_key(asked.request_key)
            if known is None:
                raise RuntimeError("a request key is taken by a plan that is not there")
        if known.asked != asked:
            raise NotNow(
                "REQUEST_KEY_TAKEN",
                "This request key already started a plan with other parameters. Use a new key "
                "for a new question.",
                field="request_key",
                plan_id=known.plan_id,
            )
        if known.state is PlanState.FAILED:
            known = replace(known, state=PlanState.WAITING, failure="")
            books.plans.put(known)
        return known


@dataclass(frozen=True, slots=True)
class CancelPlan:
    """Ends a plan that is waiting or being made. Missing PLAN_MISSING; NotNow PLAN_ENDED."""

    store: Store
    clock: Clock
    watch: Watch

    def __call__(self, plan_id: str, cancelled_by: str) -> Plan:
        with self.store.write() as books:
            plan = books.plans.hold(plan_id)
            if plan is None:
                raise missing_plan(plan_id)
            ended = cancelled(plan, cancelled_by)
            if ended is not plan:
                books.plans.put(ended)
        if ended is not plan:
            self.watch.plan_ended(ended, self.clock.now())
        return ended


@dataclass(frozen=True, slots=True)
class Page:
    """Lines first, then what no suggestion could be made for, then the lots to use first;
    `next_place` 0 ends it."""

    plan: Plan
    lines: Sequence[Line]
    left_out: Sequence[NoSuggestion]
    use_first: Sequence[UseFirst]
    limit_prices: Sequence[LimitPrice]  # with the first page
    collisions: Sequence[Collision]  # likewise
    next_place: int


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """One plan, with a page of its lines. Missing PLAN_MISSING."""

    store: Store

    def __call__(self, plan_id: str) -> Plan:
        with self.store.read() as books:
            return _plan(books, plan_id)

    def page(self, plan_id: str, first: int, size: int) -> Page:
        size = size or DEFAULT_PAGE
        with self.store.read() as books:
            plan = _plan(books, plan_id)
            lines = books.plans.lines(plan_id, first, size)
            place, rest = max(0, first - plan.line_count), size - len(lines)
            left_out = books.plans.left_out(plan_id, place, rest) if rest else ()
            place, rest = max(0, place - plan.no_suggestion_count), rest - len(left_out)
            prices = () if first else books.plans.limit_prices(plan_id)
            collide = () if first else books.plans.collisions(plan_id)
            lots = books.plans.use_first(plan_id, place, rest) if rest else ()
        reached = first + len(lines) + len(left_out) + len(lots)
        more = reached < plan.line_count + plan.no_suggestion_count + plan.use_first_count
        return Page(plan, lines, left_out, lots, prices, collide, reached if more else 0)


def _plan(books: Books, plan_id: str) -> Plan:
    plan = books.plans.get(plan_id)
    if plan is None:
        raise missing_plan(plan_id)
    return plan


@dataclass(frozen=True, slots=True)
class ListPlans:
    """Plans, the newest first, and the place after which the next page starts (None: end)."""

    store: Store

    def __call__(self, after: int | None, size: int) -> tuple[Sequence[Plan], int | None]:
        size = size or DEFAULT_PAGE
        with self.store.read() as books:
            found = books.plans.page(after, size + 1)
        shown = found[:size]
        return [plan for _, plan in shown], shown[-1][0] if len(found) > size else None


@dataclass(frozen=True, slots=True)
class ExplainLine:
    """The line with the sum that was made when the plan was. Missing PLAN_MISSING, LINE_MISSING."""

    store: Store

    def __call__(self, plan_id: str, line_id: str) -> Line:
        with self.store.read() as books:
            _plan(books, plan_id)
            line = books.plans.line(plan_id, line_id)
        if line is None:
            raise missing_line(line_id, "line_id")
        return line


def missing_line(line_id: str, field: str) -> Refusal:
    return Missing(
        "LINE_MISSING",
        "This plan has no line with this id. Use the line_id of GetPlan.",
        field=field,
        line_id=line_id,
    )
