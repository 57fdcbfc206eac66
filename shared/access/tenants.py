"""Which sites or SAMUs a request is about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.message import Message

from shared.access.callers import EVERY
from shared.access.table import Rule

# A case of a SAMU is named after it; one that another force opened belongs to no SAMU.
OF_SAMU = re.compile(r"(fr\.health\.samu[0-9A-Za-z]+)(?:\..*)?", re.S)


def tenants_of(rule: Rule, request: Message) -> set[str]:
    """Every tenant that `request` names; EVERY where it asks for all of them."""
    if rule.whole_group:
        return {EVERY}
    found: set[str] = set()
    for path in rule.paths:
        for value in _values(request, path, empty_is_all=rule.empty_is_all):
            if rule.kind == "site":
                found.add(value or EVERY)
            else:
                found |= _samus(value)
    return found


def _values(request: Message, path: str, *, empty_is_all: bool) -> Iterator[Any]:
    """What stands at a path; of alternatives ("a|b") the one that is set."""
    for way in path.split("|"):
        reached = list(_walk([request], way.split(".")))
        yield from reached
    if empty_is_all and "|" not in path and not _has(request, path):
        yield EVERY  # an empty list asks for all


def _has(request: Message, path: str) -> bool:
    first = path.split(".", maxsplit=1)[0]
    value = getattr(request, first)
    return isinstance(value, (str, bytes)) or len(value) > 0


def _walk(messages: Iterable[Any], steps: list[str]) -> Iterator[Any]:
    step, *rest = steps
    for message in messages:
        field = message.DESCRIPTOR.fields_by_name[step]
        if field.has_presence and not message.HasField(step):
            continue
        value = getattr(message, step)
        several = list(value) if field.is_repeated else [value]
        yield from _walk(several, rest) if rest else several


def _samus(value: Any) -> set[str]:
    if isinstance(value, bytes):
        return {s for case in _case_ids(value) for s in _samus(case)}
    if not value or value == EVERY:
        return {EVERY}
    found = OF_SAMU.fullmatch(value)
    return {found[1]} if found else set()


def _case_ids(hub_json: bytes) -> Iterator[str]:
    """Case ids anywhere in a Hub message; none when it is not JSON, which the service says.

    One nested too deep for us might still be read by who has more room: it is about all.
    """
    try:
        left: list[Any] = [json.loads(hub_json)]
    except ValueError:
        return
    except RecursionError:
        yield EVERY
        return
    while left:
        value = left.pop()
        if isinstance(value, dict):
            told = value.get("caseId")
            if isinstance(told, str) and told:
                yield told
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
