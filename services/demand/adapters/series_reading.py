"""Reads series off the history files: grouped by DuckDB, laid on grids, with their shelves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np

from services.demand.domain.grids import grid_for
from services.demand.domain.movements import LEARNT
from services.demand.domain.periods import EPOCH, Period, numbers_of
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series, first_forecast, history_end, on_grid
from services.demand.domain.shelf import Array, Ints, out_by_period, out_days

# (item, site) -> (days since 1970, share of each without stock)
Shelves = Mapping[tuple[str, str], tuple[Ints, Array]]

NUMBERS = {
    Period.DAY: "day",
    Period.WEEK: "(day + 3) // 7",
    Period.MONTH: "(year(DATE '1970-01-01' + day) - 1970) * 12 "
    "+ month(DATE '1970-01-01' + day) - 1",
}
SIGNED = (
    "CASE reason "
    + " ".join(f"WHEN {reason.value} THEN {sign} * amount" for reason, sign in LEARNT.items())
    + " END"
)
# Items grouped at a time: the files are sorted by item, so a block reads its own part of them, and
# what DuckDB holds does not grow with the hospital group.
ITEMS_AT_ONCE = 2_000
LEARNT_REASONS = ", ".join(str(reason.value) for reason in LEARNT)


def newest_reports(reader: Any, paths: Sequence[str], order: RunOrder) -> dict[str, date]:
    """Site -> the day of its newest movement, whatever it was, up to the order's day."""
    rows = reader.execute(
        "SELECT site_id, max(day) FROM read_parquet(?) WHERE day <= ? GROUP BY site_id",
        [list(paths), (order.as_of - EPOCH).days],
    ).fetchall()
    return {site: date.fromordinal(EPOCH.toordinal() + day) for site, day in rows}


def read_series(
    reader: Any,
    paths: Sequence[str],
    order: RunOrder,
    shelves: Shelves,
    since: int | None = None,
) -> list[Series]:
    """The histories that `order` asks for, by item and site, without class or unit."""
    last = (order.as_of - EPOCH).days
    conditions, values = [f"day <= {last}"], [list(paths)]
    if since is not None:
        conditions.append(f"day >= {int(since)}")
    for column, wanted in (("site_id", order.site_ids), ("item_id", order.item_ids)):
        if wanted:
            conditions.append(f"{column} IN (SELECT unnest(?))")
            values.append(list(wanted))
    newest = newest_reports(reader, paths, order)
    made: list[Series] = []
    for block in _blocks(reader, conditions, values):
        found = _grouped(reader, order, [*conditions, "item_id BETWEEN ? AND ?"], [*values, *block])
        made += _series(found, order, newest, shelves)
    return made if since is None else _from(made, since, order, newest, shelves=shelves)


def _blocks(reader: Any, conditions: Sequence[str], values: Sequence[Any]) -> list[tuple[str, str]]:
    """First and last item of each block, in order."""
    query = f"""
        SELECT DISTINCT item_id FROM read_parquet(?)
        WHERE {" AND ".join(conditions)} ORDER BY item_id"""  # noqa: S608  # values are bound
    items = [item for (item,) in reader.execute(query, list(values)).fetchall()]
    starts = range(0, len(items), ITEMS_AT_ONCE)
    return [(items[at], items[at : at + ITEMS_AT_ONCE][-1]) for at in starts]


def _grouped(reader: Any, order: RunOrder, conditions: Sequence[str], values: Sequence[Any]) -> Any:
    """Arrow table of item, site, numbers of periods and amounts in them, by item and site."""
    # fsum and rounding: the sum must not depend on the order in which rows lie.
    query = f"""
        SELECT item_id, site_id, list(n ORDER BY n) AS numbers, list(a ORDER BY n) AS amounts
        FROM (
            SELECT item_id, site_id, {NUMBERS[order.period]} AS n,
                   round(fsum({SIGNED}), 6) AS a
            FROM read_parquet(?)
            WHERE {" AND ".join(conditions)} AND reason IN ({LEARNT_REASONS})
            GROUP BY ALL)
        GROUP BY ALL ORDER BY item_id, site_id"""  # noqa: S608  # constants; values are bound
    return reader.sql(query, params=list(values)).to_arrow_table()


def _from(
    made: Sequence[Series],
    since: int,
    order: RunOrder,
    newest: Mapping[str, date],
    *,
    shelves: Shelves,
) -> list[Series]:
    """The same from the period of a day on, also before the first movement since, and where
    nothing moved because a shelf was empty: no use without stock is not no need."""
    found = {(one.item_id, one.site_id): one for one in made}
    empty = {
        place: Series(*place, order.period, 0, np.zeros(0))
        for place in shelves
        if place not in found
        and place[1] in newest
        and (not order.site_ids or place[1] in order.site_ids)
        and (not order.item_ids or place[0] in order.item_ids)
    }
    whole = []
    for place, one in {**found, **empty}.items():
        start = int(numbers_of(np.array([since], dtype=np.int64), one.period)[0])
        end = history_end(order.as_of, newest[place[1]], one.period)
        values = np.zeros(max(0, end - start))
        if len(one.values):
            values[one.first - start :] = one.values
        shelf = shelves.get(place)
        out = None if shelf is None else out_by_period(*shelf, start, len(values), one.period)
        if len(values) and (len(one.values) or (out is not None and out.any())):
            unseen = first_forecast(order.as_of, one.period) - end
            whole.append(replace(one, first=start, values=values, unseen=unseen, out=out))
    return sorted(whole, key=lambda one: (one.item_id, one.site_id))


def _series(
    found: Any, order: RunOrder, newest: Mapping[str, date], shelves: Shelves
) -> list[Series]:
    numbers, amounts = found["numbers"].combine_chunks(), found["amounts"].combine_chunks()
    flat_numbers = np.asarray(numbers.flatten(), dtype=np.int64)
    flat_amounts = np.asarray(amounts.flatten(), dtype=np.float64)
    borders = np.concatenate([[0], np.cumsum(np.asarray(numbers.value_lengths(), dtype=np.int64))])
    made = []
    for place, (item_id, site_id) in enumerate(
        zip(found["item_id"].to_pylist(), found["site_id"].to_pylist(), strict=True)
    ):
        inside = slice(borders[place], borders[place + 1])
        period, mine = order.period, flat_numbers[inside]
        if order.auto:
            period = grid_of(mine, history_end(order.as_of, newest[site_id], Period.DAY))
            mine = numbers_of(mine, period)
        end = history_end(order.as_of, newest[site_id], period)
        first, values, negative = on_grid(mine, flat_amounts[inside], end)
        if not len(values):
            continue
        shelf = shelves.get((item_id, site_id))
        made.append(
            Series(
                item_id,
                site_id,
                period,
                first,
                values,
                overreturned=negative,
                unseen=first_forecast(order.as_of, period) - end,
                out=None if shelf is None else out_by_period(*shelf, first, len(values), period),
            )
        )
    return made


def read_ward_use(
    reader: Any, paths: Sequence[str], wanted: tuple[str, Sequence[str], int]
) -> dict[str, dict[str, float]]:
    """Item -> ward -> base units used, of (site, items, first day); only what is above 0."""
    site_id, item_ids, since = wanted
    rows = reader.execute(
        f"""SELECT item_id, ward_id, round(fsum({SIGNED}), 6) AS a FROM read_parquet(?)
            WHERE site_id = ? AND item_id IN (SELECT unnest(?)) AND day >= ?
              AND reason IN ({LEARNT_REASONS})
            GROUP BY ALL HAVING a > 0 ORDER BY ALL""",  # noqa: S608  # constants; values are bound
        [list(paths), site_id, list(item_ids), since],
    ).fetchall()
    found: dict[str, dict[str, float]] = {}
    for item_id, ward_id, amount in rows:
        found.setdefault(item_id, {})[ward_id] = float(amount)
    return found


def grid_of(days: Ints, end: int) -> Period:
    """The grid of a history of days with movements that ends before day `end`."""
    known = days[days < end]
    if not len(known):
        return Period.MONTH
    weeks = len(np.unique(numbers_of(known, Period.WEEK)))
    return grid_for(end - int(known.min()), len(known), weeks)


def shelves_of(rows: Iterable[Sequence[Any]]) -> Shelves:
    """Days without stock from rows (item, site, day, level, share out), sorted by shelf."""
    found = {}
    for shelf, group in groupby(rows, key=lambda row: (row[0], row[1])):
        reports = list(group)
        days = np.array([row[2] for row in reports], dtype=np.int64)
        levels = np.array([_number(row[3]) for row in reports])
        outs = np.array([_number(row[4]) for row in reports])
        found[shelf] = out_days(days, levels, outs)
    return found


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
