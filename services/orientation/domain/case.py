"""A case as a set of facts: merging keeps, field by field, what was said last.

The merge is a join of sets: the same updates in any order, any number of times, give
the same state. A fact wins by (what kind of time it has, when it was said, its value).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from services.orientation.domain.findings import Finding

Value = str | float | bool | tuple[float, ...] | tuple[str, ...]
MOST_UPDATES = 512  # ids kept to count revisions
MOST_FINDINGS = 200
NEVER = datetime(1, 1, 1, tzinfo=UTC)


class Dating(IntEnum):
    """How well a fact is dated; a better dated one wins over a worse dated one."""

    OPENING = 0  # the message that opens the case, with no time of sending
    UNDATED = 1  # a later message that says nowhere when it was sent
    DATED = 2


class Fact(NamedTuple):
    """One value of one field, with when it was said. Fields: see `case_field`."""

    field: str
    value: Value
    said: datetime = NEVER
    dating: Dating = Dating.DATED

    def __repr__(self) -> str:
        """Without the value: what was said of a patient reaches no log."""
        return f"Fact({self.field!r}, said={self.said!r}, dating={self.dating!r})"

    def order(self) -> tuple[int, datetime, str, str]:
        """Later wins; at the same instant the greater text does, so that ties are settled."""
        return (self.dating, self.said, type(self.value).__name__, repr(self.value))


SEPARATOR = "|"
Scope = dict[str, dict[str, Fact]]


def case_field(*parts: str) -> str:
    """The key of a field: "priority", "patient|<id>|age_years", "vehicle|<id>|state" ..."""
    return SEPARATOR.join(part.replace(SEPARATOR, "_") for part in parts)


@dataclass(frozen=True, slots=True)
class CaseUpdate:
    """What one message says about one case."""

    case_id: str
    update_id: str
    facts: tuple[Fact, ...] = dataclasses.field(default=(), repr=False)
    findings: tuple[Finding, ...] = ()
    opens: bool = False
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class CaseState:
    """Everything that was said of a case so far."""

    facts: Mapping[str, Fact] = dataclasses.field(default_factory=dict, repr=False)
    findings: frozenset[Finding] = frozenset()
    updates: frozenset[str] = frozenset()
    opened: bool = False
    _scopes: dict[str, Scope] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    @property
    def revision(self) -> int:
        return len(self.updates)

    @property
    def begun(self) -> datetime | None:
        """The earliest instant at which anything known of the case was said."""
        return min((fact.said for fact in self.facts.values() if fact.said != NEVER), default=None)

    def value(self, name: str) -> Value | None:
        fact = self.facts.get(name)
        return None if fact is None else fact.value

    def text(self, name: str) -> str:
        fact = self.facts.get(name)
        return fact.value if fact is not None and isinstance(fact.value, str) else ""

    def number(self, name: str) -> float | None:
        value = self.value(name)
        return float(value) if isinstance(value, int | float) else None

    def numbers(self, name: str) -> tuple[float, ...]:
        value = self.value(name)
        if not isinstance(value, tuple):
            return ()
        return tuple(float(part) for part in value if not isinstance(part, str))

    def scope(self, kind: str) -> Scope:
        """id → name → fact of every field "kind|id|name", ids in order; not to be changed."""
        if not self._scopes:
            self._scopes["flag"] = {}  # so that a case without any is looked through once
            for key in sorted(key for key in self.facts if SEPARATOR in key):
                first, owner, name = key.split(SEPARATOR, 2)
                found = self._scopes.setdefault(first, {})
                found.setdefault(owner, {})[name] = self.facts[key]
        return self._scopes.get(kind, {})


EMPTY = CaseState()


def merge(state: CaseState, update: CaseUpdate) -> CaseState:
    """The state after one more update; harmless when it was merged before."""
    facts = dict(state.facts)
    for fact in update.facts:
        known = facts.get(fact.field)
        if known is None or known.order() < fact.order():
            facts[fact.field] = fact
    updates = state.updates
    if len(updates) < MOST_UPDATES:
        updates = updates | {update.update_id}
    findings = state.findings | set(update.findings)
    if len(findings) > MOST_FINDINGS:
        findings = frozenset(sorted(findings)[:MOST_FINDINGS])
    return CaseState(facts, findings, updates, state.opened or update.opens)


def merge_all(updates: Iterable[CaseUpdate]) -> CaseState:
    state = EMPTY
    for update in updates:
        state = merge(state, update)
    return state
