"""The part of JSON Schema that the Hub's schemas use, compiled once into closures.

A general validator takes milliseconds for one RS-EDA; this one takes a fraction of that
and is checked against the general one in the tests. A keyword it does not know is an
error when the schema is compiled, never silently ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["missing", "unknown", "type", "value"]
Check = Callable[[Any, str, "list[Violation]"], None]
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}
SILENT = frozenset(
    [
        "$schema",
        "$id",
        "x-id",
        "version",
        "example",
        "title",
        "description",
        "x-cols",
        "x-display",
        "x-health-only",
        "definitions",
        "format",
    ]
)
HANDLED = frozenset(
    [
        "type",
        "required",
        "properties",
        "additionalProperties",
        "$ref",
        "pattern",
        "enum",
        "items",
        "minItems",
        "maxItems",
    ]
)


# The schemas' pattern of an id lets a long text be cut in a vast number of ways: trying
# them all would hold the service for hours.
SLOW_ID = re.compile(r"\^\(\[a-zA-Z0-9_-\]\+\\\.\?\)\{(\d+),(\d+)\}\$")


def quick_pattern(pattern: str) -> str:
    """The same rule in a form that takes one look at each character."""
    slow = SLOW_ID.fullmatch(pattern)
    if slow is None:
        return pattern
    least, most = int(slow[1]), int(slow[2])
    word = "[a-zA-Z0-9_-]"
    return rf"^(?=(?:\.?{word}){{{least}}}){word}+(?:\.{word}+){{0,{most - 1}}}\.?$"


@dataclass(frozen=True, slots=True)
class Violation:
    """`kind` says what is wrong at `path`; no content of the message is kept."""

    kind: Kind
    path: str
    asked: str = ""


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """A function (value, path, out) that appends a Violation for each rule broken."""
    definitions: Mapping[str, Any] = schema.get("definitions", {})
    built: dict[str, Check] = {}

    def by_name(name: str) -> Check:
        def later(value: Any, path: str, out: list[Violation]) -> None:
            if name not in built:  # a definition may mention itself
                built[name] = build(definitions[name])
            built[name](value, path, out)

        return later

    def build(node: Mapping[str, Any]) -> Check:
        foreign = set(node) - SILENT - HANDLED
        if foreign:
            raise ValueError(f"schema keywords not handled: {sorted(foreign)}")
        if "$ref" in node:
            return by_name(str(node["$ref"]).removeprefix("#/definitions/"))
        checks = [check for check in (_type(node), _text(node), _list(node)) if check]
        checks += [check for check in (_members(node, build), _items(node, build)) if check]

        def run(value: Any, path: str, out: list[Violation]) -> None:
            for check in checks:
                check(value, path, out)

        return run

    return build(schema)


def _items(node: Mapping[str, Any], build: Callable[[Mapping[str, Any]], Check]) -> Check | None:
    if "items" not in node:
        return None
    each = build(node["items"])

    def check(value: Any, path: str, out: list[Violation]) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                each(item, f"{path}[{index}]", out)

    return check


def _type(node: Mapping[str, Any]) -> Check | None:
    if "type" not in node:
        return None
    name = str(node["type"])
    allowed = TYPES[name]

    def check(value: Any, path: str, out: list[Violation]) -> None:
        wrong_flag = isinstance(value, bool) and name != "boolean"
        if wrong_flag or not isinstance(value, allowed):
            out.append(Violation("type", path, name))

    return check


def _text(node: Mapping[str, Any]) -> Check | None:
    pattern = re.compile(quick_pattern(node["pattern"])) if "pattern" in node else None
    codes = frozenset(node["enum"]) if "enum" in node else None
    if pattern is None and codes is None:
        return None

    def check(value: Any, path: str, out: list[Violation]) -> None:
        if not isinstance(value, str):
            return
        if pattern is not None and not pattern.search(value):
            out.append(Violation("value", path, "pattern"))
        if codes is not None and value not in codes:
            out.append(Violation("value", path, "one of the listed codes"))

    return check


def _list(node: Mapping[str, Any]) -> Check | None:
    least, most = int(node.get("minItems", 0)), node.get("maxItems")
    if not least and most is None:
        return None

    def check(value: Any, path: str, out: list[Violation]) -> None:
        if isinstance(value, list) and (
            len(value) < least or (most is not None and len(value) > most)
        ):
            out.append(Violation("value", path, "another number of entries"))

    return check


def _members(node: Mapping[str, Any], build: Callable[[Mapping[str, Any]], Check]) -> Check | None:
    known = {name: build(child) for name, child in node.get("properties", {}).items()}
    required = tuple(node.get("required", ()))
    closed = node.get("additionalProperties") is False
    if not (known or required or closed):
        return None

    def check(value: Any, path: str, out: list[Violation]) -> None:
        if not isinstance(value, dict):
            return
        start = f"{path}." if path else ""
        out.extend(Violation("missing", f"{start}{name}") for name in required if name not in value)
        for name, child in value.items():
            rule = known.get(name)
            if rule is not None:
                rule(child, f"{start}{name}", out)
            elif closed:
                out.append(Violation("unknown", f"{start}{_safe(name)}"))

    return check


def _safe(name: str) -> str:
    """A name that the sender invented may hold anything: only a plain word is repeated."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name) else "(unnamed)"
