"""Values that are read and written whole, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.replenishment.domain.collisions import Collision
from services.replenishment.domain.demand import Forecast, ForecastPeriod, Period
from services.replenishment.domain.expiry import UseFirst
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.limits import LimitPrice
from services.replenishment.domain.plans import Explanation, Line, MovedLot, Offer, SumTerm
from services.replenishment.domain.stock import Lot, OpenOrder, StockReport
from services.replenishment.domain.terms import PriceBreak, SupplyTerms


def _dump(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def terms_to(terms: SupplyTerms) -> str:
    return _dump(
        {
            "supplier": terms.supplier_id,
            "lead": [terms.min_lead_days, *terms.lead_weights],
            "min": terms.min_packs,
            "multiple": terms.multiple_packs,
            "price": terms.pack_price_eur,
            "breaks": [[b.min_packs, b.discount] for b in terms.price_breaks],
            "days": sorted(terms.order_days),
            "line": terms.line_cost_eur,
            "order": terms.order_cost_eur,
            "allocation": terms.allocation_packs,
            "life": terms.shelf_life_days,
            "despite": terms.supplied_in_shortage,
        }
    )


def terms_from(item_id: str, site_id: str, text: str) -> SupplyTerms:
    d = json.loads(text)
    return SupplyTerms(
        item_id=item_id,
        site_id=site_id,
        supplier_id=d["supplier"],
        min_lead_days=int(d["lead"][0]),
        lead_weights=tuple(d["lead"][1:]),
        min_packs=d["min"],
        multiple_packs=d["multiple"],
        pack_price_eur=d["price"],
        price_breaks=tuple(PriceBreak(packs, off) for packs, off in d["breaks"]),
        order_days=frozenset(d["days"]),
        line_cost_eur=d["line"],
        order_cost_eur=d["order"],
        allocation_packs=d["allocation"],
        # terms stored before these existed have none
        shelf_life_days=d.get("life"),
        supplied_in_shortage=d.get("despite", False),
    )


def report_to(report: StockReport) -> str:
    return _dump(
        {
            "lots": [
                [lot.lot_id, lot.quantity_base, lot.expiry and lot.expiry.isoformat(), lot.crisis]
                for lot in report.lots
            ],
            "orders": [
                [o.order_id, o.quantity_base, o.due.isoformat()] for o in report.open_orders
            ],
            "reserved": report.reserved_base,
            "crisis": report.crisis_base,
        }
    )


def report_from(item_id: str, site_id: str, counted: datetime, text: str) -> StockReport:
    d = json.loads(text)
    return StockReport(
        item_id=item_id,
        site_id=site_id,
        # reports stored before lots could be marked have no mark
        lots=tuple(
            Lot(name, amount, _day(expiry), mark == [True])
            for name, amount, expiry, *mark in d["lots"]
        ),
        open_orders=tuple(
            OpenOrder(name, amount, date.fromisoformat(due)) for name, amount, due in d["orders"]
        ),
        reserved_base=d["reserved"],
        crisis_base=d["crisis"],
        counted_time=counted,
    )


def forecast_to(forecast: Forecast) -> str:
    return _dump(
        {
            "run": forecast.run_id,
            "period": forecast.period.value,
            "unit": forecast.base_unit,
            "levels": forecast.levels,
            "periods": [[p.start.isoformat(), p.mean, p.quantiles] for p in forecast.periods],
        }
    )


def forecast_from(item_id: str, site_id: str, made: datetime, text: str) -> Forecast:
    d = json.loads(text)
    return Forecast(
        item_id=item_id,
        site_id=site_id,
        run_id=d["run"],
        period=Period(d["period"]),
        levels=tuple(d["levels"]),
        periods=tuple(
            ForecastPeriod(date.fromisoformat(start), mean, tuple(quantiles))
            for start, mean, quantiles in d["periods"]
        ),
        base_unit=d["unit"],
        made_time=made,
    )


def lane_to(lane: Lane) -> str:
    return _dump(
        {
            "days": lane.days,
            "weekdays": sorted(lane.weekdays),
            "shipment": lane.shipment_eur,
            "line": lane.line_eur,
            "cold": lane.carries_cold,
        }
    )


def lane_from(from_site_id: str, to_site_id: str, text: str) -> Lane:
    d = json.loads(text)
    return Lane(
        from_site_id,
        to_site_id,
        d["days"],
        frozenset(d["weekdays"]),
        d["shipment"],
        d["line"],
        d["cold"],
    )


def lots_to(lots: Sequence[MovedLot]) -> str:
    return _dump(
        [[lot.lot_id, lot.quantity_base, lot.expiry and lot.expiry.isoformat()] for lot in lots]
    )


def lots_from(text: str) -> tuple[MovedLot, ...]:
    return tuple(MovedLot(name, amount, _day(expiry)) for name, amount, expiry in json.loads(text))


def line_to(line: Line) -> str:
    """What of a line never changes; amounts and the decision have columns of their own."""
    why, offer = line.explanation, line.offer
    return _dump(
        {
            "supplier": line.supplier_id,
            "order_day": line.order_day.isoformat(),
            "arrival_day": line.arrival_day.isoformat(),
            "unit": line.base_unit,
            "before": line.stockout_before,
            "after": line.stockout_after,
            "reason": line.reason,
            "terms": [[t.label, t.amount] for t in why.terms],
            "need": why.need_base,
            "pack": why.base_per_pack,
            "level": why.service_level,
            "limits": why.limits,
            "sentence": why.sentence,
            "offer": [offer.minimum, offer.multiple, offer.allotted, offer.pack_price_eur],
            "group_allotted": offer.group_allotted,
            "breaks": offer.breaks,
            "kind": line.kind.value,
            "from": line.from_site_id,
            "costs": [why.cost_with_eur, why.cost_without_eur],
        }
    )


def explanation_from(d: Any) -> Explanation:
    cost_with, cost_without = d.get("costs", (None, None))  # older lines have none
    return Explanation(
        terms=tuple(SumTerm(label, amount) for label, amount in d["terms"]),
        need_base=d["need"],
        base_per_pack=d["pack"],
        service_level=d["level"],
        limits=tuple(d["limits"]),
        sentence=d["sentence"],
        cost_with_eur=cost_with,
        cost_without_eur=cost_without,
    )


def offer_from(d: Any) -> Offer:
    minimum, multiple, allotted, price = d["offer"]
    breaks = tuple((packs, off) for packs, off in d["breaks"])
    return Offer(minimum, multiple, allotted, price, breaks, d.get("group_allotted"))


def use_first_to(lot: UseFirst) -> str:
    return _dump(
        {
            "item": lot.item_id,
            "site": lot.site_id,
            "lot": lot.lot_id,
            "expiry": lot.expiry.isoformat(),
            "quantity": lot.quantity_base,
            "lost": lot.lost_base,
            "eur": lot.lost_eur,
            "unit": lot.base_unit,
        }
    )


def use_first_from(text: str) -> UseFirst:
    d = json.loads(text)
    return UseFirst(
        item_id=d["item"],
        site_id=d["site"],
        lot_id=d["lot"],
        expiry=date.fromisoformat(d["expiry"]),
        quantity_base=d["quantity"],
        lost_base=d["lost"],
        lost_eur=d["eur"],
        base_unit=d["unit"],
    )


def limit_to(one: LimitPrice) -> str:
    day = None if one.first_day is None else one.first_day.isoformat()
    amounts = [one.limit, one.used, one.saves_eur]
    more = [one.supplier_id, one.store]
    return _dump([one.kind, one.site_id, one.item_id, day, one.unit, amounts, more])


def limit_from(text: str) -> LimitPrice:
    kind, site_id, item_id, day, unit, (limit, used, saves), *more = json.loads(text)
    supplier_id, store = more[0] if more else ("", "")  # older ones have none
    return LimitPrice(
        kind, site_id, item_id, _day(day), unit, limit, used, saves, supplier_id, store
    )


def collision_to(one: Collision) -> str:
    packs = [one.need_packs, one.missing_packs]
    return _dump([one.item_id, one.site_id, one.limits, packs, one.sentence])


def collision_from(text: str) -> Collision:
    item_id, site_id, limits, (need, missing), sentence = json.loads(text)
    return Collision(item_id, site_id, tuple(limits), need, missing, sentence)
