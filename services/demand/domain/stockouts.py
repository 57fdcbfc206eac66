"""Stock-outs of known truth: takes away what could not have been handed out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from services.demand.domain.repair import days_in
from services.demand.domain.tables import HistoryTable

TOUCHED_SHARE = 0.075
# Days out of stock in a touched period, as shares of its days: evenly spread between these.
SHORTEST_SHARE, LONGEST_SHARE = 0.3, 1.0


@dataclass(frozen=True, slots=True)
class Touched:
    """A history with stock-outs and its `stockout_days`; shares of periods and of amounts."""

    table: HistoryTable = field(repr=False)
    touched_share: float
    lost_share: float


def simulate(table: HistoryTable, seed: int) -> Touched:
    """The history had some periods of each series been partly or wholly out of stock.

    TOUCHED_SHARE of the periods, chosen evenly, lose the use of the days out. The
    use of a period is taken as even over its days, and whole amounts stay whole: each unit
    falls on any of the days with equal chance.
    """
    draw = np.random.default_rng(seed)
    alive = table.alive
    touched = (draw.random(table.values.shape) < TOUCHED_SHARE) & alive
    days = days_in(table.periods)[None, :]
    wanted = draw.uniform(SHORTEST_SHARE, LONGEST_SHARE, table.values.shape) * days
    out = np.where(touched, np.clip(np.round(wanted), 1.0, days), 0.0)
    kept_share = 1.0 - out / days
    true = np.maximum(table.recorded, 0.0)
    whole = np.floor(true)
    kept = np.where(
        (true == whole) & touched,
        draw.binomial(whole.astype(np.int64), kept_share),
        true * kept_share,
    )
    columns = {**table.columns, "stockout_days": np.where(alive, out, np.nan)}
    lost = float((true - kept).sum())
    return Touched(
        replace(table, recorded=kept, values=kept, columns=columns),
        float(touched.sum() / max(alive.sum(), 1)),
        lost / float(true.sum()) if true.any() else 0.0,
    )
