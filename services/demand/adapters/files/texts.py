"""Columns of names in files: text, or what can be read as text."""

from __future__ import annotations

from typing import Any

from shared.errors import Malformed


def as_text(column: Any, name: str, option: str) -> Any:
    """The column as text; refuses Malformed COLUMN_TYPE bytes that are no UTF-8."""
    try:
        return column.astype(str)
    except UnicodeDecodeError:
        raise Malformed(
            "COLUMN_TYPE", f"{name} must be text and holds other bytes.", field=f"{option} {name}"
        ) from None
