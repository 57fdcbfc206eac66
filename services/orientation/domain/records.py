"""What is kept of a case, and how its state is written down and read back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from services.orientation.domain.case import CaseState, Dating, Fact, Value
from services.orientation.domain.findings import REMEDIES, Finding
from services.orientation.domain.severity import Band

FORMAT = 1


@dataclass(frozen=True, slots=True)
class CaseKey:
    """Keyed hash of a case id; exercise cases live in a world of their own."""

    value: str
    exercise: bool

    def order(self) -> tuple[str, bool]:
        """Locks are taken in this order everywhere."""
        return self.value, self.exercise


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What was suggested first, against which a decision is compared."""

    decision_type: str = ""
    resource_type: str = ""
    finess_geo: str = ""


@dataclass(frozen=True, slots=True)
class StoredCase:
    """A case as it is kept. `counted_group` is the group it was last told under."""

    state: CaseState = field(repr=False)
    suggestion: Suggestion
    counted_group: str
    band: Band
    department: str
    owner: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """The fact that a case was oriented: nothing that could name anybody."""

    syndrome_group: str
    previous_group: str
    band: Band
    department: str
    oriented: datetime
    called: datetime


def state_content(state: CaseState) -> dict[str, object]:
    """What is kept of a state, for JSON: texts, numbers, truths, instants and lists of them."""
    return {
        "format": FORMAT,
        "facts": {
            name: (fact.value, fact.said, int(fact.dating)) for name, fact in state.facts.items()
        },
        "findings": sorted([f.code, f.path] for f in state.findings),
        "updates": sorted(state.updates),
        "opened": state.opened,
    }


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def state_from_text(text: str) -> CaseState:
    kept = json.loads(text)
    facts = {}
    for name, (value, said, dating) in kept["facts"].items():
        held: Value = tuple(value) if isinstance(value, list) else value
        facts[name] = Fact(name, held, datetime.fromisoformat(said), Dating(dating))
    findings = frozenset(Finding(c, p) for c, p in kept["findings"] if c in REMEDIES)
    return CaseState(facts, findings, frozenset(kept["updates"]), kept["opened"])
