"""What bad input gets over gRPC, and that nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import grpc
import pytest
from google.type import date_pb2

from larrey.catalogue.v1 import catalogue_pb2
from larrey.replenishment.v1 import events_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.stock import Lot, OpenOrder
from services.replenishment.tests.integration.running import (
    Running,
    code,
    eventually,
    lines,
    published,
    put_items,
    put_sites,
    report_to_wire,
    running,
    start,
    stream,
    terms_to_wire,
    watch,
)
from services.replenishment.tests.situations import (
    ANGERS,
    MONDAY,
    MORNING,
    monthly,
    site,
    stock,
    tablets,
    terms,
)
from shared.errors import Refusal
from shared.rpc import refusal_of

T = 30.0
ITEM = tablets()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("refusals")
    with running(folder) as found:
        found.ask.PutSites(put_sites(site()), timeout=T)
        found.ask.PutItems(put_items(ITEM), timeout=T)
        yield found


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, Refusal]:
    with pytest.raises(grpc.RpcError) as error:
        call()
    refusal = refusal_of(error.value)
    assert refusal is not None
    return error.value.code(), refusal


@pytest.mark.parametrize(
    ("offer", "status", "reason"),
    [
        (terms(ITEM, days=frozenset()), grpc.StatusCode.INVALID_ARGUMENT, "NO_ORDER_DAY"),
        (
            terms(ITEM, minimum=10, allocation=5),
            grpc.StatusCode.INVALID_ARGUMENT,
            "MINIMUM_ABOVE_CAP",
        ),
        (terms(ITEM, minimum=0), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        (terms(ITEM, price=-1.0), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
        (terms(tablets("NOBODY")), grpc.StatusCode.NOT_FOUND, "ITEM_UNKNOWN"),
        (terms(ITEM, site_id=ANGERS), grpc.StatusCode.NOT_FOUND, "SITE_UNKNOWN"),
    ],
)
def test_terms_that_cannot_be_are_refused_whole(
    service: Running, offer: object, status: grpc.StatusCode, reason: str
) -> None:
    good = terms_to_wire(terms(ITEM))
    request = pb.PutSupplyTermsRequest(terms=[good, terms_to_wire(offer)])  # type: ignore[arg-type]  # listed above
    code_seen, refusal = refused(lambda: service.ask.PutSupplyTerms(request, timeout=T))
    assert (code_seen, refusal.reason) == (status, reason)
    assert refusal.field.startswith("terms[1]")
    risks = service.ask.AssessRisk(pb.AssessRiskRequest(), timeout=T)
    assert not risks.not_assessed, "the good terms beside them were not kept either"


def test_an_item_with_an_empty_pack_is_refused(service: Running) -> None:
    request = put_items(ITEM)
    request.items[0].dispensing_units_per_pack = 0
    _, refusal = refused(lambda: service.ask.PutItems(request, timeout=T))
    assert refusal.field == "items[0].dispensing_units_per_pack"


def test_a_code_that_names_another_item_is_refused(service: Running) -> None:
    other = put_items(tablets("OTHER"))
    other.items[0].codes.append(code(ITEM))
    status, refusal = refused(lambda: service.ask.PutItems(other, timeout=T))
    assert (status, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CODE_TAKEN")


def test_a_site_with_a_wrong_key_is_refused(service: Running) -> None:
    request = put_sites(replace(site(), site_id="440000001"))
    _, refusal = refused(lambda: service.ask.PutSites(request, timeout=T))
    assert refusal.reason == "FINESS_KEY_WRONG"


def test_bad_rows_of_a_stream_are_refused_alone_and_the_good_ones_kept(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(ITEM), timeout=T)
        negative = report_to_wire(stock(ITEM, 5.0))
        negative.lots[0].quantity.amount = -5
        unitless = report_to_wire(stock(ITEM, 5.0))
        unitless.lots[0].quantity.unit = catalogue_pb2.UNIT_UNSPECIFIED
        rows = [
            report_to_wire(stock(ITEM, 7.0)),
            negative,
            unitless,
            report_to_wire(stock(tablets("NOBODY"), 5.0)),
            report_to_wire(stock(ITEM, 5.0, site_id=ANGERS)),
            report_to_wire(stock(ITEM, 5.0, counted=MORNING + timedelta(days=1))),
            report_to_wire(stock(ITEM, 5.0, counted=MORNING - timedelta(days=1))),
        ]
        requests = [
            pb.ReportStockRequest(reports=rows[:3]),
            pb.ReportStockRequest(reports=rows[3:]),
        ]
        answer = service.ask.ReportStock(iter(requests), timeout=T)
        assert (answer.accepted, answer.superseded, answer.refused) == (1, 1, 5)
        assert [(r.row, r.reason) for r in answer.refusals] == [
            (1, "FIELD_INVALID"),
            (2, "FIELD_INVALID"),
            (3, "ITEM_UNKNOWN"),
            (4, "SITE_UNKNOWN"),
            (5, "REPORT_IN_FUTURE"),
        ]
        assert all(r.message.endswith(".") for r in answer.refusals)
        told = eventually(lambda: service.told(events_pb2.StockReported))
        assert [t.usable_base for t in told] == [7.0]

        again = service.ask.ReportStock(iter(requests[:1]), timeout=T)
        assert (again.accepted, again.superseded) == (0, 1), "the same again changes nothing"


def test_a_stream_cut_in_the_middle_keeps_whole_messages(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(ITEM), timeout=T)

        def cut() -> Iterator[pb.ReportStockRequest]:
            yield from stream(stock(ITEM, 7.0))
            eventually(lambda: service.told(events_pb2.StockReported))
            raise RuntimeError("the caller went away")

        with pytest.raises(grpc.RpcError):
            service.ask.ReportStock(cut(), timeout=T)
        assert len(service.told(events_pb2.StockReported)) == 1


def test_an_expired_lot_counts_as_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(ITEM), timeout=T)
        report = replace(
            stock(ITEM, 0.0), lots=(Lot("old", 40.0, date(2026, 1, 4)), Lot("new", 2.0, MONDAY))
        )
        service.ask.ReportStock(stream(report), timeout=T)
        told = eventually(lambda: service.told(events_pb2.StockReported))
        assert told[0].usable_base == 2.0


def test_a_plan_that_nobody_made_and_a_strangers_token_are_refused(service: Running) -> None:
    for call in (
        lambda: service.ask.GetPlan(pb.GetPlanRequest(plan_id="plan-x"), timeout=T),
        lambda: list(service.ask.WatchPlan(pb.WatchPlanRequest(plan_id="plan-x"), timeout=T)),
        lambda: service.ask.ExplainLine(
            pb.ExplainLineRequest(plan_id="plan-x", line_id="l"), timeout=T
        ),
    ):
        status, refusal = refused(call)
        assert (status, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "PLAN_MISSING")
    request = pb.ListPlansRequest(page_token="abc")
    assert (
        refused(lambda: service.ask.ListPlans(request, timeout=T))[1].reason == "PAGE_TOKEN_WRONG"
    )


def test_every_item_that_cannot_be_planned_is_named_with_its_reason(tmp_path: Path) -> None:
    names = ("PLANNED", "NO_TERMS", "NO_FORECAST", "NO_STOCK_REPORT", "UNIT_MISMATCH")
    items = {name: tablets(name) for name in names}
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(*items.values()), timeout=T)
        offers = [terms_to_wire(terms(i)) for name, i in items.items() if name != "NO_TERMS"]
        service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=offers), timeout=T)
        counted = [stock(i, 5.0) for name, i in items.items() if name != "NO_STOCK_REPORT"]
        service.ask.ReportStock(stream(*counted), timeout=T)
        for name, item in items.items():
            unit = "mg" if name == "UNIT_MISMATCH" else None
            if name != "NO_FORECAST":
                service.publish(published(monthly(item, 300.0, base_unit=unit)))
        request = pb.AssessRiskRequest()
        eventually(lambda: len(service.ask.AssessRisk(request, timeout=T).risks) == 2)
        plan = watch(service, start(service).plan_id)[-1]
        assert (plan.item_sites, plan.no_suggestion_count) == (1, 4)
        page = service.ask.GetPlan(
            pb.GetPlanRequest(plan_id=plan.plan_id, page_size=1000), timeout=T
        )
        assert {n.item_id: n.reason for n in page.no_suggestions} == {
            name: name for name in names if name != "PLANNED"
        }
        assert {line.item_id for line in page.lines} == {"PLANNED"}
        assert not page.next_page_token


BAD_TERMS = {
    "pack_price_eur": float("nan"),
    "line_cost_eur": float("inf"),
    "min_lead_days": -1,
    "multiple_packs": 0,
    "shelf_life_days": 0,
    "allocation_packs": -1,
}


@pytest.mark.parametrize("field", BAD_TERMS)
def test_every_figure_of_terms_that_cannot_be_is_named(service: Running, field: str) -> None:
    offer = terms_to_wire(terms(ITEM))
    setattr(offer, field, BAD_TERMS[field])
    request = pb.PutSupplyTermsRequest(terms=[offer])
    status, refusal = refused(lambda: service.ask.PutSupplyTerms(request, timeout=T))
    assert status is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.field == f"terms[0].{field}"


@pytest.mark.parametrize(
    ("weights", "reason"), [([0.0, 0.0], "LEAD_UNKNOWN"), ([-1.0], "FIELD_INVALID")]
)
def test_lead_times_that_say_nothing_are_refused(
    service: Running, weights: list[float], reason: str
) -> None:
    offer = terms_to_wire(terms(ITEM))
    offer.lead_weights[:] = weights
    request = pb.PutSupplyTermsRequest(terms=[offer])
    refusal = refused(lambda: service.ask.PutSupplyTerms(request, timeout=T))[1]
    assert refusal.reason == reason
    assert refusal.field.startswith("terms[0].lead_weights")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("horizon_days", 0),
        ("horizon_days", 92),
        ("seconds", 0.0),
        ("seconds", float("nan")),
        ("weekly_budget_eur", -1.0),
        ("weekly_budget_eur", float("inf")),
        ("seed", -1),
    ],
)
def test_a_plan_that_cannot_be_asked_for_names_the_field(
    service: Running, field: str, value: float
) -> None:
    request = pb.StartPlanRequest(horizon_days=28, seconds=1.0, seed=1)
    setattr(request, field, value)
    status, refusal = refused(lambda: service.ask.StartPlan(request, timeout=T))
    assert (status, refusal.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)


def test_stock_that_cannot_be_read_is_refused_row_by_row(service: Running) -> None:
    def spoilt(change: Callable[[pb.StockReport], None]) -> pb.StockReport:
        row = report_to_wire(stock(ITEM, 5.0, expiry=MONDAY))
        change(row)
        return row

    rows = [
        spoilt(lambda row: row.lots[0].expiry.CopyFrom(date_pb2.Date(year=2026, month=2, day=30))),
        spoilt(lambda row: row.ClearField("counted_time")),
        spoilt(lambda row: setattr(row.lots[0].quantity, "amount", float("nan"))),
        spoilt(lambda row: row.lots[0].ClearField("quantity")),
        spoilt(lambda row: row.ClearField("item")),
        spoilt(lambda row: setattr(row.reserved, "amount", -1.0)),
    ]
    answer = service.ask.ReportStock(iter([pb.ReportStockRequest(reports=rows)]), timeout=T)
    assert (answer.accepted, answer.refused) == (0, len(rows))
    assert [r.row for r in answer.refusals] == list(range(len(rows)))
    assert all(r.field and r.message.endswith(".") for r in answer.refusals)
    assert {r.reason for r in answer.refusals} == {"DATE_MALFORMED", "FIELD_INVALID"}


def test_shelves_that_are_odd_are_planned_and_every_line_says_so(tmp_path: Path) -> None:
    """Expired lots, more promised than there is, and an order that should have come."""
    with running(tmp_path) as service:
        service.ask.PutSites(put_sites(site()), timeout=T)
        service.ask.PutItems(put_items(ITEM), timeout=T)
        offer = terms_to_wire(terms(ITEM))
        service.ask.PutSupplyTerms(pb.PutSupplyTermsRequest(terms=[offer]), timeout=T)
        odd = replace(
            stock(ITEM, 0.0, reserved=90.0),
            lots=(Lot("old", 40.0, date(2026, 1, 4)), Lot("new", 20.0, None)),
            open_orders=(OpenOrder("late", 10.0, date(2026, 1, 2)),),
        )
        service.ask.ReportStock(stream(odd), timeout=T)
        service.publish(published(monthly(ITEM, 300.0)))
        asked = pb.AssessRiskRequest()
        eventually(lambda: service.ask.AssessRisk(asked, timeout=T).risks)
        plan = watch(service, start(service, seconds=1.5).plan_id)[-1]
        (line, *_) = lines(service, plan.plan_id)
        why = service.ask.ExplainLine(
            pb.ExplainLineRequest(plan_id=plan.plan_id, line_id=line.line_id), timeout=T
        )
        assert {"EXPIRED_LOTS", "SHELF_SHORT", "ORDER_OVERDUE"} <= set(why.limits)
        assert why.terms[0].amount == 0.0, "nothing of that may be used"
