"""Make the plan that was asked for, whatever happens to the solver meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.replenishment.domain.agreed import GroupLimits
from services.replenishment.domain.assemble import Assembled, assemble
from services.replenishment.domain.check import check, cost
from services.replenishment.domain.collisions import collisions
from services.replenishment.domain.expiry import expected_loss
from services.replenishment.domain.explain import lines_of
from services.replenishment.domain.explain_moves import Moved, lines_of_moves
from services.replenishment.domain.kept_prices import Start, kept, start_from
from services.replenishment.domain.limits import limit_prices
from services.replenishment.domain.plans import Line, Plan, PlanState
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import Known, NoSuggestion
from services.replenishment.domain.risks import RISKY, Risk, price_of, risk_of
from services.replenishment.domain.transfers import carried_out
from services.replenishment.ports import (
    Solved,
    Solver,
    SolverLost,
    SolverProgress,
    Store,
    Today,
    Watch,
)
from services.replenishment.use_cases.share import Chosen, ShareStock
from services.replenishment.use_cases.warn import Warn
from shared.catalogue.items import Criticality
from shared.clock import Clock

LEAST_SECONDS = 0.5  # that orders are planned for, once transfers were chosen
AGAIN = 5  # times a plan is made anew because orders were approved meanwhile


LOOKS = 5  # the store is asked at every so many looks of the solver


class _OrdersApproved(Exception):
    """Orders were approved while the plan was made: it would order them twice."""


@dataclass(slots=True)
class _Until:
    """True once the service stops, or somebody cancelled the plan."""

    stopped: Callable[[], bool]
    store: Store
    plan_id: str
    looks: int = 0

    def __call__(self) -> bool:
        if self.stopped():
            return True
        self.looks += 1
        if self.looks % LOOKS:
            return False
        with self.store.read() as books:
            plan = books.plans.get(self.plan_id)
        return plan is None or plan.state.ended


@dataclass(frozen=True, slots=True)
class CarryOutPlan:
    """Takes a waiting plan to its end: proposed, or failed with the reason.

    Returns early, with the plan still running, when `stopped`: the next start of the
    service makes it anew.
    """

    store: Store
    solver: Solver
    share: ShareStock
    policy: Policy
    warn: Warn
    clock: Clock
    today: Today
    watch: Watch
    timer: Callable[[], float]  # seconds

    def __call__(self, plan_id: str, stopped: Callable[[], bool]) -> None:
        for _ in range(AGAIN):
            plan = self._begin(plan_id)
            if plan is None:
                return
            try:
                ended = self._make(plan, _Until(stopped, self.store, plan_id))
            except _OrdersApproved:
                continue
            except SolverLost as lost:
                ended = self.fail(plan_id, str(lost))
            if ended is not None:
                self.watch.plan_ended(ended, self.clock.now())
            return
        ended = self.fail(
            plan_id,
            "Orders were approved again and again while this plan was being made. Start a new "
            "plan once the present one is decided.",
        )
        if ended is not None:
            self.watch.plan_ended(ended, self.clock.now())

    def fail(
        self, plan_id: str, failure: str, left_out: Sequence[NoSuggestion] = ()
    ) -> Plan | None:
        """Marks the plan as failed; nothing else changes, and it may be asked for again."""
        with self.store.write() as books:
            plan = books.plans.hold(plan_id)
            if plan is None or plan.state.ended:
                return None
            failed = replace(
                plan,
                state=PlanState.FAILED,
                failure=failure,
                no_suggestion_count=len(left_out),
            )
            books.plans.put(failed)
            books.plans.put_left_out(plan_id, left_out)
        return failed

    def _begin(self, plan_id: str) -> Plan | None:
        with self.store.write() as books:
            plan = books.plans.hold(plan_id)
            if plan is None or plan.state.ended:
                return None
            running = replace(plan, state=PlanState.RUNNING, first_day=self.today())
            books.plans.put(running)
        return running

    def _make(self, plan: Plan, stopped: Callable[[], bool]) -> Plan | None:
        with self.store.read() as books:
            known = books.supply.all_known()
            agreed = books.agreed.limits()
            orders_before = books.orders.count()
            earlier = books.plans.kept_prices()
        asked = plan.asked
        assembled = _assembled(known, plan, self.policy, agreed)
        if not assembled.positions:
            return self.fail(
                plan.plan_id,
                "No item has stock, supply terms and a usable forecast any more. GetPlan lists "
                "what each one lacks.",
                assembled.left_out,
            )
        running = replace(plan, item_sites=len(assembled.positions))
        began = self.timer()
        chosen = self.share(assembled, agreed, asked, stopped)
        if chosen is None:
            return None
        if chosen.moves:
            known = carried_out(known, chosen.moves)
        planned = _assembled(known, plan, self.policy, agreed) if chosen.moves else assembled
        start = start_from(earlier, planned)
        solved = self.solver(
            planned.problem,
            max(LEAST_SECONDS, asked.seconds - (self.timer() - began)),
            asked.seed,
            lambda progress: self._progress(running, progress),
            stopped,
            start=start.prices,
        )
        if solved is None:
            return None
        broken = check(planned.problem, solved.orders)
        if broken:
            raise SolverLost(
                f"The solver's plan breaks {', '.join(broken)} and was thrown away. This is a "
                "fault of ours; the request may be repeated."
            )
        made = _Made(assembled, planned, chosen, solved, agreed, start)
        return self._propose(running, made, orders_before)

    def _progress(self, plan: Plan, progress: SolverProgress) -> None:
        with self.store.write() as books:
            present = books.plans.hold(plan.plan_id)
            if present is not None and not present.state.ended:
                books.plans.put(
                    replace(
                        plan,
                        cost_eur=progress.cost,
                        bound_eur=progress.bound,
                        gap=progress.gap,
                        seconds=progress.seconds,
                    )
                )

    def _propose(self, plan: Plan, made: _Made, orders_before: int) -> Plan | None:
        assembled, planned, solved = made.assembled, made.planned, made.solved
        total, moving = made.total, made.chosen.cost_eur
        bound = min(solved.bound, total - moving) + moving
        lines = made.lines(plan.plan_id, self.policy)
        judged, days = [*assembled.positions, *assembled.blocked], assembled.problem.days
        risks = [risk_of(at, assembled.first_day, days) for at in judged]
        lots = [lot for risk in risks for lot in risk.use_first]
        proposed = replace(
            plan,
            state=PlanState.PROPOSED,
            cost_eur=total,
            bound_eur=bound,
            gap=_gap(total, bound),
            seconds=solved.seconds,
            line_count=len(lines),
            no_suggestion_count=len(assembled.left_out),
            expected_expiry_eur=_worth(risks),
            use_first_count=len(lots),
            limits_priced=solved.budget_prices is not None,
            transfer_count=len(made.chosen.moves),
            moving_eur=moving,
            saved_expiry_eur=made.saved_expiry(_worth(risks)),
            transfers_note=made.chosen.note,
            start_note=made.start.note,
        )
        prices = limit_prices(planned, solved.orders, solved.budget_prices, solved.storage_prices)
        collide = collisions(planned, solved.orders, self.policy)
        with self.store.write() as books:
            present = books.plans.hold(plan.plan_id)
            if present is None or present.state.ended:
                return None  # cancelled meanwhile
            # Before the lines, so that who decides the older plan now comes wholly before or after.
            books.plans.outdate_proposed()
            if books.orders.count() != orders_before:
                raise _OrdersApproved
            books.plans.put(proposed)
            books.plans.put_lines(plan.plan_id, lines)
            books.plans.put_left_out(plan.plan_id, assembled.left_out)
            books.plans.put_use_first(plan.plan_id, lots)
            books.plans.put_limit_prices(plan.plan_id, prices)
            books.plans.put_collisions(plan.plan_id, collide)
            if solved.named is not None:
                books.plans.keep_prices(kept(planned, solved.named))
            books.facts.plan_proposed(proposed)
            self.warn.look(books, [at.known for at in judged])
        self._count_risk(risks)
        return proposed

    def _count_risk(self, risks: Sequence[Risk]) -> None:
        """Every class, so that one that no longer has an item falls back to 0."""
        for kind in Criticality:
            mine = [risk for risk in risks if risk.item.criticality is kind]
            at_risk = sum(risk.probability > RISKY for risk in mine)
            self.watch.risk(kind, len(mine), at_risk, _worth(mine))


def _assembled(
    known: Sequence[Known], plan: Plan, policy: Policy, agreed: GroupLimits
) -> Assembled:
    asked = plan.asked
    days, budget = asked.horizon_days, asked.weekly_budget_eur
    return assemble(known, plan.first_day, days, budget, policy, agreed=agreed)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A plan as it came out: `planned` is `assembled` after the chosen moves."""

    assembled: Assembled
    planned: Assembled
    chosen: Chosen
    solved: Solved
    agreed: GroupLimits
    start: Start

    @property
    def total(self) -> float:
        """EUR of the orders, and of what is moved."""
        return cost(self.planned.problem, self.solved.orders).total + self.chosen.cost_eur

    def lines(self, plan_id: str, policy: Policy) -> tuple[Line, ...]:
        """What is moved first: it is the most urgent."""
        orders, chosen = self.solved.orders, self.chosen
        lanes = {lane.key: lane for lane in self.agreed.lanes}
        moved = Moved(chosen.before, chosen.moves, lanes, chosen.worth_eur, self.total)
        return (
            *lines_of_moves(plan_id, self.planned, orders, moved, policy),
            *lines_of(plan_id, self.planned, orders, policy, chosen.cost_eur),
        )

    def saved_expiry(self, before_eur: float) -> float:
        """EUR of stock that no longer expires once the moves are made."""
        days = self.planned.problem.days
        judged = (*self.planned.positions, *self.planned.blocked)
        left = sum(
            float(expected_loss(at.stock, at.demand, days)[-1]) * (price_of(at) or 0.0)
            for at in judged
        )
        return max(0.0, before_eur - left)


def _worth(risks: Sequence[Risk]) -> float:
    """EUR expected to expire; what is planned has terms, and so a price."""
    return sum(risk.expected_expiry_eur or 0.0 for risk in risks)


def _gap(total: float, bound: float) -> float:
    """(cost - bound) / cost; what is below a billionth is rounding."""
    gap = (total - bound) / abs(total) if total else 0.0
    return gap if gap > 1e-9 else 0.0
