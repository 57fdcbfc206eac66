"""What a human may do with a line, and what a plan's state allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.replenishment.domain.deciding import Approved, check_decidable, decided
from services.replenishment.domain.plans import (
    Asked,
    Decision,
    DecisionReason,
    Explanation,
    Line,
    Offer,
    Plan,
    PlanState,
    Verdict,
    order_id,
)
from services.replenishment.tests.situations import ANGERS, MONDAY, MORNING, NANTES
from shared.errors import Malformed, NotNow, Refusal

PLAN = Plan("plan-1", Asked(28, None, 10.0, 1, ""), PlanState.PROPOSED, MONDAY, MORNING)
LINE = Line(
    line_id="plan-1-00001",
    item_id="PARACETAMOL",
    site_id=NANTES,
    supplier_id="supplier-1",
    order_day=MONDAY,
    arrival_day=MONDAY + timedelta(days=2),
    packs=12,
    quantity_base=120.0,
    base_unit="tablet",
    price_eur=228.0,
    stockout_before=0.8,
    stockout_after=0.1,
    reason="",
    explanation=Explanation((), 100.0, 10.0, 0.98, (), ""),
    offer=Offer(minimum=6, multiple=3, allotted=30, pack_price_eur=20.0, breaks=((10, 0.05),)),
)


def verdict(decision: Decision, packs: int | None = None, reason: str = "OTHER") -> Verdict:
    return Verdict(LINE.line_id, decision, packs, DecisionReason(reason))


def before(packs: int, **other: str) -> Approved:
    """So many packs of the line's item approved already, at its site unless said otherwise."""
    return Approved([replace(LINE, packs=packs, **other)])  # type: ignore[arg-type]  # names of sites


def refusal(line: Line, what: Verdict, approved: int = 0) -> Refusal:
    with pytest.raises(Refusal) as refused:
        decided(line, what, before(approved), "verdicts[0]")
    return refused.value


def test_an_accepted_line_is_the_line_as_it_was_proposed() -> None:
    after = decided(
        LINE, verdict(Decision.ACCEPTED, reason="UNSPECIFIED"), before(0), "verdicts[0]"
    )
    assert after == replace(LINE, decision=Decision.ACCEPTED)


def test_a_changed_line_is_priced_anew_with_its_breaks() -> None:
    less = decided(LINE, verdict(Decision.CHANGED, 9), before(0), "verdicts[0]")
    assert (less.packs, less.quantity_base, less.price_eur) == (9, 90.0, 180.0)
    more = decided(LINE, verdict(Decision.CHANGED, 15), before(0), "verdicts[0]")
    assert more.price_eur == pytest.approx(15 * 20 * 0.95)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (verdict(Decision.CHANGED, 9, "UNSPECIFIED"), "REASON_NEEDED"),
        (verdict(Decision.REFUSED, None, "UNSPECIFIED"), "REASON_NEEDED"),
        (verdict(Decision.CHANGED, None), "PACKS_NEEDED"),
        (verdict(Decision.CHANGED, 3), "BELOW_MINIMUM"),
        (verdict(Decision.CHANGED, 10), "NOT_A_MULTIPLE"),
        (verdict(Decision.CHANGED, 33), "ABOVE_CAP"),
    ],
)
def test_a_change_is_checked_against_the_suppliers_terms(what: Verdict, reason: str) -> None:
    found = refusal(LINE, what)
    assert isinstance(found, Malformed)
    assert found.reason == reason
    assert found.field.startswith("verdicts[0].")


def test_lines_of_one_item_share_its_allocation() -> None:
    assert refusal(LINE, verdict(Decision.ACCEPTED), approved=21).reason == "ABOVE_CAP"
    assert decided(LINE, verdict(Decision.ACCEPTED), before(18), "v").packs == 12
    assert decided(LINE, verdict(Decision.REFUSED), before(21), "v").decision is Decision.REFUSED


@given(
    st.sampled_from([Decision.ACCEPTED, Decision.CHANGED, Decision.REFUSED]),
    st.sampled_from([Decision.ACCEPTED, Decision.CHANGED, Decision.REFUSED]),
)
def test_a_line_is_decided_once(first: Decision, second: Decision) -> None:
    after = decided(LINE, verdict(first, 9), before(0), "v")
    found = refusal(after, verdict(second, 9))
    assert isinstance(found, NotNow)
    assert found.reason == "LINE_DECIDED"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (PlanState.WAITING, "PLAN_RUNNING"),
        (PlanState.RUNNING, "PLAN_RUNNING"),
        (PlanState.OUTDATED, "PLAN_OUTDATED"),
        (PlanState.FAILED, "PLAN_FAILED"),
        (PlanState.CANCELLED, "PLAN_CANCELLED"),
    ],
)
def test_only_a_proposed_plan_may_be_decided(state: PlanState, reason: str) -> None:
    with pytest.raises(NotNow) as refused:
        check_decidable(replace(PLAN, state=state))
    assert refused.value.reason == reason


def test_a_proposed_plan_may_be_decided_and_its_orders_have_stable_ids() -> None:
    check_decidable(PLAN)
    assert order_id(LINE) == order_id(replace(LINE, decision=Decision.ACCEPTED))


def test_what_is_allotted_to_the_group_counts_every_site() -> None:
    line = replace(LINE, offer=replace(LINE.offer, group_allotted=30))
    elsewhere = before(20, site_id=ANGERS)
    assert decided(line, verdict(Decision.ACCEPTED), before(9, site_id=ANGERS), "v").packs == 12
    with pytest.raises(Malformed) as refused:
        decided(line, verdict(Decision.ACCEPTED), elsewhere, "v")
    assert refused.value.reason == "ABOVE_CAP"
    assert "all sites" in refused.value.message
    assert "at most 10" in refused.value.message
    assert decided(LINE, verdict(Decision.ACCEPTED), elsewhere, "v").packs == 12


def test_what_another_supplier_allots_does_not_count() -> None:
    other = before(30, supplier_id="supplier-2")
    assert decided(LINE, verdict(Decision.ACCEPTED), other, "v").packs == 12
