"""Series of many items and sites as one table on one grid, ready for the engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from services.demand.domain.classes import LONGEST, SEASONS
from services.demand.domain.history_files import HistoryRead
from services.demand.domain.periods import Period, start_of
from services.demand.domain.series import Series
from services.demand.domain.tables import Days, HistoryTable

FREQUENCIES: Mapping[Period, str] = {Period.DAY: "D", Period.WEEK: "W-MON", Period.MONTH: "MS"}


def name_of(series: Series) -> str:
    """The id of a series in a table."""
    return f"{series.item_id}@{series.site_id}"


def days_of(first: int, count: int, period: Period) -> Days:
    """Starts of `count` periods from number `first` on."""
    return np.array([start_of(first + n, period) for n in range(count)], dtype="datetime64[ns]")


def table_of(series: Sequence[Series], horizon: int, *, uniform: bool = False) -> HistoryRead:
    """The table of series that share a grid and a first period to forecast.

    What a silent site did not report is not known there, and is not zero. `uniform`: the
    same columns whatever the series say, and no categories (their groups differ from part to
    part), so that models of one table serve another.
    """
    period = series[0].period
    end = series[0].end + series[0].unseen
    length = min(LONGEST[period], max(end - one.first for one in series))
    origin = end - length
    shape = (len(series), length)
    recorded, known = np.zeros(shape), np.zeros(shape, dtype=bool)
    out = np.full(shape, np.nan)
    start = np.zeros(len(series), dtype=np.int64)
    for row, one in enumerate(series):
        if (one.period, one.end + one.unseen) != (period, end):
            raise ValueError("the series of a table share a grid and end together")
        skipped = max(0, origin - one.first)
        begin = one.first + skipped - origin
        stop = begin + len(one.values) - skipped
        recorded[row, begin:stop] = one.values[skipped:]
        known[row, begin:stop] = True
        start[row] = begin
        if one.out is not None:
            out[row, begin:stop] = one.out[skipped:]
    columns = {"stockout_days": out} if uniform or np.isfinite(out).any() else {}
    words = {
        "item_class": tuple(one.item_class for one in series),
        "site": tuple(one.site_id for one in series),
    }
    table = HistoryTable(
        ids=tuple(name_of(one) for one in series),
        periods=days_of(origin, length, period),
        season=SEASONS[period],
        frequency=FREQUENCIES[period],
        recorded=recorded,
        values=recorded.copy(),
        known=known,
        observed=known.copy(),
        start=start,
        columns=columns,
        categories={} if uniform else {n: said for n, said in words.items() if len(set(said)) > 1},
    )
    return HistoryRead(table, days_of(end, horizon, period), known.astype(np.int64))
