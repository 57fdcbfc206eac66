"""The embedded event log: one SQLite file that several processes share, no broker.

One sequence numbers all events; a group has one offset per topic. Within a group one
live member reads a topic at a time: it holds a lock on a small file, which the system
frees when the member closes or its process dies, so that another takes over at once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.errors import Unavailable
from shared.events.event import Event, check_size, instant, micros
from shared.events.log import Delivery
from shared.events.rows import headers_text
from shared.storage.engines import BUSY_SECONDS, use_wal
from shared.storage.turns import FileTurn

POLL_SECONDS = 0.02
PRUNE_SECONDS = 600.0
TABLES = """
CREATE TABLE IF NOT EXISTS records (
    topic TEXT NOT NULL, position INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL,
    event_key TEXT NOT NULL, payload BLOB NOT NULL, event_time_us INTEGER NOT NULL,
    headers TEXT NOT NULL, appended_us INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS records_by_topic ON records (topic, position);
CREATE TABLE IF NOT EXISTS offsets (
    reader TEXT NOT NULL, topic TEXT NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (reader, topic)) WITHOUT ROWID;
"""
APPEND = (
    "INSERT INTO records (topic, event_id, event_key, payload, event_time_us, headers,"
    " appended_us) VALUES "
)
ROW, AT_ONCE = "(?, ?, ?, ?, ?, ?, ?)", 32
APPEND_MANY = APPEND + ", ".join([ROW] * AT_ONCE)
NEXT = (
    "SELECT position, event_id, event_key, payload, event_time_us, headers FROM records"
    " WHERE topic = ? AND position > ? ORDER BY position LIMIT ?"
)


def connect(file: Path) -> sqlite3.Connection:
    """A connection of its own for one thread at a time; makes the tables if needed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    raw = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    use_wal(raw)
    raw.execute("PRAGMA synchronous = NORMAL")  # survives SIGKILL; see Database
    if raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'offsets'").fetchone()[0] == 0:
        raw.executescript("BEGIN IMMEDIATE;" + TABLES + "COMMIT;")
    return raw


@contextmanager
def _answers(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError):
        raise Unavailable(
            "EVENTS_AWAY",
            f"The embedded event log could not {what}. Check that its folder exists, is "
            "writable and has free space; it is tried again.",
        ) from None


class EmbeddedLog:
    """An EventLog in one SQLite file."""

    def __init__(self, file: Path, *, retention: timedelta | None = None) -> None:
        self._file = file
        self._retention = retention
        self._lock = threading.Lock()
        self._raw: sqlite3.Connection | None = None
        self._pruned = time.monotonic()
        self._reachable = True

    @property
    def retention(self) -> timedelta | None:
        return self._retention

    @property
    def reachable(self) -> bool:
        return self._reachable

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            check_size(event)
        now = time.time_ns() // 1000
        rows = [
            (
                e.topic,
                e.id,
                e.key,
                e.payload,
                micros(e.time),
                headers_text(e.headers),
                now,
            )
            for e in events
        ]
        with self._lock:
            self._reachable = False
            with _answers("store events"):
                raw = self._raw = self._raw or connect(self._file)
                with _writing(raw):
                    _append(raw, rows)
                    self._prune(raw, now)
            self._reachable = True

    def _prune(self, raw: sqlite3.Connection, now_us: int) -> None:
        if self._retention is None:
            return
        pause = min(PRUNE_SECONDS, self._retention.total_seconds())
        if time.monotonic() - self._pruned < pause:
            return
        self._pruned = time.monotonic()
        limit = now_us - self._retention // timedelta(microseconds=1)
        raw.execute("DELETE FROM records WHERE appended_us < ?", (limit,))

    def subscribe(self, group: str, topics: Sequence[str]) -> EmbeddedSubscription:
        return EmbeddedSubscription(self._file, group, topics)

    def create_topics(self, names: Sequence[str]) -> None:
        """Nothing to make: a topic is there once it has an event."""

    def close(self) -> None:
        with self._lock:
            if self._raw is not None:
                self._raw.close()
                self._raw = None


def _append(raw: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Many rows in one step: between two steps the driver lets every other thread go first."""
    whole = len(rows) - len(rows) % AT_ONCE
    for start in range(0, whole, AT_ONCE):
        raw.execute(APPEND_MANY, tuple(v for row in rows[start : start + AT_ONCE] for v in row))
    raw.executemany(APPEND + ROW, rows[whole:])


@contextmanager
def _writing(raw: sqlite3.Connection) -> Iterator[None]:
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        raw.execute("ROLLBACK")
        raise
    raw.execute("COMMIT")


class EmbeddedSubscription:
    """One member of a group; see the module for how members share."""

    def __init__(self, file: Path, group: str, topics: Sequence[str]) -> None:
        self._file = file
        self._group = group
        self._turns = {topic: FileTurn(self._lock_file(topic)) for topic in topics}
        self._next: dict[str, int] = {}  # topics that this member reads → last one handed out
        self._raw: sqlite3.Connection | None = None
        self._seen = -1
        self._paused = False

    def _lock_file(self, topic: str) -> Path:
        name = hashlib.blake2b(f"{self._group}\0{topic}".encode(), digest_size=8).hexdigest()
        return self._file.with_name(f"{self._file.name}.readers") / name

    def poll(self, timeout_s: float, limit: int) -> Sequence[Delivery]:
        end = time.monotonic() + timeout_s
        while True:
            found = self._try(limit)
            left = end - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(POLL_SECONDS, left))

    def _try(self, limit: int) -> list[Delivery]:
        if self._paused:
            return []
        try:
            raw = self._open()
            taken = self._take(raw)
            version = raw.execute("PRAGMA data_version").fetchone()[0]
            if version == self._seen and not taken:
                return []  # no other connection wrote since we found nothing
            found = self._read(raw, limit)
        except (sqlite3.OperationalError, OSError):
            self._drop()
            return []
        if not found:
            self._seen = version
        return found

    def _open(self) -> sqlite3.Connection:
        if self._raw is None:
            self._raw = connect(self._file)
            self._seen = -1
        return self._raw

    def _drop(self) -> None:
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _take(self, raw: sqlite3.Connection) -> bool:
        """Takes the topics that no other live member reads, from the group's offset on."""
        fresh = [t for t in self._turns if t not in self._next and self._turns[t].take()]
        for topic in fresh:
            row = raw.execute(
                "SELECT position FROM offsets WHERE reader = ? AND topic = ?",
                (self._group, topic),
            ).fetchone()
            self._next[topic] = row[0] if row else 0
        return bool(fresh)

    def _read(self, raw: sqlite3.Connection, limit: int) -> list[Delivery]:
        """Up to `limit` events over all topics, oldest first, so that none starves."""
        rows: list[tuple[str, tuple[Any, ...]]] = []
        for topic, position in self._next.items():
            rows += [(topic, row) for row in raw.execute(NEXT, (topic, position, limit))]
        rows.sort(key=lambda item: item[1][0])
        found = []
        for topic, (position, event_id, key, payload, time_us, headers) in rows[:limit]:
            event = Event(event_id, topic, key, payload, instant(time_us), json.loads(headers))
            found.append(Delivery(event, 0, position))
            self._next[topic] = position
        return found

    def commit(self, deliveries: Sequence[Delivery]) -> None:
        done: dict[str, int] = {}
        for delivery in deliveries:
            topic = delivery.event.topic
            done[topic] = max(delivery.offset, done.get(topic, 0))
        if not done:
            return
        with _answers("store how far a group has read"):
            raw = self._open()
            with _writing(raw):
                raw.executemany(
                    "INSERT INTO offsets (reader, topic, position) VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET position = excluded.position",
                    [(self._group, topic, position) for topic, position in done.items()],
                )

    def lag(self) -> Mapping[str, int]:
        with _answers("count events"):
            raw = self._open()
            return {
                topic: raw.execute(
                    "SELECT count(*) FROM records WHERE topic = ? AND position > coalesce("
                    "(SELECT position FROM offsets WHERE reader = ? AND topic = ?), 0)",
                    (topic, self._group, topic),
                ).fetchone()[0]
                for topic in self._next
            }

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._seen = -1

    def close(self) -> None:
        self._drop()
        self._next.clear()
        for turn in self._turns.values():
            turn.release()
