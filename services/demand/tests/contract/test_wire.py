"""Protobuf to domain and back; the fast row check against the declared rules."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from larrey.catalogue.v1 import catalogue_pb2
from larrey.demand.v1 import demand_pb2 as pb
from larrey.demand.v1 import events_pb2
from services.demand.domain.classes import DemandClass
from services.demand.domain.forecasts import Driver, Finding, Forecast, ForecastPeriod, LeadSum
from services.demand.domain.history_files import Target
from services.demand.domain.outlook import Outlook
from services.demand.domain.periods import Period
from services.demand.domain.runs import Run, RunOrder, RunState
from services.demand.domain.signals import DaySignal
from services.demand.tests.situations import MONDAY, a_forecast, an_outlook
from services.demand.wire.dates import instant_from_wire, instant_to_wire
from services.demand.wire.forecasts import forecast_from_wire, forecast_to_wire
from services.demand.wire.movements import read_row, read_rows, refusal_to_wire
from services.demand.wire.runs import after_token, run_to_wire, signal_to_wire, token_of
from shared.errors import Malformed
from shared.rpc.validation import violations

EXAMPLES = Path(__file__).parents[4] / "proto" / "examples"
AMOUNTS = st.floats(0, 1e12)
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda instant: instant.replace(tzinfo=UTC)
)
OUTLOOKS = st.builds(
    Outlook,
    item_class=st.text(),
    calls=st.integers(0, 2**40),
    usual_calls=st.none() | AMOUNTS,
    factor=AMOUNTS,
    first_mean=AMOUNTS,
    reason=st.text(),
)
FORECASTS = st.builds(
    Forecast,
    item_id=st.text(),
    site_id=st.text(),
    run_id=st.text(),
    period=st.sampled_from(Period),
    levels=st.tuples(AMOUNTS, AMOUNTS),
    periods=st.lists(
        st.builds(ForecastPeriod, st.dates(), AMOUNTS, st.tuples(AMOUNTS, AMOUNTS))
    ).map(tuple),
    demand_class=st.sampled_from(DemandClass),
    method=st.text(),
    method_reason=st.text(),
    data_quality=st.lists(st.text()).map(tuple),
    base_unit=st.text(),
    made_time=INSTANTS,
    outlook=st.none() | OUTLOOKS,
    lead=st.none() | st.builds(LeadSum, st.integers(1, 400), AMOUNTS, st.tuples(AMOUNTS, AMOUNTS)),
    target=st.sampled_from(Target),
    drivers=st.lists(st.builds(Driver, st.text(), st.text(), st.tuples(AMOUNTS))).map(tuple),
    backtest=st.lists(st.tuples(st.text(), AMOUNTS)).map(tuple),
    cautions=st.lists(st.text()).map(tuple),
    peak=st.booleans(),
)


@given(FORECASTS)
def test_a_forecast_comes_back_from_the_wire_as_it_was(forecast: Forecast) -> None:
    sent = forecast_to_wire(forecast).SerializeToString()
    assert forecast_from_wire(pb.Forecast.FromString(sent)) == forecast


@given(INSTANTS)
def test_an_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    assert instant_from_wire(instant_to_wire(instant)) == instant


def test_the_golden_event_holds_a_forecast_of_ours() -> None:
    text = (EXAMPLES / "larrey.demand.forecast-published.v1.json").read_text()
    told = json_format.Parse(text, events_pb2.ForecastPublished())
    forecast = forecast_from_wire(told.forecast)
    assert told.item_id == forecast.item_id
    assert len(forecast.levels) == 18
    assert all(len(p.quantiles) == 18 for p in forecast.periods)
    assert all(list(p.quantiles) == sorted(p.quantiles) for p in forecast.periods)
    assert forecast_to_wire(forecast) == told.forecast


def test_a_run_tells_its_findings_and_its_failure() -> None:
    order = RunOrder(Period.WEEK, 8, date(2026, 1, 5))
    run = Run(
        "run-1",
        order,
        RunState.FAILED,
        10,
        4,
        MONDAY,
        MONDAY,
        "Away.",
        (Finding("A", "440000008", "SITE_SILENT", "A sentence."),),
    )
    told = run_to_wire(run)
    assert told.state == pb.RUN_STATE_FAILED
    assert (told.series, told.series_done, told.failure) == (10, 4, "Away.")
    assert (told.findings[0].id, told.findings[0].reason) == ("A@440000008", "SITE_SILENT")
    assert told.end_time == told.start_time


def test_a_run_that_goes_on_has_no_end_time() -> None:
    order = RunOrder(Period.DAY, 8, date(2026, 1, 5))
    told = run_to_wire(Run("run-1", order, RunState.RUNNING, 10, 4, MONDAY))
    assert not told.HasField("end_time")


def test_a_signal_names_the_classes_that_it_may_move() -> None:
    told = signal_to_wire(DaySignal(date(2026, 1, 5), "cardiac", 3, ("cardiac",)))
    assert (told.day.day, told.calls, list(told.item_classes)) == (5, 3, ["cardiac"])


def test_an_outlook_without_usual_calls_leaves_them_out_rather_than_send_zero() -> None:
    unknown = Outlook("infection", 4, None, 1.0, 10.0, "Too few days.")
    assert not forecast_to_wire(a_forecast(outlook=unknown)).outlook.HasField("usual_calls")
    assert forecast_to_wire(a_forecast(outlook=an_outlook())).outlook.usual_calls == 20


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]))


@given(NAMES, NAMES, NAMES)
def test_a_page_token_brings_back_where_the_page_ended(
    site_filter: str, site: str, item: str
) -> None:
    assert after_token(token_of(site_filter, (site, item)), site_filter) == (site, item)


BAD_TOKENS = [
    "no base64!",
    "YWJj",
    base64.urlsafe_b64encode(b'["440000008"]').decode(),
    base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    base64.urlsafe_b64encode(b'["x", 1, 2]').decode(),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    "[" * 400,
    token_of("440000008", ("440000008", "A\x00")),
    token_of("490000007", ("490000007", "A")),
]


@pytest.mark.parametrize("token", BAD_TOKENS)
def test_a_token_that_was_not_given_for_this_list_is_malformed(token: str) -> None:
    with pytest.raises(Malformed) as refused:
        after_token(token, "440000008")
    assert (refused.value.reason, refused.value.field) == ("PAGE_TOKEN_BAD", "page_token")


def test_no_token_is_the_first_page() -> None:
    assert after_token("", "440000008") is None


def a_row(**changes: Any) -> pb.Movement:
    row = pb.Movement(
        movement_id="m-1",
        site_id="440000008",
        item=catalogue_pb2.ItemCode(system=catalogue_pb2.CODE_SYSTEM_LOCAL, code="A"),
        quantity=catalogue_pb2.Quantity(amount=1, unit=catalogue_pb2.UNIT_BASE),
        reason=pb.MOVEMENT_REASON_PATIENT,
    )
    row.occurred_time.seconds = 1767355200
    for name, value in changes.items():
        if value is None:
            row.ClearField(name)  # type: ignore[arg-type]  # named by the caller
        elif isinstance(value, str | int):
            setattr(row, name, value)
        else:
            getattr(row, name).CopyFrom(value)
    return row


PRINTABLE = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=140)
CODES = st.builds(catalogue_pb2.ItemCode, system=st.integers(0, 7), code=st.text(max_size=70))
QUANTITIES = st.builds(
    catalogue_pb2.Quantity,
    amount=st.floats() | st.floats(0, 1e9) | st.sampled_from([0.0, -0.0, 1e9, 1.0000001e9]),
    unit=st.integers(0, 5),
)
GOOD_ROW = {
    "movement_id": st.just("m-1"),
    "site_id": st.just("440000008"),
    "item": st.just(a_row().item),
    "quantity": st.just(a_row().quantity),
    "reason": st.just(1),
    "occurred_time": st.just(a_row().occurred_time),
    "ward_id": st.just(""),
}
ODD_ROW = {
    "movement_id": PRINTABLE,
    "site_id": PRINTABLE,
    "item": st.none() | CODES,
    "quantity": st.none() | QUANTITIES,
    "reason": st.integers(-1, 10),
    "occurred_time": st.none() | st.just(a_row().occurred_time),
    "ward_id": PRINTABLE,
}
ROWS = st.fixed_dictionaries({name: GOOD_ROW[name] | ODD_ROW[name] for name in GOOD_ROW})


@given(ROWS)
def test_the_fast_check_refuses_exactly_what_the_declared_rules_refuse(row: dict[str, Any]) -> None:
    movement = a_row(**row)
    declared = {path for path, _ in violations(movement)}
    _, refused = read_rows([movement], 0)
    assert bool(refused) == bool(declared)
    if refused:
        assert refused[0].refusal.field in declared


@given(st.sampled_from(["movement_id", "site_id", "ward_id"]), st.sampled_from("\x00\n\x7f\u200b"))
def test_unprintable_ids_are_refused_although_the_rules_allow_them(name: str, odd: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_row(a_row(**{name: f"a{odd}b"}), 0)
    assert refused.value.field == name


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_an_instant_with_impossible_nanoseconds_is_refused(nanos: int) -> None:
    row = a_row()
    row.occurred_time.nanos = nanos
    with pytest.raises(Malformed) as refused:
        read_row(row, 0)
    assert refused.value.reason == "TIME_MALFORMED"


@pytest.mark.parametrize(
    ("changes", "reason", "path"),
    [
        ({"movement_id": None}, "TEXT_MALFORMED", "movement_id"),
        ({"item": None}, "FIELD_MISSING", "item"),
        ({"quantity": None}, "FIELD_MISSING", "quantity"),
        (
            {"quantity": catalogue_pb2.Quantity(amount=-1, unit=catalogue_pb2.UNIT_BASE)},
            "QUANTITY_MALFORMED",
            "quantity.amount",
        ),
        (
            {"quantity": catalogue_pb2.Quantity(amount=float("nan"), unit=catalogue_pb2.UNIT_BASE)},
            "QUANTITY_MALFORMED",
            "quantity.amount",
        ),
        ({"quantity": catalogue_pb2.Quantity(amount=1)}, "UNIT_UNKNOWN", "quantity.unit"),
        ({"reason": None}, "REASON_UNKNOWN", "reason"),
        ({"occurred_time": None}, "FIELD_MISSING", "occurred_time"),
    ],
)
def test_a_refused_row_names_its_field_over_the_whole_stream(
    changes: dict[str, Any], reason: str, path: str
) -> None:
    good, refused = read_rows([a_row(), a_row(**changes), a_row()], 100)
    told = [refusal_to_wire(r) for r in refused]
    assert [row.row for row in good] == [100, 102]
    assert [(r.row, r.reason, r.field) for r in told] == [(101, reason, f"movements[101].{path}")]
    assert all(r.message.endswith(".") for r in told)
