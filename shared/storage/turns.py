"""One at a time across processes: a turn is held by one holder and lost with its life."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from shared.storage.away import refusals


def number_of(name: str) -> int:
    """A stable 64-bit number for a PostgreSQL advisory lock."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class FileTurn:
    """A lock on a file beside the database: the system frees it when the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def take(self, *, wait: bool = False) -> bool:
        """True when this holder now has the turn."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Gives the turn to whoever asks next."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Turn(Protocol):
    """The right to be the only one doing something, with transactions to do it in."""

    def connection(self) -> AbstractContextManager[Connection]:
        """A transaction's connection; raises Unavailable when the turn may be lost."""
        ...

    def release(self) -> None: ...


class SqliteTurn:
    """A turn whose transactions are the database's own."""

    def __init__(
        self, held: FileTurn, begin: Callable[[], AbstractContextManager[Connection]]
    ) -> None:
        self._held = held
        self._begin = begin

    def connection(self) -> AbstractContextManager[Connection]:
        return self._begin()

    def release(self) -> None:
        self._held.release()


class PostgresTurn:
    """An advisory lock and the one connection that holds it.

    All work under the turn runs on that connection: when it breaks, the server frees
    the lock, and nothing more can be written under a turn that was lost.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with refusals(), self._connection.begin():
            yield self._connection

    def release(self) -> None:
        # Unlocking hands the turn on at once; where that cannot be said any more, the
        # server frees it when it notices that the connection is gone.
        try:
            with self._connection.begin():
                self._connection.execute(text("SELECT pg_advisory_unlock_all()"))
        except SQLAlchemyError:
            self._connection.invalidate()
        self._connection.close()


def take_advisory(connection: Connection, name: str) -> bool:
    """True when `connection` now holds the lock `name` until it is closed."""
    with connection.begin():
        query = text("SELECT pg_try_advisory_lock(:number)")
        return bool(connection.execute(query, {"number": number_of(name)}).scalar_one())
