"""The consumption history: sorted Parquet files, read by DuckDB, listed in the store.

A file counts once the store lists it, and the transaction that lists it takes its rows
off the staging table: whatever is interrupted, each movement is in exactly one place.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select

from services.demand.adapters.series_reading import (
    Shelves,
    newest_reports,
    read_series,
    read_ward_use,
    shelves_of,
)
from services.demand.adapters.store.tables import Tables
from services.demand.domain.runs import RunOrder
from services.demand.domain.series import Series, history_end
from shared.errors import Unavailable
from shared.storage import Database

# Past this many files they are merged: reading many small ones costs more than merging.
MOST_FILES = 8
# Rows of the staging table moved at a time: whoever records movements meanwhile waits for the
# transaction that takes them off it.
STAGED_AT_ONCE = 100_000


def _new_name() -> str:
    return f"movements-{uuid.uuid4().hex}.parquet"


def interrupted() -> Unavailable:
    """The refusal when somebody else moved the same rows at the same time."""
    return Unavailable(
        "HISTORY_BUSY",
        "The history was changed while it was compacted. Nothing was lost; it is tried again.",
    )


@dataclass(frozen=True, slots=True)
class ParquetHistory:
    """`folder` belongs to this service alone; all its replicas must see the same one.

    One process at a time compacts (the job of runs takes turns): the others' files that
    are not listed yet would be swept away.
    """

    database: Database
    tables: Tables
    folder: Path
    after_write: Callable[[Path], None] = lambda _: None  # tests stop time here

    def compact(self) -> int:
        """Moves what is staged into files; merges the files when they are many.

        Refuses Unavailable HISTORY_BUSY; nothing was changed then.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        moved = 0
        while part := self._compact_part():
            moved += part
        if len(self.files()) > MOST_FILES:
            self._merge()
        self._sweep()
        return moved

    def _compact_part(self) -> int:
        from services.demand.adapters import parquet_files  # noqa: PLC0415

        staged = self.tables.staged
        with self.database.read() as tx:
            rows = tx.connection.execute(
                select(staged.c.seq, *(staged.c[name] for name in parquet_files.COLUMNS))
                .order_by(staged.c.seq)
                .limit(STAGED_AT_ONCE)
            ).all()
        if not rows:
            return 0
        name = _new_name()
        with self._draft(name) as draft:
            parquet_files.write([row[1:] for row in rows], draft)
        with self.database.transaction() as tx:
            gone = tx.connection.execute(delete(staged).where(staged.c.seq <= rows[-1].seq))
            # A row with a smaller number may have been committed since: then start again.
            if gone.rowcount != len(rows):
                raise interrupted()
            tx.connection.execute(
                insert(self.tables.history_file), [{"name": name, "rows": len(rows)}]
            )
        return len(rows)

    def _merge(self) -> None:
        # the service itself writes no files: its runs do, in processes of their own
        from services.demand.adapters import parquet_files  # noqa: PLC0415

        names = self.files()
        name, count = _new_name(), 0
        with self._draft(name) as draft:
            count = parquet_files.merge(self._paths(names), draft)
        listed = self.tables.history_file
        with self.database.transaction() as tx:
            gone = tx.connection.execute(delete(listed).where(listed.c.name.in_(names)))
            if gone.rowcount != len(names):
                raise interrupted()
            tx.connection.execute(insert(listed), [{"name": name, "rows": count}])

    @contextmanager
    def _draft(self, name: str) -> Iterator[Path]:
        """Where a file is written; it is whole and on the disk before it gets its name."""
        draft = self.folder / f"{name}.draft"
        yield draft
        draft.replace(self.folder / name)
        directory = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        self.after_write(self.folder / name)

    def _sweep(self) -> None:
        """Deletes files that the store does not list: left by a crash, or merged away."""
        listed = set(self.files())
        for path in self.folder.glob("movements-*"):
            if path.name not in listed:
                path.unlink(missing_ok=True)

    def files(self) -> list[str]:
        """Names of the files that are the history."""
        listed = self.tables.history_file
        with self.database.read() as tx:
            names = tx.connection.execute(select(listed.c.name).order_by(listed.c.name))
            return list(names.scalars())

    def _reader(self) -> Any:
        from services.demand.adapters import parquet_files  # noqa: PLC0415

        return parquet_files.reader(self.folder)

    def _paths(self, names: Sequence[str]) -> list[str]:
        return [str(self.folder / name) for name in names]

    def series(self, order: RunOrder, since: int | None = None) -> list[Series]:
        """The histories that `order` asks for, by item and site; from a day on, if any."""
        names = self.files()
        if not names:
            return []
        with self._reader() as reader:
            return read_series(reader, self._paths(names), order, self._shelves(), since)

    def ends(self, order: RunOrder) -> dict[str, int]:
        """Number of the first period of the order's grid that is not history, by site."""
        names = self.files()
        if not names:
            return {}
        with self._reader() as reader:
            newest = newest_reports(reader, self._paths(names), order)
        return {site: history_end(order.as_of, day, order.period) for site, day in newest.items()}

    def ward_use(
        self, site_id: str, item_ids: Sequence[str], since: int
    ) -> dict[str, dict[str, float]]:
        """Item -> ward -> base units used since a day (counted from 1970)."""
        names = self.files()
        if not names:
            return {}
        with self._reader() as reader:
            return read_ward_use(reader, self._paths(names), (site_id, item_ids, since))

    def _shelves(self) -> Shelves:
        """(item, site) -> days and shares without stock, of every shelf ever reported."""
        table = self.tables.shelf
        with self.database.read() as tx:
            rows = tx.connection.execute(
                select(
                    table.c.item_id, table.c.site_id, table.c.day, table.c.level, table.c.out_share
                ).order_by(table.c.item_id, table.c.site_id, table.c.day)
            ).all()
        return shelves_of(rows)
