"""A named human accepts, changes or refuses the lines of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.replenishment.domain.consequence import with_consequence
from services.replenishment.domain.deciding import Approved, check_decidable, decided
from services.replenishment.domain.lanes import check_lots, summed
from services.replenishment.domain.plans import (
    Decision,
    Line,
    LineKind,
    MovedLot,
    Plan,
    Verdict,
    order_id,
)
from services.replenishment.domain.policy import Policy
from services.replenishment.domain.positions import ApprovedOrder, position
from services.replenishment.ports import Books, Store, Watch
from services.replenishment.use_cases.plans import missing_line, missing_plan
from services.replenishment.use_cases.warn import Warn
from shared.clock import Clock
from shared.errors import Malformed


@dataclass(frozen=True, slots=True)
class Decided:
    accepted: int
    changed: int
    refused: int
    changed_lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class DecidePlan:
    """Applies all verdicts or none; approved lines become orders that are counted from now.

    Missing PLAN_MISSING, LINE_MISSING; NotNow PLAN_RUNNING, PLAN_OUTDATED, PLAN_FAILED,
    LINE_DECIDED; Malformed LINE_TWICE, REASON_NEEDED, PACKS_NEEDED, BELOW_MINIMUM,
    NOT_A_MULTIPLE, ABOVE_CAP, ABOVE_SPARE; NotNow LOT_GONE.
    """

    store: Store
    warn: Warn
    policy: Policy
    clock: Clock
    watch: Watch

    def __call__(self, plan_id: str, decided_by: str, verdicts: Sequence[Verdict]) -> Decided:
        with self.store.write() as books:
            plan = books.plans.hold(plan_id)
            if plan is None:
                raise missing_plan(plan_id)
            check_decidable(plan)
            done = self._apply(books, plan, verdicts)
            judged = self._judged(books, plan, [line for line, _ in done])
            self._keep(books, plan_id, decided_by, done)
        lines = [line for line, _ in done]
        kinds = [line.decision for line in lines]
        answer = Decided(
            accepted=kinds.count(Decision.ACCEPTED),
            changed=kinds.count(Decision.CHANGED),
            refused=kinds.count(Decision.REFUSED),
            changed_lines=judged,
        )
        self.watch.lines_decided(answer.accepted, answer.changed, answer.refused)
        return answer

    def _apply(
        self, books: Books, plan: Plan, verdicts: Sequence[Verdict]
    ) -> list[tuple[Line, Verdict]]:
        plan_id = plan.plan_id
        moved: dict[tuple[str, str], list[MovedLot]] = {}
        lines = books.plans.lines_by_id(plan_id, [v.line_id for v in verdicts])
        approved = Approved(books.plans.approved_lines(plan_id))
        seen: set[str] = set()
        done = []
        for place, verdict in enumerate(verdicts):
            field = f"verdicts[{place}]"
            line = lines.get(verdict.line_id)
            if line is None:
                raise missing_line(verdict.line_id, f"{field}.line_id")
            if verdict.line_id in seen:
                raise Malformed(
                    "LINE_TWICE",
                    "The request decides this line twice. Send one verdict a line.",
                    field=f"{field}.line_id",
                    line_id=verdict.line_id,
                )
            seen.add(verdict.line_id)
            after = decided(line, verdict, approved, field)
            if after.decision is not Decision.REFUSED:
                self._check_giver(books, plan, after, moved, f"{field}.line_id")
                approved.add(after)
            done.append((after, verdict))
        return done

    def _check_giver(
        self,
        books: Books,
        plan: Plan,
        line: Line,
        moved: dict[tuple[str, str], list[MovedLot]],
        field: str,
    ) -> None:
        """The lots of a transfer, with those of the request's lines before it."""
        if line.kind is not LineKind.TRANSFER:
            return
        key = line.item_id, line.from_site_id
        lots = moved.setdefault(key, [])
        lots.extend(line.lots)
        known = books.supply.known([key])
        if known:
            at = position(known[0], plan.first_day, plan.asked.horizon_days, self.policy)
            check_lots(summed(lots), at, field)

    def _judged(self, books: Books, plan: Plan, done: Sequence[Line]) -> tuple[Line, ...]:
        """The changed lines with what they mean, beside what else the request decides."""
        decided_now = {line.line_id: line for line in done}
        found = []
        for line in done:
            if line.decision is not Decision.CHANGED:
                continue
            key = line.item_id, line.site_id
            # what is decided in the same request is not known as an open order yet
            others = [
                one
                for one in books.plans.lines_of(plan.plan_id, *key)
                if one.line_id not in decided_now
            ]
            others += [
                replace(one, decision=Decision.PENDING)
                for one in done
                if one is not line
                and (one.item_id, one.site_id) == key
                and one.decision is not Decision.REFUSED
            ]
            known = books.supply.known([key])
            found.append(
                with_consequence(line, others, known[0], plan, self.policy) if known else line
            )
        return tuple(found)

    def _keep(
        self,
        books: Books,
        plan_id: str,
        decided_by: str,
        done: Sequence[tuple[Line, Verdict]],
    ) -> None:
        now = self.clock.now()
        approved = [line for line, _ in done if line.decision is not Decision.REFUSED]
        books.plans.put_decisions(plan_id, done, decided_by, now)
        books.orders.add([_order(line) for line in approved], plan_id)
        for line in approved:
            books.facts.order_approved(order_id(line), plan_id, line, decided_by, now)
        concerned = {(line.item_id, line.site_id) for line in approved}
        concerned |= {(line.item_id, line.from_site_id) for line in approved if line.from_site_id}
        self.warn(books, sorted(concerned))


def _order(line: Line) -> ApprovedOrder:
    return ApprovedOrder(
        order_id=order_id(line),
        item_id=line.item_id,
        site_id=line.site_id,
        packs=line.packs,
        quantity_base=line.quantity_base,
        price_eur=line.price_eur,
        order_day=line.order_day,
        due=line.arrival_day,
        known_elsewhere=False,
        from_site_id=line.from_site_id,
        lots=line.lots,
    )
