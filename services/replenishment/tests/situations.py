"""Named situations that the tests of the replenishment service start from."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from services.replenishment.domain.demand import Forecast, ForecastPeriod, Period
from services.replenishment.domain.positions import ApprovedOrder, Known
from services.replenishment.domain.stock import Lot, OpenOrder, StockReport
from services.replenishment.domain.terms import SupplyTerms
from shared.catalogue.items import Criticality, Item, Site
from shared.catalogue.units import Packing

# Geographic FINESS numbers with their key right; the hospitals are invented.
NANTES = "440000008"
ANGERS = "490000007"
MONDAY = date(2026, 1, 5)
MORNING = datetime(2026, 1, 5, 6, tzinfo=UTC)
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)
# standard normal quantiles of LEVELS
SCORES = (-2.326, -1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645, 2.326, 2.576, 3.09)


def tablets(
    item_id: str = "PARACETAMOL",
    criticality: Criticality = Criticality.ESSENTIAL,
    resource: str = "",
) -> Item:
    """Packs of 10 tablets."""
    return Item(
        item_id,
        item_id.title(),
        (),
        Packing("tablet", 1, 10),
        criticality=criticality,
        critical_resource=resource,
    )


def antivenom() -> Item:
    """Packs of one vial; patients go elsewhere when it is out."""
    return Item(
        "ANTIVENOM",
        "Antivenom",
        (),
        Packing("vial", 1, 1),
        criticality=Criticality.VITAL,
        item_class="intoxication",
        critical_resource="ANTIVENOM",
    )


def site(site_id: str = NANTES) -> Site:
    return Site(site_id, "Hôpital d'essai", "B")


def monthly(
    item: Item,
    mean: float,
    spread: float = 0.2,
    *,
    site_id: str = NANTES,
    first: date = date(2026, 1, 1),
    months: int = 6,
    base_unit: str | None = None,
    made: datetime = MORNING - timedelta(hours=2),
) -> Forecast:
    """`mean` base units a month with a normal spread of `spread` times the mean."""
    quantiles = tuple(max(0.0, mean * (1 + spread * score)) for score in SCORES)
    starts = [
        date(first.year + (first.month - 1 + k) // 12, (first.month - 1 + k) % 12 + 1, 1)
        for k in range(months)
    ]
    return Forecast(
        item_id=item.item_id,
        site_id=site_id,
        run_id="run-1",
        period=Period.MONTH,
        levels=LEVELS,
        periods=tuple(ForecastPeriod(start, mean, quantiles) for start in starts),
        base_unit=base_unit or item.packing.base_unit,
        made_time=made,
    )


def stock(
    item: Item,
    amount: float,
    *,
    site_id: str = NANTES,
    expiry: date | None = None,
    orders: tuple[OpenOrder, ...] = (),
    reserved: float = 0.0,
    crisis: float = 0.0,
    counted: datetime = MORNING - timedelta(hours=1),
) -> StockReport:
    lots = (Lot("L1", amount, expiry),) if amount else ()
    return StockReport(item.item_id, site_id, lots, orders, reserved, crisis, counted)


def terms(
    item: Item,
    *,
    site_id: str = NANTES,
    supplier: str = "supplier-1",
    minimum: int = 1,
    multiple: int = 1,
    price: float = 20.0,
    days: frozenset[int] = frozenset({1, 4}),
    lead: int = 2,
    allocation: int | None = None,
) -> SupplyTerms:
    """Orders on Mondays and Thursdays, `lead` days on the road, 25 EUR an order."""
    return SupplyTerms(
        item_id=item.item_id,
        site_id=site_id,
        supplier_id=supplier,
        min_lead_days=lead,
        lead_weights=(1.0,),
        min_packs=minimum,
        multiple_packs=multiple,
        pack_price_eur=price,
        price_breaks=(),
        order_days=days,
        line_cost_eur=2.0,
        order_cost_eur=25.0,
        allocation_packs=allocation,
    )


def known(
    item: Item | None = None,
    *,
    amount: float = 60.0,
    mean: float = 300.0,
    approved: tuple[ApprovedOrder, ...] = (),
) -> Known:
    """A few days of stock of an item that is used every day."""
    item = item or tablets()
    return Known(item, NANTES, terms(item), stock(item, amount), monthly(item, mean), approved)


def a_hospital_group(item_sites: int, seed: int) -> list[Known]:
    """A catalogue of a group with six sites, like the one that `make run` draws."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(item_sites):
        kind = draw.choice(3, p=[0.15, 0.45, 0.4])
        criticality = (Criticality.VITAL, Criticality.ESSENTIAL, Criticality.DESIRABLE)[kind]
        pack = int(draw.choice([1, 5, 10, 20, 30, 50, 100]))
        item = Item(
            f"ITEM-{number:04d}", f"Item {number}", (), Packing("unit", 1, pack), criticality
        )
        place = f"44000000{int(draw.integers(6))}"
        daily = float(draw.lognormal(0.0, 1.0)) * pack
        soon = MONDAY + timedelta(days=int(draw.integers(10, 60)))
        shelf = daily * float(draw.lognormal(np.log(12), 0.6))
        waiting = OpenOrder(f"open-{number}", float(pack * draw.integers(1, 8)), soon)
        report = StockReport(
            item.item_id,
            place,
            (Lot("L1", shelf / 2, soon), Lot("L2", shelf / 2, None)),
            (waiting,) if draw.random() < 0.2 else (),
            0.0,
            0.0,
            MORNING,
        )
        week = draw.choice(5, size=int(draw.integers(1, 4)), replace=False) + 1
        offer = SupplyTerms(
            item_id=item.item_id,
            site_id=place,
            supplier_id=f"supplier-{int(draw.integers(1, 13))}",
            min_lead_days=int(draw.integers(1, 6)),
            lead_weights=(0.7, 0.2, 0.1),
            min_packs=int(draw.integers(1, 4)),
            multiple_packs=1,
            pack_price_eur=float(draw.lognormal(3.0, 1.0)),
            price_breaks=(),
            order_days=frozenset(int(day) for day in week),
            line_cost_eur=4.0,
            order_cost_eur=25.0,
        )
        spread = float(draw.uniform(0.1, 0.6))
        forecast = monthly(item, daily * 30.4, spread, site_id=place)
        found.append(Known(item, place, offer, report, forecast))
    return found


def weekly_budget(known: list[Known], share: float = 1.2) -> float:
    """EUR a site may order for in a week: `share` times what an average week uses."""
    used = sum(
        one.forecast.periods[0].mean
        / 4.34
        / one.item.packing.base_per_pack
        * one.terms.pack_price_eur
        for one in known
        if one.forecast and one.terms
    )
    return share * used / len({one.site_id for one in known})
