"""Facilities and shortages in SQL, and the snapshot of them that answers are made with."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import MetaData, func, select

from services.orientation.adapters.roads import MOST_SITES, CachedRoads
from services.orientation.adapters.store.tables import Tables, from_us, tables, to_us
from services.orientation.domain.directory import Directory
from services.orientation.domain.facilities import (
    BedCount,
    Facility,
    OpenSpan,
    Shortage,
    Shortages,
)
from services.orientation.domain.modes import Mode, Modes
from services.orientation.domain.orient import Surroundings
from shared.clock import Clock
from shared.errors import Unavailable
from shared.storage import Database, Transaction, upsert


def facility_row(facility: Facility) -> dict[str, Any]:
    beds = [[b.status, b.temporality, b.beds, to_us(b.updated)] for b in facility.beds]
    return {
        "finess_geo": facility.finess_geo,
        "name": facility.name,
        "latitude": facility.latitude,
        "longitude": facility.longitude,
        "capabilities": " ".join(sorted(facility.capabilities)),
        "beds": json.dumps(beds),
        "closed": facility.closed,
        "synthetic": facility.synthetic,
        "age_from": facility.age_from,
        "age_until": facility.age_until,
        "orsan_rank": facility.orsan_rank,
        "opening": " ".join(f"{s.from_min}-{s.until_min}" for s in facility.opening),
    }


def facility_from(row: Any) -> Facility:
    beds = tuple(BedCount(s, t, n, from_us(at)) for s, t, n, at in json.loads(row["beds"]))
    return Facility(
        row["finess_geo"],
        row["name"],
        row["latitude"],
        row["longitude"],
        frozenset(row["capabilities"].split()),
        beds,
        row["closed"],
        row["synthetic"],
        row["age_from"],
        row["age_until"],
        row["orsan_rank"],
        tuple(_span(text) for text in row["opening"].split()),
    )


def _span(text: str) -> OpenSpan:
    begin, _, end = text.partition("-")
    return OpenSpan(int(begin), int(end))


class SqlShortages:
    """Foreseen shortages, written in the transaction of the event that tells of them."""

    def __init__(self, tx: Transaction, now: datetime) -> None:
        self._tx, self._now = tx, now
        self._at = tables(MetaData()).shortages

    def put(self, shortage: Shortage, *, lifted: bool) -> None:
        """Keeps the newest word about an item at a site; an older one changes nothing."""
        at = self._at
        query = select(at.c.foreseen_us).where(
            at.c.site_id == shortage.site_id, at.c.item_id == shortage.item_id
        )
        known = self._tx.connection.execute(query.with_for_update()).scalar()
        if known is not None and known > to_us(shortage.foreseen):
            return
        row = {
            "site_id": shortage.site_id,
            "item_id": shortage.item_id,
            "resource": shortage.resource,
            "label": shortage.label[:200],
            "probability": shortage.probability,
            "stockout_day": shortage.stockout_day,
            "foreseen_us": to_us(shortage.foreseen),
            "lifted": lifted,
            "changed_us": to_us(self._now),
        }
        upsert(self._tx.connection, at, [row], key=["site_id", "item_id"])


def _shortage(row: Any) -> Shortage:
    return Shortage(
        row["site_id"],
        row["item_id"],
        row["resource"],
        row["label"],
        row["probability"],
        row["stockout_day"],
        from_us(row["foreseen_us"]),
    )


class Snapshot:
    """What is known of facilities and shortages, read again when the store changed.

    `synthetic` facilities fill in for sites that no one reported.
    """

    def __init__(
        self,
        database: Database,
        synthetic: Iterable[Facility],
        *,
        roads: CachedRoads | None = None,
        everywhere: Mode = Mode.ON,
    ) -> None:
        self._database, self._roads, self._everywhere = database, roads, everywhere
        self._synthetic = {f.finess_geo: f for f in synthetic}
        self._tables: Tables = tables(MetaData())
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] | None = None
        self.changes = 0  # how often what is known changed
        self._now = Surroundings(
            Directory.of(self._synthetic.values()), Shortages(), roads, Modes({}, everywhere)
        )

    def now(self) -> Surroundings:
        return self._now

    def prepare(self, latitude: float, longitude: float) -> None:
        """Asks the router of real roads, if there is one, for the sites around a place."""
        if self._roads is None:
            return
        directory = self._now.directory
        km = directory.distances(latitude, longitude)
        nearest = np.argsort(km, kind="stable")[:MOST_SITES]
        found = (directory.facilities[row] for row in nearest)
        self._roads.prepare(
            latitude, longitude, [(f.finess_geo, f.latitude, f.longitude) for f in found]
        )

    def refresh(self) -> None:
        """Reads the tables again if they changed; Unavailable when the store is away."""
        with self._lock, self._database.read() as tx:
            seen = self._fingerprint(tx)
            if seen == self._seen:
                return
            at = self._tables
            rows = tx.connection.execute(select(at.facilities)).mappings()
            reported = {f.finess_geo: f for f in map(facility_from, rows)}
            held = tx.connection.execute(
                select(at.shortages).where(at.shortages.c.lifted.is_(False))
            ).mappings()
            shortages = Shortages.of([_shortage(row) for row in held])
            modes = tx.connection.execute(select(at.modes)).mappings()
            by_owner = {row["owner"]: Mode(row["mode"]) for row in modes}
            directory = self._now.directory
            if self._seen is None or seen[:3] != self._seen[:3]:  # the facilities changed
                directory = Directory.of((self._synthetic | reported).values())
            self._now = Surroundings(
                directory, shortages, self._roads, Modes(by_owner, self._everywhere)
            )
            self._seen = seen
            self.changes += 1

    def _fingerprint(self, tx: Transaction) -> tuple[object, ...]:
        seen: list[object] = []
        for table in (self._tables.facilities, self._tables.shortages, self._tables.modes):
            query = select(func.count(), func.max(table.c.changed_us), func.sum(table.c.changed_us))
            seen += list(tx.connection.execute(query).one())
        return tuple(seen)


class Refresher:
    """Background job: keeps the snapshot no older than `every`."""

    def __init__(self, snapshot: Snapshot, clock: Clock, every: timedelta) -> None:
        self._snapshot, self._clock, self._every = snapshot, clock, every.total_seconds()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._snapshot.refresh()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._snapshot.refresh()
            except Unavailable:
                continue  # the last snapshot stands; its counts age and say so

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
