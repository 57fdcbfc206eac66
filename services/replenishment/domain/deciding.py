"""What a human may decide of a plan's lines, and what the line is afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.replenishment.domain.plans import (
    Decision,
    DecisionReason,
    Line,
    LineKind,
    MovedLot,
    Plan,
    PlanState,
    Verdict,
)
from shared.errors import Malformed, NotNow


class Approved:
    """Packs approved in one plan so far, by what limits them."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._packs: dict[tuple[str, ...], int] = {}
        for line in lines:
            self.add(line)

    def add(self, line: Line) -> None:
        for key in (_site(line), _group(line), _giver(line)):
            self._packs[key] = self._packs.get(key, 0) + line.packs

    def to_site(self, line: Line) -> int:
        """Of the line's item and supplier, to its site."""
        return self._packs.get(_site(line), 0)

    def to_group(self, line: Line) -> int:
        """Of the line's item and supplier, to all sites."""
        return self._packs.get(_group(line), 0)

    def given(self, line: Line) -> int:
        """Of the line's item, from the site that gives it."""
        return self._packs.get(_giver(line), 0)


def _site(line: Line) -> tuple[str, ...]:
    return line.kind.value, line.item_id, line.supplier_id, line.site_id


def _group(line: Line) -> tuple[str, ...]:
    return line.kind.value, line.item_id, line.supplier_id


def _giver(line: Line) -> tuple[str, ...]:
    return "from", line.item_id, line.from_site_id


def check_decidable(plan: Plan) -> None:
    """NotNow PLAN_RUNNING, PLAN_FAILED, PLAN_OUTDATED or PLAN_CANCELLED."""
    if plan.state is PlanState.CANCELLED:
        raise NotNow(
            "PLAN_CANCELLED",
            "This plan was cancelled and has no line to decide. Start a new one.",
            plan_id=plan.plan_id,
        )
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


def cancelled(plan: Plan, by: str) -> Plan:
    """The plan as cancelled; one that was cancelled before stays as it is.

    NotNow PLAN_ENDED.
    """
    if plan.state is PlanState.CANCELLED:
        return plan
    if plan.state.ended:
        raise NotNow(
            "PLAN_ENDED",
            f"This plan is {plan.state.value.lower()}: there is nothing left to cancel. Lines that "
            "are not wanted are refused with DecidePlan.",
            plan_id=plan.plan_id,
        )
    return replace(plan, state=PlanState.CANCELLED, failure=f"Cancelled by {by}")


def decided(line: Line, verdict: Verdict, approved: Approved, field: str) -> Line:
    """The line as the human left it.

    `approved` holds the packs that were approved in this plan before. NotNow LINE_DECIDED;
    Malformed REASON_NEEDED, PACKS_NEEDED, BELOW_MINIMUM, NOT_A_MULTIPLE, ABOVE_CAP,
    ABOVE_SPARE.
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
        price_eur=line.price_eur if _moves(line) else line.offer.price(verdict.packs),
        lots=first_of(line.lots, verdict.packs * line.explanation.base_per_pack),
    )


def _moves(line: Line) -> bool:
    return line.kind is LineKind.TRANSFER


def first_of(lots: Sequence[MovedLot], amount: float) -> tuple[MovedLot, ...]:
    """As much of the lots, in their order, as makes `amount` base units."""
    found = []
    for lot in lots:
        taken = min(lot.quantity_base, amount)
        amount -= taken
        if taken > 0:
            found.append(replace(lot, quantity_base=taken))
    return tuple(found)


def check_packs(line: Line, packs: int, approved: Approved, field: str) -> None:
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


def _check_allotted(line: Line, packs: int, approved: Approved, field: str) -> None:
    if _moves(line):
        _check_spare(line, packs, approved, field)
        return
    limits = (
        (line.offer.allotted, approved.to_site(line), "to this site"),
        (line.offer.group_allotted, approved.to_group(line), "to all sites of the group"),
    )
    for allotted, before, whom in limits:
        if allotted is not None and before + packs > allotted:
            raise Malformed(
                "ABOVE_CAP",
                f"The supplier still allots {allotted} packs of this item {whom}, {before} "
                f"of them are approved and {packs} more were asked for. Ask for at most "
                f"{max(0, allotted - before)}.",
                field=field,
                line_id=line.line_id,
            )


def _check_spare(line: Line, packs: int, approved: Approved, field: str) -> None:
    """What the site that gives can spare, and no more of the lots than the line names."""
    spare, before = line.offer.allotted or 0, approved.given(line)
    named = sum(lot.quantity_base for lot in line.lots)
    held = math.floor(named / line.explanation.base_per_pack + 1e-9)
    most = min(max(0, spare - before), held)
    if packs > most:
        raise Malformed(
            "ABOVE_SPARE",
            f"{line.from_site_id} can spare {spare} packs without going short itself, {before} "
            f"of them are approved, and this line names lots of {held}; {packs} were asked for. "
            f"Ask for at most {most}.",
            field=field,
            line_id=line.line_id,
        )
