"""The history of one item at one site, read while a caller waits.

Movements that no file holds yet are remembered in memory, read on from where the last question
stopped: nobody waits for a scan of the staging table twice. A kept connection reads the files.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from services.demand.adapters.series_reading import grid_of, shelves_of
from services.demand.adapters.store.tables import Tables
from services.demand.domain.movements import LEARNT
from services.demand.domain.periods import EPOCH, Period, number_of, numbers_of
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series, first_forecast, history_end, on_grid
from services.demand.domain.shelf import out_by_period
from services.demand.domain.tables import Array, Ints
from shared.storage import Database

Place = tuple[str, str]
LEARNT_SIGNS = {reason.value: sign for reason, sign in LEARNT.items()}
# Staged rows that are remembered at most. More wait only before the first run that takes in a
# long history: then each question looks for its own rows, slowly, and memory stays small.
MOST_KEPT = 300_000


@dataclass(slots=True)
class _Recent:
    """What is known of movements beside the files: of one list of files, up to one row.

    `newest_in_files`: by site and item, and by site, of the sites asked about; `kept`: rows
    remembered; `unread`: more is staged than may be.
    """

    files: tuple[str, ...] = ()
    seen: int = 0
    newest_in_files: dict[str, dict[str, int]] = field(default_factory=dict)
    newest_of_site: dict[str, int] = field(default_factory=dict)
    newest: dict[str, int] = field(default_factory=dict)
    rows: dict[Place, list[tuple[int, float]]] = field(default_factory=dict)
    kept: int = 0
    unread: bool = False


@dataclass(slots=True)
class OneHistory:
    """One item at one site; safe to ask from several threads, one at a time.

    What it says equals what a run would read: a row is in a file or staged, never both. Only a
    row that a second writer committed late, under a smaller number than one read before, is not
    seen until the next run takes all in.
    """

    database: Database
    tables: Tables
    folder: Path
    most_kept: int = MOST_KEPT
    _recent: _Recent = field(default_factory=_Recent)
    _reader: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def series(
        self, order: RunOrder, item_id: str, site_id: str, since: date | None = None
    ) -> Series | None:
        """The history on the order's grid (chosen by data when `auto`); None when there is none.

        `since`: only the periods from this one on, also where nothing moved; None when none of
        them is over.
        """
        with self._lock:
            with self.database.read() as tx:
                newest = self._refresh(tx.connection, site_id)
                shelf = self._shelf(tx.connection, (item_id, site_id))
            days, amounts = self._use(item_id, site_id, since)
        inside = days <= (order.as_of - EPOCH).days
        days, amounts = days[inside], amounts[inside]
        if newest is None or not (len(days) or since):
            return None
        report = min(EPOCH + timedelta(days=newest), order.as_of)
        period = order.period
        if order.auto:
            period = grid_of(np.unique(days), history_end(order.as_of, report, Period.DAY))
        end = history_end(order.as_of, report, period)
        first, values, negative = on_grid(numbers_of(days, period), amounts, end)
        if since is not None:
            first, values = _from(number_of(since, period), end, first, values)
        if not len(values):
            return None
        return Series(
            item_id,
            site_id,
            period,
            first,
            np.round(values, 6),
            overreturned=negative,
            unseen=first_forecast(order.as_of, period) - end,
            out=None if shelf is None else out_by_period(*shelf, first, len(values), period),
        )

    def _refresh(self, connection: Connection, site_id: str) -> int | None:
        """The newest day with a movement of the site; reads what was staged since last time."""
        listed, staged = self.tables.history_file, self.tables.staged
        files = tuple(connection.execute(select(listed.c.name).order_by(listed.c.name)).scalars())
        if files != self._recent.files:
            self._recent = _Recent(files)
        self._take(connection, staged)
        known = self._recent
        if site_id not in known.newest_in_files and files:
            rows = self._ask(
                "SELECT item_id, max(day) FROM read_parquet(?) WHERE site_id = ? GROUP BY item_id",
                site_id,
            )
            known.newest_in_files[site_id] = dict(rows)
            known.newest_of_site[site_id] = max((day for _, day in rows), default=-1)
        newest = max(known.newest_of_site.get(site_id, -1), known.newest.get(site_id, -1))
        if known.unread:
            day = select(func.max(staged.c.day)).where(
                (staged.c.site_id == site_id) & (staged.c.seq > known.seen)
            )
            newest = max(newest, connection.execute(day).scalar() or -1)
        return None if newest < 0 else newest

    def _take(self, connection: Connection, staged: Any) -> None:
        known = self._recent
        # two look-ups in one query; both bounds in one SELECT would scan the table
        bounds = select(
            select(func.min(staged.c.seq)).scalar_subquery(),
            select(func.max(staged.c.seq)).scalar_subquery(),
        )
        first, last = connection.execute(bounds).one()
        waiting = (last or 0) - max(known.seen, (first or 0) - 1)
        known.unread = known.kept + waiting > self.most_kept
        if known.unread:
            return
        if waiting <= 0:
            return
        known.kept += waiting
        rows = connection.execute(
            select(
                staged.c.seq,
                staged.c.item_id,
                staged.c.site_id,
                staged.c.day,
                staged.c.reason,
                staged.c.amount,
            )
            .where(staged.c.seq > known.seen)
            .order_by(staged.c.seq)
        )
        for seq, item_id, site_id, day, reason, amount in rows:
            known.seen = seq
            known.newest[site_id] = max(known.newest.get(site_id, -1), day)
            sign = LEARNT_SIGNS.get(reason, 0)
            if sign:
                known.rows.setdefault((item_id, site_id), []).append((day, sign * amount))

    def _use(self, item_id: str, site_id: str, since: date | None) -> tuple[Ints, Array]:
        """Days and signed amounts of what is learnt from, in no order."""
        first = 0 if since is None else (since - EPOCH).days
        rows: list[tuple[int, float]] = list(self._recent.rows.get((item_id, site_id), ()))
        if self._recent.unread:
            rows += self._unread(item_id, site_id)
        # runs write the files: what came after a stored forecast is mostly not in them yet
        if self._recent.newest_in_files.get(site_id, {}).get(item_id, -1) >= first:
            # planning a query costs more than running it: what is not learnt is left out below
            found = self._ask(
                "SELECT day, reason, amount FROM read_parquet(?) WHERE item_id = ? AND site_id = ?",
                item_id,
                site_id,
            )
            rows += _learnt(found)
        rows = [row for row in rows if row[0] >= first]
        days = np.array([day for day, _ in rows], dtype=np.int64)
        return days, np.array([amount for _, amount in rows], dtype=np.float64)

    def _unread(self, item_id: str, site_id: str) -> list[tuple[int, float]]:
        staged = self.tables.staged
        with self.database.read() as tx:
            rows = tx.connection.execute(
                select(staged.c.day, staged.c.reason, staged.c.amount).where(
                    (staged.c.item_id == item_id)
                    & (staged.c.site_id == site_id)
                    & (staged.c.seq > self._recent.seen)
                )
            ).all()
        return _learnt(rows)

    def _ask(self, query: str, *values: str) -> Sequence[Any]:
        if self._reader is None:
            # a service that is never asked needs no reader
            from services.demand.adapters import parquet_files  # noqa: PLC0415

            self._reader = parquet_files.reader(self.folder, threads="1")
        paths = [str(self.folder / name) for name in self._recent.files]
        return list(self._reader.execute(query, [paths, *values]).fetchall())

    def _shelf(self, connection: Connection, place: Place) -> tuple[Ints, Array] | None:
        table = self.tables.shelf
        rows = connection.execute(
            select(table.c.item_id, table.c.site_id, table.c.day, table.c.level, table.c.out_share)
            .where((table.c.item_id == place[0]) & (table.c.site_id == place[1]))
            .order_by(table.c.day)
        ).all()
        return shelves_of(rows).get(place)


def _learnt(rows: Iterable[Sequence[Any]]) -> list[tuple[int, float]]:
    """Days and signed amounts of rows (day, reason, amount), of what is learnt from only."""
    signs = ((day, LEARNT_SIGNS.get(reason, 0), amount) for day, reason, amount in rows)
    return [(day, sign * amount) for day, sign, amount in signs if sign]


def _from(start: int, end: int, first: int, values: Array) -> tuple[int, Array]:
    """Amounts of the periods from `start` until before `end`: 0 where nothing moved."""
    whole = np.zeros(max(0, end - start))
    if len(values):
        whole[first - start :] = values
    return start, whole
