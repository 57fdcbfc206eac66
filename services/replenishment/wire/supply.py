"""Supply terms, stock reports and forecasts between protobuf and the domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from larrey.demand.v1 import demand_pb2
from larrey.replenishment.v1 import replenishment_pb2 as pb
from services.replenishment.domain.availability import Availability, SupplyStatus
from services.replenishment.domain.demand import Forecast, ForecastPeriod, Period
from services.replenishment.domain.reports import Refused, Row
from services.replenishment.domain.stock import Lot, OpenOrder, StockReport
from services.replenishment.domain.terms import PriceBreak, SupplyTerms
from services.replenishment.wire.dates import day_from_wire, day_to_wire, instant_from_wire
from shared.catalogue.codes import Code
from shared.catalogue.items import Item
from shared.catalogue.wire import code_from_wire, code_to_wire, quantity_to_base
from shared.errors import Malformed, Refusal

PERIODS = {
    demand_pb2.PERIOD_DAY: Period.DAY,
    demand_pb2.PERIOD_WEEK: Period.WEEK,
    demand_pb2.PERIOD_MONTH: Period.MONTH,
}
WIRE_PERIODS = {ours: theirs for theirs, ours in PERIODS.items()}


def terms_from_wire(terms: pb.SupplyTerms, field: str) -> tuple[Code, SupplyTerms]:
    """The item's code, and its terms without an item_id yet. Malformed CODE_MALFORMED ..."""
    code = code_from_wire(terms.item, f"{field}.item")
    return code, SupplyTerms(
        item_id="",
        site_id=terms.site_id,
        supplier_id=terms.supplier_id,
        min_lead_days=terms.min_lead_days,
        lead_weights=tuple(terms.lead_weights),
        min_packs=terms.min_packs,
        multiple_packs=terms.multiple_packs,
        pack_price_eur=terms.pack_price_eur,
        price_breaks=tuple(PriceBreak(b.min_packs, b.discount) for b in terms.price_breaks),
        order_days=frozenset(int(day) for day in terms.order_days),
        line_cost_eur=terms.line_cost_eur,
        order_cost_eur=terms.order_cost_eur,
        allocation_packs=terms.allocation_packs if terms.HasField("allocation_packs") else None,
        shelf_life_days=terms.shelf_life_days if terms.HasField("shelf_life_days") else None,
        supplied_in_shortage=terms.supplied_in_shortage,
    )


def rows_from_wire(
    reports: Sequence[pb.StockReport], first: int, check: Callable[[pb.StockReport, str], None]
) -> tuple[list[Row], list[Refused]]:
    """The rows that can be read, and those refused for what they say.

    `check` holds the proto's own rules, one row at a time.
    """
    rows: list[Row] = []
    refused: list[Refused] = []
    for place, report in enumerate(reports, start=first):
        row_id = f"{report.item.code}@{report.site_id}"
        try:
            check(report, f"reports[{place}]")
            rows.append(_row(report, place, row_id))
        except Refusal as refusal:
            refused.append(Refused(place, row_id, refusal))
    return rows, refused


def _row(report: pb.StockReport, place: int, row_id: str) -> Row:
    field = f"reports[{place}]"

    def read(item: Item) -> StockReport:
        return _report(report, item, field)

    return Row(
        place=place,
        row_id=row_id,
        code=code_from_wire(report.item, f"{field}.item"),
        site_id=report.site_id,
        counted_time=instant_from_wire(report.counted_time, f"{field}.counted_time"),
        read=read,
    )


def _report(report: pb.StockReport, item: Item, field: str) -> StockReport:
    packing = item.packing
    lots = tuple(
        Lot(
            lot_id=lot.lot_id,
            quantity_base=quantity_to_base(lot.quantity, packing, f"{field}.lots[{k}].quantity"),
            expiry=day_from_wire(lot.expiry, f"{field}.lots[{k}].expiry")
            if lot.HasField("expiry")
            else None,
            crisis=lot.crisis,
        )
        for k, lot in enumerate(report.lots)
    )
    orders = tuple(
        OpenOrder(
            order_id=order.order_id,
            quantity_base=quantity_to_base(
                order.quantity, packing, f"{field}.open_orders[{k}].quantity"
            ),
            due=day_from_wire(order.due, f"{field}.open_orders[{k}].due"),
        )
        for k, order in enumerate(report.open_orders)
    )
    named = [order.order_id for order in orders]
    if len(set(named)) < len(named):
        raise Malformed(
            "ORDER_TWICE",
            "The report lists an order twice: it would be counted twice. Send each open order "
            "once, with what is still to come.",
            field=f"{field}.open_orders",
        )
    return StockReport(
        item_id=item.item_id,
        site_id=report.site_id,
        lots=lots,
        open_orders=orders,
        reserved_base=quantity_to_base(report.reserved, packing, f"{field}.reserved")
        if report.HasField("reserved")
        else 0.0,
        crisis_base=quantity_to_base(report.crisis, packing, f"{field}.crisis")
        if report.HasField("crisis")
        else 0.0,
        counted_time=instant_from_wire(report.counted_time, f"{field}.counted_time"),
    )


def forecast_from_wire(item_id: str, forecast: demand_pb2.Forecast) -> Forecast:
    """Malformed FORECAST_MALFORMED when the period is unknown or a day is none."""
    period = PERIODS.get(forecast.period)
    if period is None:
        raise Malformed(
            "FORECAST_MALFORMED",
            "The forecast does not say whether it is per day, week or month.",
            field="forecast.period",
            item_id=item_id,
        )
    return Forecast(
        item_id=item_id,
        site_id=forecast.site_id,
        run_id=forecast.run_id,
        period=period,
        levels=tuple(forecast.levels),
        periods=tuple(
            ForecastPeriod(
                day_from_wire(p.start, f"forecast.periods[{k}].start"),
                p.mean,
                tuple(p.quantiles),
            )
            for k, p in enumerate(forecast.periods)
        ),
        base_unit=forecast.base_unit,
        made_time=instant_from_wire(forecast.made_time, "forecast.made_time"),
    )


def availability_to_wire(status: SupplyStatus | None) -> pb.Availability.ValueType:
    """Unspecified for what is not listed."""
    name = "UNSPECIFIED" if status is None else status.availability.value
    return pb.Availability.Value(f"AVAILABILITY_{name}")


def statuses_from_wire(
    request: pb.PutSupplyStatusRequest,
) -> list[tuple[Code, SupplyStatus]]:
    """Malformed CODE_MALFORMED, CHECK_DIGIT_WRONG, DATE_MALFORMED."""
    source_day = day_from_wire(request.source_day, "source_day")
    found = []
    for place, pack in enumerate(request.packs):
        field = f"packs[{place}]"
        name = pb.Availability.Name(pack.availability).removeprefix("AVAILABILITY_")
        since = day_from_wire(pack.since, f"{field}.since") if pack.HasField("since") else None
        status = SupplyStatus(Availability(name), since, source_day)
        found.append((code_from_wire(pack.pack, f"{field}.pack"), status))
    return found


def statuses_to_wire(
    packs: Sequence[tuple[Code, SupplyStatus]], source_day: date
) -> pb.PutSupplyStatusRequest:
    request = pb.PutSupplyStatusRequest(source_day=day_to_wire(source_day))
    for code, status in packs:
        request.packs.add(
            pack=code_to_wire(code),
            availability=availability_to_wire(status),
            since=None if status.since is None else day_to_wire(status.since),
        )
    return request
