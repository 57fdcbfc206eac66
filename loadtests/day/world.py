"""The hospital group of the day: real series and real sites, the rest drawn with one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

SEED = 1815
START = datetime(2026, 1, 5, 6, tzinfo=UTC)  # a Monday morning
YEARS_SHIFTED = 20  # the series of 2000-2005 are shown as 2020-2025
SITES = {
    "440000271": "CHU de Nantes, Hôtel-Dieu",
    "440017598": "CHU de Nantes, Laennec",
    "440000016": "CH de Saint-Nazaire",
    "440000396": "CH d'Ancenis",
    "440000503": "CH de Châteaubriant",
    "440000560": "CH Loire Vendée Océan, Machecoul",
}
CLASSES = (
    "cardiac",
    "respiratory",
    "neurologic",
    "trauma",
    "infection",
    "intoxication",
    "metabolic",
    "obstetric",
    "psychiatric",
    "digestive",
    "other",
)
CRITICAL = {
    "THROMBOLYTIC": "neurologic",
    "ANTIVENOM": "intoxication",
    "ANTIDOTE": "intoxication",
    "VENTILATOR": "respiratory",
    "BLOOD": "trauma",
    "NEONATAL": "obstetric",
}
AT_BOTH = ("ANTIVENOM", "ANTIDOTE")  # whose two series are one item at the two largest sites
LONG_DAYS, SHORT_DAYS, SOON_DAYS = 60.0, 2.0, 25  # cover of its one site and of the other, expiry
PACK_SIZES = (1, 5, 10, 20, 30, 50, 100)


def shipped(service: str, name: str) -> Path:
    """A data file that a service ships."""
    return Path(str(files(f"services.{service}") / "data" / name))


@dataclass(frozen=True, slots=True)
class Product:
    """One series of the Monash hospital set as an item at one site."""

    item_id: str
    label: str
    site_id: str
    pack_size: int
    criticality: str
    item_class: str
    critical_resource: str
    months: tuple[tuple[date, float], ...]

    @property
    def daily_mean(self) -> float:
        """Mean use of a day over the last 12 months."""
        last = self.months[-12:]
        days = sum(((first + timedelta(days=32)).replace(day=1) - first).days for first, _ in last)
        return sum(amount for _, amount in last) / days


def products() -> list[Product]:
    """The 767 series, dealt to sites and dressed with packs and classes by a seeded draw."""
    frame = pd.read_parquet(shipped("demand", "hospital_monthly.parquet"))
    draw = np.random.default_rng(SEED)
    series = sorted(frame.groupby("unique_id", sort=False), key=lambda s: int(str(s[0])[1:]))
    names = list(series)
    special = draw.choice(len(names), size=2 * len(CRITICAL), replace=False)
    resources = {int(p): list(CRITICAL)[k % len(CRITICAL)] for k, p in enumerate(special)}
    return _at_both_sites(
        [
            _product(place, str(name), rows, draw, resources.get(place, ""))
            for place, (name, rows) in enumerate(names)
        ]
    )


def _at_both_sites(found: list[Product]) -> list[Product]:
    """The second item of some critical resources becomes the first one at another site."""
    first: dict[str, Product] = {}
    kept = []
    for one in found:
        before = first.get(one.critical_resource)
        if one.critical_resource in AT_BOTH and before is not None:
            other = next(site for site in list(SITES)[:2] if site != before.site_id)
            kept.append(replace(before, site_id=other, months=one.months))
            continue
        first.setdefault(one.critical_resource, one)
        kept.append(one)
    return kept


def first_products(count: int) -> list[Product]:
    """The products of a shorter day: those of the critical resources, then the first ones."""
    catalogue = products()
    chosen = [p for p in catalogue if p.critical_resource]
    chosen += [p for p in catalogue if not p.critical_resource]
    keep = {p.item_id for p in chosen[: max(count, 2 * len(CRITICAL))]}
    return [p for p in catalogue if p.item_id in keep]


def _product(
    place: int, name: str, rows: pd.DataFrame, draw: np.random.Generator, resource: str
) -> Product:
    rows = rows.sort_values("ds")
    months = tuple(
        (date(t.year + YEARS_SHIFTED, t.month, 1), float(y))
        for t, y in zip(rows["ds"], rows["y"], strict=True)
    )
    site = list(SITES)[int(draw.integers(len(SITES)))]
    per_week = months[-1][1] / 4.3
    sizes = [size for size in PACK_SIZES if size <= max(1.0, per_week)]
    pack = int(draw.choice(sizes))
    criticality = str(draw.choice(["VITAL", "ESSENTIAL", "DESIRABLE"], p=[0.15, 0.45, 0.4]))
    item_class = str(draw.choice(CLASSES))
    if resource:
        # the two items of each critical resource stand at the two largest emergency sites
        site = list(SITES)[place % 2]
        criticality, item_class = "VITAL", CRITICAL[resource]
    return Product(
        item_id=f"HOSP-{name}",
        label=f"Product {name} (source code {rows['code'].iloc[0]})",
        site_id=site,
        pack_size=pack,
        criticality=criticality,
        item_class=item_class,
        critical_resource=resource,
        months=months,
    )


@dataclass(frozen=True, slots=True)
class Position:
    """Stock and supply terms of one product: simulated, drawn once with the seed."""

    product: Product
    lots: tuple[tuple[float, date | None], ...]
    on_order: float
    due: date
    lead_days: int
    order_days: tuple[int, ...]
    min_packs: int
    multiple: int
    price_eur: float
    supplier: str


def positions(catalogue: list[Product]) -> Iterator[Position]:
    """A stock position and supply terms for each product (labelled as simulated)."""
    draw = np.random.default_rng(SEED + 1)
    today, seen = START.date(), set[str]()
    for product in catalogue:
        mean = product.daily_mean
        days = float(draw.lognormal(np.log(12), 0.6))
        amount = max(1.0, round(mean * days))
        share = float(draw.uniform(0.2, 0.8))
        soon = today + timedelta(days=int(draw.integers(10, 60)))
        late = today + timedelta(days=int(draw.integers(120, 700)))
        first = round(amount * share)
        waiting = bool(draw.random() < 0.2)
        order_days = tuple(sorted(draw.choice(5, size=int(draw.integers(1, 4)), replace=False) + 1))
        lots: tuple[tuple[float, date | None], ...]
        lots = ((float(first), soon), (float(amount - first), late))
        if product.critical_resource in AT_BOTH:
            # one site has more than it can use in time, the other next to nothing
            second, waiting = product.item_id in seen, False
            there = max(1.0, float(round(mean * (SHORT_DAYS if second else LONG_DAYS))))
            lots = ((there, late if second else today + timedelta(days=SOON_DAYS)),)
        seen.add(product.item_id)
        yield Position(
            product=product,
            lots=lots,
            on_order=float(product.pack_size * max(1, round(mean * 7 / product.pack_size)))
            if waiting
            else 0.0,
            due=today + timedelta(days=int(draw.integers(1, 6))),
            lead_days=int(draw.integers(1, 6)),
            order_days=tuple(int(d) for d in order_days),
            min_packs=int(draw.integers(1, 4)),
            multiple=1,
            price_eur=round(float(draw.lognormal(3.0, 1.0)), 2),
            supplier=f"supplier-{int(draw.integers(1, 13))}",
        )


@dataclass(frozen=True, slots=True)
class Commune:
    insee: str
    name: str
    latitude: float
    longitude: float
    population: int


def communes(department: str = "44") -> list[Commune]:
    """The communes of a department that have coordinates."""
    path = next(p for p in shipped("orientation", ".").glob("communes*") if p.is_file())
    frame = pd.read_csv(path, dtype={"insee": str, "department": str})
    frame = frame[(frame["insee"].str[:2] == department) & frame["lat"].notna()]
    return [
        Commune(r.insee, r.name_, float(r.lat), float(r.lon), int(r.population or 0))
        for r in frame.rename(columns={"name": "name_"}).fillna({"population": 0}).itertuples()
    ]
