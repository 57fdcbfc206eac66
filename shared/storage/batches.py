"""Statements put together once, then handed to the driver as they are: many rows, few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Row, Select, Update

# Rows in one step on SQLite, the largest first. Between two steps its driver lets other threads
# in, and to be let in again takes longer than to write a row.
AT_ONCE = (32, 8)

Values = tuple[Any, ...]
Statement = Insert | Update | Delete | Select[Any]


class Batch:
    """One statement for many rows, several times as quick as putting it together each time.

    A row is a tuple in the order of `columns`, the names of the statement's open values. Nothing
    is converted on the way: values are text, whole numbers, floats, bytes, truth or None.
    No two rows of an insert that minds conflicts may have the same key.
    """

    def __init__(self, statement: Insert | Update | Delete, columns: Sequence[str]) -> None:
        self._statement, self._columns = statement, tuple(columns)
        self._ready: dict[str, _Ready] = {}

    def write(self, connection: Connection, rows: Sequence[Values]) -> None:
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
        ready = _put_together(self._statement, self._columns, connection)
        one = f"({', '.join('?' * len(self._columns))})"
        if not isinstance(self._statement, Insert) or ready.text.count(one) != 1:
            return ready
        ready.at_once = tuple(
            (size, ready.text.replace(one, ", ".join([one] * size))) for size in AT_ONCE
        )
        return ready


class Query:
    """A question that is asked again and again, with other values.

    Answers are as the driver gives them: a truth may be 0 or 1, an instant a text.
    """

    def __init__(self, statement: Select[Any], names: Sequence[str] = ()) -> None:
        self._statement, self._names = statement, tuple(names)
        self._ready: dict[str, _Ready] = {}

    def rows(self, connection: Connection, *values: Any) -> Sequence[Row[Any]]:
        """Values in the order of `names`, the open values of the statement."""
        name = connection.dialect.name
        if name not in self._ready:
            self._ready[name] = _put_together(self._statement, self._names, connection)
        ready = self._ready[name]
        given = values if ready.arrange is None else ready.arrange(values)
        return connection.exec_driver_sql(ready.text, given).all()


def _put_together(statement: Statement, columns: Values, connection: Connection) -> _Ready:
    words: dict[str, Any] = {}
    if not isinstance(statement, Select):
        words = {"column_keys": list(columns), "for_executemany": True}
    made = statement.compile(dialect=connection.dialect, **words)
    text = str(made)
    fixed = {name: value for name, value in made.params.items() if name not in columns}
    order = getattr(made, "positiontup", None)
    if order is None:  # values are found by their names
        return _Ready(text, lambda row: fixed | dict(zip(columns, row, strict=True)))
    if tuple(order) == columns:
        return _Ready(text, None)
    rest = tuple(fixed.values())
    places = [*columns, *fixed]
    picked = [places.index(name) for name in order]

    def arrange(row: Values) -> Values:
        whole = row + rest
        return tuple([whole[place] for place in picked])

    return _Ready(text, arrange)


class _Ready:
    """The statement in the words of a driver; `arrange` puts a row as the driver wants it."""

    __slots__ = ("arrange", "at_once", "text")

    def __init__(
        self,
        text: str,
        arrange: Callable[[Values], Any] | None,
        at_once: tuple[tuple[int, str], ...] = (),
    ) -> None:
        self.text, self.arrange, self.at_once = text, arrange, at_once
