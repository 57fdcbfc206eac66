"""The protos' declarative rules, checked before a request reaches a use case."""

from __future__ import annotations

from functools import cache
from typing import Any

import protovalidate
from google.protobuf.message import Message

from shared.errors import Malformed


@cache
def _validator() -> Any:
    return protovalidate.Validator()


def _path(violation: Any) -> str:
    path = ""
    for element in violation.proto.field.elements:
        subscript = element.subscript
        path += f".{element.field_name}" if path else element.field_name
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    return path


def violations(message: Message) -> list[tuple[str, str]]:
    """(field path, what the rule asks for) of every rule that `message` breaks."""
    return [(_path(v), v.proto.message) for v in _validator().collect_violations(message)]


def validate(message: Message, prefix: str = "") -> None:
    """Malformed FIELD_INVALID naming the first field that breaks a rule, and the others."""
    broken = violations(message)
    if not broken:
        return
    field, asked = broken[0]
    others = ", ".join(sorted({path for path, _ in broken[1:] if path != field}))
    more = f" Also wrong: {others}." if others else ""
    where = f"{prefix}.{field}" if prefix and field else prefix or field
    raise Malformed(
        "FIELD_INVALID",
        f"{where or 'The request'}: {asked}. Correct the value and send it again.{more}",
        field=where,
    )
