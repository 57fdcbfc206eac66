"""What is simulated: real demand by day, and terms drawn once with a fixed seed.

Demand is real where the file is daily; months and weeks are real in their sums and are
spread over their days by a seeded profile. Prices, packs, shelf lives, lead times and
suppliers are drawn (REPLENISHMENT study, section 3.1): no public set holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from services.replenishment.domain.policy import Policy
from services.replenishment.domain.problem import Flags, Floats, Ints
from shared.catalogue.items import Criticality
from shared.errors import Malformed

SEED = 1
MOST_OF_A_FILE = 40  # series
PER_SUPPLIER = 20
LEFT_OUT = ("exog_", "hospital_pharmacy_weekly")  # no demand; the daily bills once more
WEEKDAYS = np.array([1.15, 1.1, 1.1, 1.1, 1.05, 0.8, 0.7])
LINE, ORDER, HOLDING = 2.0, 25.0, 0.25 / 365  # EUR, EUR, of the price a day
KINDS = (Criticality.VITAL, Criticality.ESSENTIAL, Criticality.DESIRABLE)
LONG_LIFE = 720  # days: taken as never expiring within a simulation


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """N items over D days, of which the first `warm` are for tuning. Packs and EUR."""

    names: tuple[str, ...]
    source: tuple[str, ...]
    demand: Floats  # [N, D]
    first: int  # day on which play begins: what lies before is history only
    warm: int  # first day of the test
    price: Floats
    life: Ints  # days on the shelf, the day of arrival included
    kind: Ints  # place in KINDS
    shortage: Floats  # EUR a pack and day
    supplier: Ints
    lead: Ints  # [N] days, the usual
    late: Floats  # [N] chance of three days more
    open_days: Flags  # [N, D]

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def days(self) -> int:
        return int(self.demand.shape[1])

    @property
    def holding(self) -> Floats:
        return self.price * HOLDING


def worlds_of(folder: Path) -> list[World]:
    """One world per file with the columns unique_id, ds and y. Malformed DEMAND_MALFORMED."""
    files = [p for p in sorted(folder.glob("*.parquet")) if not p.name.startswith(LEFT_OUT)]
    found = [world for path in files if (world := _world(path)) is not None]
    if not found:
        raise Malformed(
            "DEMAND_MALFORMED",
            f"{folder.name} holds no .parquet file with unique_id, ds, y and 300 days of history.",
            field="data",
        )
    return found


def _world(path: Path) -> World | None:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError):
        raise Malformed(
            "DEMAND_MALFORMED", f"{path.name} is not a whole Parquet file.", field="data"
        ) from None
    if not {"unique_id", "ds", "y"} <= set(table.columns):
        return None
    draw = np.random.default_rng(SEED)
    days = pd.date_range(table["ds"].min(), table["ds"].max(), freq="D")
    gap = np.diff(np.sort(table["ds"].unique())).astype("timedelta64[D]").astype(int)
    length = int(np.median(gap)) if len(gap) else 0
    if length >= 7:  # periods: the last one ends where the next would begin
        days = pd.date_range(days[0], days[-1] + pd.Timedelta(days=length - 1), freq="D")
    test, warm = (180, 360) if len(days) >= 600 else (120, 180)
    if len(days) < warm + test or not length:
        return None
    recent = table[table["ds"] >= days[-(warm + test)]]
    used = recent.groupby("unique_id")["y"].agg(lambda y: int((y > 0).sum()))
    names = sorted(used[used >= 6].index)
    if not names:
        return None
    names = sorted(draw.choice(names, min(MOST_OF_A_FILE, len(names)), replace=False))
    demand = np.stack(
        [_daily(table[table["unique_id"] == name], days, length, draw) for name in names]
    )
    return _drawn(tuple(names), path.stem, demand, (len(days) - test, test, warm), draw)


def _daily(
    series: pd.DataFrame, days: pd.DatetimeIndex, length: int, draw: np.random.Generator
) -> Floats:
    amounts = series.set_index("ds")["y"].clip(lower=0).fillna(0.0)
    if length < 7:
        found: Floats = amounts.reindex(days, fill_value=0.0).to_numpy(dtype=float)
        return found
    period = np.searchsorted(np.sort(amounts.index.unique()), days, side="right") - 1
    ends = amounts.index[-1] + pd.Timedelta(days=length)
    weight = WEEKDAYS[days.weekday] * draw.gamma(3.0, size=len(days))
    weight = np.where((period < 0) | (days >= ends), 0.0, weight)
    period = np.maximum(period, 0)
    total = np.bincount(period, weight, len(amounts))
    values = amounts.sort_index().to_numpy(dtype=float)
    spread: Floats = values[period] * weight / np.maximum(total[period], 1e-12)
    return spread


def _drawn(
    names: tuple[str, ...],
    source: str,
    units: Floats,
    spans: tuple[int, int, int],
    draw: np.random.Generator,
) -> World:
    warm_end, _, warm = spans
    count, length = len(units), units.shape[1]
    each = (count,)
    first = warm_end - warm
    monthly = 28 * units[:, :warm_end].mean(axis=1)
    packs = np.clip(draw.lognormal(1.8, 1.1, each), 0.3, 110)
    demand = units * (packs / np.maximum(monthly, 1e-9))[:, None]
    price = np.clip(draw.lognormal(1.4, 1.2, each) * draw.choice([1, 5, 10, 25], each), 1, 2000)
    kind = draw.choice(3, each, p=[0.2, 0.4, 0.4])
    policy = Policy()
    shortage = [
        policy.shortage_eur(KINDS[k], p, float(m))
        for k, p, m in zip(kind, price, demand[:, first:warm_end].mean(axis=1), strict=True)
    ]
    short_lived = draw.random(each) < 0.4
    life = np.where(short_lived, draw.integers(30, 181, each), LONG_LIFE)
    suppliers = -(-count // PER_SUPPLIER)
    supplier = np.arange(count) // PER_SUPPLIER
    lead = draw.integers(1, 6, suppliers)
    weekday = np.arange(length) % 7
    takes = np.stack([np.isin(weekday, draw.choice(5, 2, replace=False)) for _ in range(suppliers)])
    return World(
        names=names,
        source=(source,) * count,
        demand=demand,
        first=first,
        warm=warm_end,
        price=price,
        life=life,
        kind=kind,
        shortage=np.array(shortage),
        supplier=supplier,
        lead=lead[supplier],
        late=draw.uniform(0.0, 0.3, each),
        open_days=takes[supplier],
    )


def some_of(worlds: Sequence[World], items: slice) -> list[World]:
    """These items of each world; worlds left without any are dropped."""
    found = [_part(world, items) for world in worlds]
    return [world for world in found if world.count]


def _part(w: World, i: slice) -> World:
    return World(
        w.names[i], w.source[i], w.demand[i], w.first, w.warm, w.price[i], w.life[i],
        w.kind[i], w.shortage[i], w.supplier[i], w.lead[i], w.late[i], w.open_days[i],
    )  # fmt: skip
