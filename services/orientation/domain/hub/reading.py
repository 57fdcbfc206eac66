"""What a reader needs while it walks through one message, and what it collects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.orientation.domain.case import Dating, Fact, Value
from services.orientation.domain.findings import Finding
from services.orientation.domain.hub.freetext import Phrases
from services.orientation.domain.hub.schema import Check
from services.orientation.domain.motives import Vocabulary


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The code lists and schemas that a message is read with."""

    schemas: Mapping[str, Check]
    vocabulary: Vocabulary
    facts: frozenset[str]
    vehicle_types: frozenset[str]
    finess: frozenset[str]
    flags: frozenset[str]
    phrases: Phrases = field(default_factory=Phrases)


@dataclass(slots=True)
class Notebook:
    """Facts and findings taken down from one message."""

    lexicon: Lexicon
    path: str
    said: datetime
    dating: Dating
    facts: list[Fact] = field(default_factory=list, repr=False)
    findings: list[Finding] = field(default_factory=list)

    def note(self, name: str, value: Value | None, said: datetime | None = None) -> None:
        """Takes a value down; one without is left out, never written as empty."""
        if value is None or value == "":
            return
        if said is None:
            self.facts.append(Fact(name, value, self.said, self.dating))
        else:
            self.facts.append(Fact(name, value, said, Dating.DATED))

    def find(self, code: str, path: str) -> None:
        self.findings.append(Finding(code, f"{self.path}.{path}" if path else self.path))

    def at(self, path: str) -> str:
        return f"{self.path}.{path}"


def part(tree: Any, *names: str) -> Mapping[str, Any]:
    """The object at a path, empty when there is none: dirty messages must not stop us."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, dict) else {}


def entries(tree: Any, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Index and object of each entry of a list, whatever else the list holds."""
    found = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(found, list):
        for index, entry in enumerate(found[:200]):
            if isinstance(entry, dict):
                yield index, entry


def text(tree: Mapping[str, Any], name: str, longest: int = 128) -> str:
    """A text of the object, or "" when it is missing, too long or something else.

    A text with control characters or half characters is something else: a store may
    refuse it, and no code or id holds one.
    """
    value = tree.get(name)
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        return ""
    return value.strip()


def number(tree: Mapping[str, Any], name: str) -> float | None:
    value = tree.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
