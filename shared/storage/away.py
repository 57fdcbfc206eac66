"""Which database errors mean "away, try again", said as the refusal Unavailable."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.errors import Unavailable

# PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL.
# Not ERROR (1): a missing table or a wrong statement is our bug.
SQLITE_AWAY = frozenset({3, 5, 6, 7, 8, 9, 10, 13, 14, 15})
# Connection, resources, operator intervention, system, rolled back by the server.
POSTGRES_AWAY = ("08", "53", "57", "58", "40")
POSTGRES_LOCK_NOT_AVAILABLE = "55P03"


def away(code: str = "") -> Unavailable:
    """The refusal for a store that does not answer."""
    return Unavailable(
        "STORE_AWAY",
        "The database does not answer. Nothing was written. Check that it runs, has free "
        "disk space and is reachable, then send the same request again.",
        **({"code": code} if code else {}),
    )


def busy() -> Unavailable:
    """The refusal for a store whose writers queue for too long."""
    return Unavailable(
        "STORE_BUSY",
        "Other writers held the database for too long. Nothing was written. Send the same "
        "request again.",
    )


def refusal_for(error: DBAPIError) -> Unavailable | None:
    """The refusal that `error` means; None when it is our own mistake."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in (5, 6):
            return busy()
        return away(cause.sqlite_errorname) if code in SQLITE_AWAY else None
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate
        if state == POSTGRES_LOCK_NOT_AVAILABLE or (state or "").startswith("40"):
            return busy()
        if state is not None:
            return away(state) if state.startswith(POSTGRES_AWAY) else None
        lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
        return away() if lost else None
    return away() if error.connection_invalidated else None


@contextmanager
def refusals() -> Iterator[None]:
    """Turns errors of an absent database into Unavailable; lets every other one through.

    The original error is dropped, not chained: its text may quote stored values.
    """
    try:
        yield
    except PoolTimeoutError:
        raise busy() from None
    except DBAPIError as error:
        refusal = refusal_for(error)
        if refusal is None:
            raise
        raise refusal from None
