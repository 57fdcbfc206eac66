"""A made hospital group: its items, stock, forecasts and lanes, drawn with a seed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from scipy import stats

from services.replenishment.domain.demand import Forecast, ForecastPeriod, Period
from services.replenishment.domain.lanes import Lane
from services.replenishment.domain.positions import Known
from services.replenishment.domain.stock import Lot, StockReport
from services.replenishment.domain.terms import SupplyTerms
from shared.catalogue.items import Criticality, Item
from shared.catalogue.units import Packing

FIRST_DAY = date(2026, 1, 5)
COUNTED = datetime(2026, 1, 5, 6, tzinfo=UTC)
SITES = tuple(f"44000000{k}" for k in range(5))
CLASSES = (Criticality.VITAL, Criticality.ESSENTIAL, Criticality.DESIRABLE)
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999)
AGING = 0.05  # of item-sites hold a lot that ends within four weeks
WORKDAYS = frozenset({1, 3, 5})


def made_group(items: int, seed: int) -> tuple[list[Known], tuple[Lane, ...]]:
    """Each item at five sites, two to sixteen days of stock; a van between all sites on
    Monday, Wednesday and Friday, there the next day, 30 EUR a run and 1.50 EUR a line."""
    draw = np.random.default_rng(seed)
    known = [one for number in range(items) for one in _item(draw, number, items)]
    lanes = tuple(
        Lane(here, there, 1, WORKDAYS, 30.0, 1.5, carries_cold=True)
        for here in SITES
        for there in SITES
        if here != there
    )
    return known, lanes


def _item(draw: np.random.Generator, number: int, items: int) -> list[Known]:
    pack = int(draw.choice([1, 5, 10, 25, 50]))
    name = f"ITEM-{number:05d}"
    kind = CLASSES[int(draw.choice(3, p=[0.2, 0.4, 0.4]))]
    item = Item(name, name, (), Packing("unit", 1, pack), kind)
    price = float(np.clip(np.clip(draw.lognormal(1.4, 1.2), 0.05, 3000) * pack, 1, 2000))
    daily = float(draw.lognormal(1.8, 1.1)) / 28 * pack
    terms = SupplyTerms(
        item_id=name,
        site_id="",
        supplier_id=f"supplier-{int(draw.integers(max(3, items // 20)))}",
        min_lead_days=int(draw.integers(1, 6)),
        lead_weights=(1.0,),
        min_packs=1,
        multiple_packs=1,
        pack_price_eur=price,
        price_breaks=(),
        order_days=frozenset(int(day) + 1 for day in draw.choice(5, size=2, replace=False)),
        line_cost_eur=2.0,
        order_cost_eur=25.0,
    )
    return [_at(draw, item, terms, site, daily * float(draw.lognormal(0, 0.5))) for site in SITES]


def _at(
    draw: np.random.Generator, item: Item, terms: SupplyTerms, site: str, daily: float
) -> Known:
    shelf = daily * float(draw.uniform(2, 16))
    lots = [
        Lot("L1", shelf / 2, FIRST_DAY + timedelta(days=int(draw.integers(60, 400)))),
        Lot("L2", shelf / 2, None),
    ]
    if draw.random() < AGING:
        last = FIRST_DAY + timedelta(days=int(draw.integers(5, 28)))
        lots.append(Lot("L0", daily * float(draw.uniform(10, 60)), last))
    offer = replace(terms, site_id=site)
    report = StockReport(item.item_id, site, tuple(lots), (), 0.0, 0.0, COUNTED)
    return Known(item, site, offer, report, _forecast(item, site, daily * 30.4))


def _forecast(item: Item, site: str, mean: float) -> Forecast:
    """Three months, gamma with a coefficient of variation of 0.3."""
    shape = 1 / 0.3**2
    quantiles = tuple(float(q) for q in stats.gamma.ppf(QUANTILES, shape, scale=mean / shape))
    periods = tuple(ForecastPeriod(date(2026, month, 1), mean, quantiles) for month in (1, 2, 3))
    return Forecast(item.item_id, site, "made", Period.MONTH, QUANTILES, periods, "unit", COUNTED)
