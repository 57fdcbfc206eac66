"""A service's own database, SQLite or PostgreSQL: transactions, migrations, turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf.message import Message
from sqlalchemy import Connection, Engine, MetaData

from shared.clock import Clock, SystemClock
from shared.events.event import Event, event_of
from shared.storage import migrations
from shared.storage.away import busy, refusals
from shared.storage.copying import CopyBack
from shared.storage.engines import BUSY_SECONDS, READ_ONLY, open_engine, parse
from shared.storage.line import Line
from shared.storage.schema import plumbing_tables
from shared.storage.transaction import Transaction
from shared.storage.turns import FileTurn, PostgresTurn, SqliteTurn, Turn, take_advisory


class Database:
    """Opens transactions; one per process, shared by all its threads.

    What survives: a committed transaction survives the death of the process (SIGKILL)
    on both databases. On SQLite the default is write-ahead mode with
    `synchronous=NORMAL`: a commit is in the system's hands and takes about 0.1 ms, but
    the last commits before a power cut may be lost (the file stays whole). Where that
    matters, add `?synchronous=full` to the address (one disk flush a commit) or use
    PostgreSQL, which always flushes.

    When the database is away every call raises Unavailable STORE_AWAY; when it is back
    the next call works, without a restart of the service.
    """

    def __init__(self, engine: Engine, *, clock: Clock, producer: str, file: Path | None) -> None:
        self.engine = engine
        self.clock = clock
        self.plumbing = plumbing_tables(MetaData())
        # Set after a commit that published, or that made waiting facts ready.
        self.outbox_grew = threading.Event()
        self.facts_ready = threading.Event()
        self._producer = producer
        self._file = file
        self._writer = Line()
        self._writing = threading.local()
        self._copying: CopyBack | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock | None = None,
        producer: str = "",
        pool_size: int = 10,
    ) -> Database:
        """The database at `url`: sqlite:///file[?synchronous=full] or postgresql://…

        Connects at first use. `clock` stamps the facts, `producer` names this service
        in their headers. Refuses Malformed STORE_URL_MALFORMED.
        """
        parsed = parse(url)
        file = Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None
        return cls(
            open_engine(parsed, pool_size),
            clock=clock or SystemClock(),
            producer=producer,
            file=file,
        )

    def event(self, message: Message) -> Event:
        """The fact `message` as this service tells it, for `publish_event` of a later transaction.

        Made under the trace of now. Refuses TooMuch EVENT_TOO_LARGE.
        """
        return event_of(message, clock=self.clock, producer=self._producer)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits at the end of the block, rolls back on any exception.

        Refuses Unavailable STORE_AWAY or STORE_BUSY; nothing was written then. A
        commit whose answer was lost may have been written: repeat it idempotently.
        """
        with self._connection(writes=True) as connection:
            tx = Transaction(connection, self.plumbing, self.clock, self._producer)
            yield tx
            tx.flush()
        if self._copying is not None:
            self._copying.wrote()
        if tx.published:
            self.outbox_grew.set()
        if tx.announced:
            self.facts_ready.set()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads; never waits for writers on SQLite."""
        with self._connection(writes=False) as connection:
            yield Transaction(connection, self.plumbing, self.clock, self._producer)

    @contextmanager
    def _connection(self, *, writes: bool) -> Iterator[Connection]:
        with (
            refusals(),
            self._in_line(writes and self._file is not None),
            self.engine.connect() as connection,
        ):
            if not writes:
                connection.execution_options(**{READ_ONLY: True})
            with connection.begin() as begun:
                yield connection
                if not writes:
                    begun.rollback()

    @contextmanager
    def _in_line(self, needed: bool) -> Iterator[None]:
        """Threads of this process write to SQLite one after the other.

        SQLite would make them wait too, but by sleeping ever longer; the line wakes the
        next one at once and in turn.
        """
        if not needed:
            yield
            return
        if getattr(self._writing, "now", False):
            raise RuntimeError("this thread already has an open transaction: use that one")
        if not self._writer.acquire(BUSY_SECONDS):
            raise busy()
        self._writing.now = True
        try:
            yield
        finally:
            self._writing.now = False
            self._writer.release()

    def migrate(self, script_location: str) -> None:
        """Brings the tables to the newest revision found in folder `script_location`.

        Safe when several processes start at once: they take turns, the later ones find
        nothing left to do. Refuses NotNow STORE_NEWER when the tables were made by a
        newer version, and Unavailable STORE_AWAY.
        """
        if self._file is None:
            with self._connection(writes=True) as connection:
                migrations.wait_in_line(connection)
                migrations.upgrade(connection, script_location)
            return
        turn = self._file_turn("migrate")
        turn.take(wait=True)
        try:
            with self._connection(writes=True) as connection:
                migrations.upgrade(connection, script_location)
        finally:
            turn.release()

    def check_migrated(self, script_location: str) -> None:
        """Refuses Unavailable STORE_OLDER until another process brought the tables up to date."""
        with self._connection(writes=False) as connection:
            migrations.check(connection, script_location)

    def try_turn(self, name: str) -> Turn | None:
        """The right to be the only one doing `name` on this database, if it is free.

        Freed by `release()`, by the end of the process and by a lost connection.
        """
        if self._file is not None:
            held = self._file_turn(name)
            if not held.take():
                return None
            return SqliteTurn(held, lambda: self._connection(writes=True))
        with refusals():
            connection = self.engine.connect()
            try:
                if take_advisory(connection, name):
                    return PostgresTurn(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            connection.close()
            return None

    def _file_turn(self, name: str) -> FileTurn:
        file = self._file
        if file is None:
            raise RuntimeError("only an SQLite database has files to lock")
        return FileTurn(file.with_name(f"{file.name}.{name}.turn"))

    def copy_back_beside(self) -> None:
        """Copies SQLite's write-ahead file back on a thread of its own until `close`.

        For a process that serves; nothing to do on PostgreSQL.
        """
        if self._file is not None and self._copying is None:
            self._copying = CopyBack(self.engine)
            self._copying.start()

    def close(self) -> None:
        """Closes every connection."""
        if self._copying is not None:
            self._copying.stop()
            self._copying = None
        self.engine.dispose()
