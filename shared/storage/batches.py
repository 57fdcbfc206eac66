"""Statements that write many rows: put together once, then handed to the driver as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Update

# Rows in one step on SQLite, the largest first. Between two steps its driver lets other threads
# in, and to be let in again takes longer than to write a row.
AT_ONCE = (32, 8)

Row = tuple[Any, ...]


class Batch:
    """One statement for many rows, several times as quick as putting it together each time.

    A row is a tuple in the order of `columns`, the names of the statement's open values. Nothing
    is converted on the way: values are text, whole numbers, floats, bytes, truth or None.
    No two rows of an insert that minds conflicts may have the same key.
    """

    def __init__(self, statement: Insert | Update | Delete, columns: Sequence[str]) -> None:
        self._statement, self._columns = statement, tuple(columns)
        self._ready: dict[str, _Ready] = {}

    def write(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Writes every row, in this order; nothing when there is none."""
        if not rows:
            return
        name = connection.dialect.name
        if name not in self._ready:
            self._ready[name] = self._put_together(connection)
        ready = self._ready[name]
        arranged = rows if ready.arrange is None else [ready.arrange(row) for row in rows]
        done = 0
        for size, text in ready.at_once:
            while done + size <= len(arranged):
                together = tuple(value for row in arranged[done : done + size] for value in row)
                connection.exec_driver_sql(text, together)
                done += size
        if done < len(arranged):
            connection.exec_driver_sql(ready.text, list(arranged[done:]))

    def _put_together(self, connection: Connection) -> _Ready:
        made = self._statement.compile(
            dialect=connection.dialect, column_keys=list(self._columns), for_executemany=True
        )
        text, columns = str(made), self._columns
        fixed = {name: value for name, value in made.params.items() if name not in columns}
        order = getattr(made, "positiontup", None)
        if order is None:  # values are found by their names
            return _Ready(text, lambda row: fixed | dict(zip(columns, row, strict=True)))
        arrange: Callable[[Row], Any] | None = None
        if fixed:
            rest = tuple(fixed.values())
            places = [*columns, *fixed]
            pick = itemgetter(*(places.index(name) for name in order))
            arrange = lambda row: pick(row + rest)  # noqa: E731  as short as its neighbours
        elif tuple(order) != columns:
            arrange = itemgetter(*(columns.index(name) for name in order))
        one = f"({', '.join('?' * len(columns))})"
        if not isinstance(self._statement, Insert) or text.count(one) != 1:
            return _Ready(text, arrange)
        at_once = [(size, text.replace(one, ", ".join([one] * size))) for size in AT_ONCE]
        return _Ready(text, arrange, tuple(at_once))


class _Ready:
    """The statement in the words of a driver; `arrange` puts a row as the driver wants it."""

    __slots__ = ("arrange", "at_once", "text")

    def __init__(
        self,
        text: str,
        arrange: Callable[[Row], Any] | None,
        at_once: tuple[tuple[int, str], ...] = (),
    ) -> None:
        self.text, self.arrange, self.at_once = text, arrange, at_once
