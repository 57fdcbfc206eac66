"""Protobuf to domain and back, golden events, page tokens, and what a bad row gets."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf import json_format
from google.type import date_pb2
from hypothesis import given
from hypothesis import strategies as st

from larrey.catalogue.v1 import catalogue_pb2
from larrey.demand.v1 import events_pb2 as demand_events
from larrey.replenishment.v1 import events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.availability import Availability, SupplyStatus
from services.replenishment.domain.demand import Forecast, check_forecast
from services.replenishment.domain.plans import Decision, PlanState, Verdict
from services.replenishment.domain.stock import Lot, OpenOrder, StockReport
from services.replenishment.domain.terms import PriceBreak, SupplyTerms
from services.replenishment.tests.integration.running import (
    published,
    report_to_wire,
    terms_to_wire,
)
from services.replenishment.tests.situations import (
    MONDAY,
    MORNING,
    NANTES,
    monthly,
    stock,
    tablets,
)
from services.replenishment.wire.dates import (
    day_from_wire,
    day_to_wire,
    instant_from_wire,
    instant_to_wire,
)
from services.replenishment.wire.plans import state_to_wire, verdicts_from_wire
from services.replenishment.wire.supply import (
    forecast_from_wire,
    rows_from_wire,
    statuses_from_wire,
    statuses_to_wire,
    terms_from_wire,
)
from services.replenishment.wire.tokens import place_of, token_of
from shared.catalogue.codes import Code, CodeSystem
from shared.catalogue.wire import item_from_wire, item_to_wire
from shared.errors import Malformed
from shared.rpc.validation import validate

EXAMPLES = Path(__file__).parents[4] / "proto" / "examples"
AMOUNTS = st.floats(0, 1e9)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
NAMES = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True)
TERMS = st.builds(
    SupplyTerms,
    item_id=st.just("PARACETAMOL"),
    site_id=st.just(NANTES),
    supplier_id=NAMES,
    min_lead_days=st.integers(0, 365),
    lead_weights=st.lists(AMOUNTS, min_size=1, max_size=5).map(tuple),
    min_packs=st.integers(1, 10**6),
    multiple_packs=st.integers(1, 10**6),
    pack_price_eur=AMOUNTS,
    price_breaks=st.lists(
        st.builds(PriceBreak, st.integers(1, 10**6), st.floats(0, 0.9)), max_size=3
    ).map(tuple),
    order_days=st.frozensets(st.integers(1, 7)),
    line_cost_eur=AMOUNTS,
    order_cost_eur=AMOUNTS,
    allocation_packs=st.none() | st.integers(0, 10**6),
    shelf_life_days=st.none() | st.integers(1, 3650),
    supplied_in_shortage=st.booleans(),
)
REPORTS = st.builds(
    StockReport,
    item_id=st.just("PARACETAMOL"),
    site_id=st.just(NANTES),
    lots=st.lists(st.builds(Lot, NAMES, AMOUNTS, st.none() | DAYS, st.booleans()), max_size=4).map(
        tuple
    ),
    open_orders=st.lists(
        st.builds(OpenOrder, NAMES, AMOUNTS, DAYS), max_size=4, unique_by=lambda o: o.order_id
    ).map(tuple),
    reserved_base=AMOUNTS,
    crisis_base=AMOUNTS,
    counted_time=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
        lambda instant: instant.replace(tzinfo=UTC)
    ),
)


@given(TERMS)
def test_terms_come_through_the_wire_as_they_were(terms: SupplyTerms) -> None:
    sent = pb.SupplyTerms.FromString(terms_to_wire(terms).SerializeToString())
    validate(sent)
    code, read = terms_from_wire(sent, "terms[0]")
    assert code.value == terms.item_id
    assert replace(read, item_id=terms.item_id) == terms


@given(REPORTS)
def test_a_stock_report_comes_through_the_wire_as_it_was(report: StockReport) -> None:
    sent = pb.StockReport.FromString(report_to_wire(report).SerializeToString())
    rows, refused = rows_from_wire([sent], 0, validate)
    assert refused == []
    assert rows[0].read(tablets()) == report


@given(st.floats(0, 1e6), st.floats(0, 3))
def test_a_forecast_comes_through_the_wire_as_it_was(mean: float, width: float) -> None:
    forecast = monthly(tablets(), mean, width)
    told = demand_events.ForecastPublished.FromString(published(forecast).SerializeToString())
    assert forecast_from_wire(told.item_id, told.forecast) == forecast


@given(DAYS)
def test_a_day_comes_back(day: date) -> None:
    assert day_from_wire(day_to_wire(day), "day") == day


def test_a_day_that_is_none_and_an_impossible_instant_are_refused() -> None:
    with pytest.raises(Malformed, match="DATE_MALFORMED"):
        day_from_wire(date_pb2.Date(year=2026, month=2, day=30), "day")
    stamp = instant_to_wire(MORNING)
    stamp.seconds = 2**60
    with pytest.raises(Malformed, match="TIME_MALFORMED"):
        instant_from_wire(stamp, "counted_time")


def test_packs_and_dispensing_units_become_base_units_here_and_nowhere_else() -> None:
    report = report_to_wire(stock(tablets(), 0.0))
    report.lots.add(
        lot_id="L", quantity=catalogue_pb2.Quantity(amount=3, unit=catalogue_pb2.UNIT_PACK)
    )
    rows, _ = rows_from_wire([report], 0, validate)
    assert rows[0].read(tablets()).lots[0].quantity_base == 30


@pytest.mark.parametrize(
    ("spoil", "reason", "field"),
    [
        (lambda r: r.lots[0].quantity.ClearField("unit"), "FIELD_INVALID", "lots[0].quantity.unit"),
        (
            lambda r: setattr(r.lots[0].quantity, "amount", -1.0),
            "FIELD_INVALID",
            "lots[0].quantity.amount",
        ),
        (lambda r: r.lots[0].ClearField("quantity"), "FIELD_INVALID", "lots[0].quantity"),
        (lambda r: r.ClearField("counted_time"), "FIELD_INVALID", "counted_time"),
        (lambda r: setattr(r.item, "code", "!!"), "CODE_MALFORMED", "item.code"),
        (
            lambda r: r.item.CopyFrom(
                catalogue_pb2.ItemCode(system=catalogue_pb2.CODE_SYSTEM_CIP13, code="3400950000796")
            ),
            "CHECK_DIGIT_WRONG",
            "item.code",
        ),
    ],
)
def test_a_bad_row_is_refused_alone_with_its_place(spoil, reason: str, field: str) -> None:  # type: ignore[no-untyped-def]  # small lambdas
    good, bad = report_to_wire(stock(tablets(), 5.0)), report_to_wire(stock(tablets(), 5.0))
    spoil(bad)
    rows, refused = rows_from_wire([good, bad], 7, validate)
    assert [row.place for row in rows] == [7]
    assert [(r.place, r.refusal.reason) for r in refused] == [(8, reason)]
    assert refused[0].refusal.field == f"reports[8].{field}"


def test_an_order_listed_twice_and_an_impossible_expiry_are_refused_at_reading() -> None:
    twice = stock(tablets(), 5.0, orders=(OpenOrder("PO", 1.0, MONDAY),) * 2)
    rows, _ = rows_from_wire([report_to_wire(twice)], 0, validate)
    with pytest.raises(Malformed, match="ORDER_TWICE"):
        rows[0].read(tablets())
    wrong = report_to_wire(stock(tablets(), 5.0))
    wrong.lots[0].expiry.CopyFrom(date_pb2.Date(year=2026))
    rows, _ = rows_from_wire([wrong], 0, validate)
    with pytest.raises(Malformed, match="DATE_MALFORMED"):
        rows[0].read(tablets())


def test_the_forecast_that_demand_publishes_is_understood() -> None:
    text = (EXAMPLES / "larrey.demand.forecast-published.v1.json").read_text()
    told = json_format.Parse(text, demand_events.ForecastPublished())
    forecast: Forecast = forecast_from_wire(told.item_id, told.forecast)
    check_forecast(forecast)
    assert forecast.periods


def test_the_golden_item_is_one_of_ours() -> None:
    text = (EXAMPLES / "larrey.replenishment.item-put.v1.json").read_text()
    told = json_format.Parse(text, events_pb2.ItemPut())
    assert item_to_wire(item_from_wire(told.item)) == told.item


@pytest.mark.parametrize("state", list(PlanState))
def test_every_state_has_a_word_on_the_wire(state: PlanState) -> None:
    assert pb.PlanState.Name(state_to_wire(state)) == f"PLAN_STATE_{state.value}"


def test_a_verdict_is_read_whole() -> None:
    wire = pb.LineVerdict(
        line_id="l",
        decision=pb.LINE_DECISION_CHANGED,
        packs=3,
        reason=pb.DECISION_REASON_BUDGET,
    )
    read: list[Verdict] = verdicts_from_wire(
        [wire, pb.LineVerdict(line_id="m", decision=pb.LINE_DECISION_ACCEPTED)]
    )
    assert (read[0].decision, read[0].packs, read[0].reason.value) == (
        Decision.CHANGED,
        3,
        "BUDGET",
    )
    assert (read[1].packs, read[1].reason.value) == (None, "UNSPECIFIED")


@given(st.integers(0, 10**6))
def test_a_token_is_good_for_its_own_question_only(place: int) -> None:
    token = token_of(("plan", "a"), place)
    assert place_of(("plan", "a"), token) == place
    with pytest.raises(Malformed, match="PAGE_TOKEN_WRONG"):
        place_of(("plan", "b"), token)


@given(st.text(max_size=30) | st.binary(max_size=30).map(lambda b: base64.b64encode(b).decode()))
def test_a_token_of_someone_elses_making_is_refused(token: str) -> None:
    with pytest.raises(Malformed, match="PAGE_TOKEN_WRONG"):
        place_of(("plan", "a"), token)


def test_instants_keep_their_microseconds() -> None:
    instant = MORNING + timedelta(microseconds=123456)
    assert instant_from_wire(instant_to_wire(instant), "t") == instant


@given(
    st.lists(
        st.builds(
            SupplyStatus, st.sampled_from(list(Availability)), st.none() | DAYS, st.just(MONDAY)
        ),
        max_size=4,
    )
)
def test_the_agencys_list_comes_through_the_wire_as_it_was(statuses: list[SupplyStatus]) -> None:
    entries = [(Code(CodeSystem.LOCAL, f"I{k}"), status) for k, status in enumerate(statuses)]
    sent = statuses_to_wire(entries, MONDAY)
    validate(sent)
    assert statuses_from_wire(pb.PutSupplyStatusRequest.FromString(sent.SerializeToString())) == (
        entries
    )
