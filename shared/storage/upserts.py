"""Insert-or-update in one statement, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str] | None = None,
) -> int:
    """Writes `rows`; where a row with the same `key` exists, sets its `update` columns.

    `update` left out sets every given column outside the key; empty keeps the stored
    row. All rows name the same columns. Returns the number of rows written.
    """
    if not rows:
        return 0
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(table)
    changed = [c for c in rows[0] if c not in key] if update is None else list(update)
    if changed:
        statement = statement.on_conflict_do_update(
            index_elements=list(key),
            set_={column: statement.excluded[column] for column in changed},
        )
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    counted = {"preserve_rowcount": True}
    return connection.execute(statement, list(rows), execution_options=counted).rowcount
