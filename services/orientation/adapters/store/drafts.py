"""What is written down of cases before it reaches the store: gathered, expected, checked later.

A draft is made without the store, from the cases that this process saw last. When it is kept
the store says whether they were still the last ones. So the next group of calls is answered
while this one is written.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from google.protobuf.message import Message

from services.orientation.adapters.store.tables import to_us
from services.orientation.adapters.store.texts import canonical, state_to_text
from services.orientation.domain.board import ENDED
from services.orientation.domain.case import CaseState
from services.orientation.domain.ledger import Entry
from services.orientation.domain.records import (
    CaseKey,
    Counted,
    StoredCase,
    state_from_text,
    text_hash,
)
from services.orientation.wire.events import oriented_event
from shared.events import Event

HOT_CASES = 20_000
# Looked at when an update seems to be another case's: what is open at once, at the busiest centre.
MOST_OTHERS = 256
Held = tuple[str, StoredCase]  # a case with the text of its state
Remembered = Callable[[list[tuple[CaseKey, str]]], None]  # told of the states that were kept


class HotCases:
    """The newest cases as this process knows them: those kept, and those about to be."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self._kept: OrderedDict[CaseKey, Held] = OrderedDict()
        self._expected: dict[CaseKey, Held] = {}
        self._heard: OrderedDict[CaseKey, str] = OrderedDict()
        self._remembered = remembered
        self._lock = threading.Lock()

    def state(self, key: CaseKey) -> CaseState | None:
        """The case as it was seen last, by this process or by one that told of it."""
        with self._lock:
            text = self._heard.get(key)
            held = self._expected.get(key) or self._kept.get(key)
        if text is not None:
            return state_from_text(text)
        return None if held is None else held[1].state

    def heard(self, cases: Iterable[tuple[CaseKey, str]]) -> None:
        """Another process that answers for this one kept these states, as text."""
        with self._lock:
            for key, text in cases:
                self._heard[key] = text
                self._heard.move_to_end(key)
            while len(self._heard) > HOT_CASES:
                self._heard.popitem(last=False)

    def last(self, key: CaseKey) -> Held | None:
        with self._lock:
            return self._expected.get(key) or self._kept.get(key)

    def newest(self, most: int) -> list[tuple[CaseKey, CaseState]]:
        with self._lock:
            found = dict(islice(reversed(self._kept.items()), most))
            return [(key, held[1].state) for key, held in (found | self._expected).items()]

    def expect(self, key: CaseKey, held: Held) -> None:
        with self._lock:
            self._expected[key] = held

    def expect_no_more(self, written: Mapping[CaseKey, Held]) -> None:
        """Those that nobody changed again in the meantime."""
        with self._lock:
            for key, held in written.items():
                if self._expected.get(key) is held:
                    del self._expected[key]

    def remember(self, written: Mapping[CaseKey, Held]) -> None:
        with self._lock:
            for key, held in written.items():
                self._heard.pop(key, None)
                self._kept[key] = held
                self._kept.move_to_end(key)
            while len(self._kept) > HOT_CASES:
                self._kept.popitem(last=False)
        if self._remembered is not None:
            self._remembered([(key, text) for key, (text, _) in written.items()])


class Gathered:
    """Cases and entries of the log that wait to be written."""

    def __init__(self, hot: HotCases, now: datetime) -> None:
        self._hot, self._now = hot, now
        self.written: dict[CaseKey, Held] = {}
        self.entries: list[tuple[Entry, str]] = []

    def others(self, key: CaseKey) -> Sequence[CaseState]:
        """At most MOST_OTHERS; another copy of the service knows others."""
        found = {k: case.state for k, (_, case) in self.written.items()}
        for other, state in self._hot.newest(MOST_OTHERS):
            found.setdefault(other, state)
        return [s for k, s in found.items() if k != key and k.exercise == key.exercise]

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        text = state_to_text(case.state)
        self.written[key] = text, case
        return text_hash(text)

    def log(self, kind: str, key: CaseKey, content: Mapping[str, Any]) -> None:
        """One entry of the decision log; it gets its place in the chain at the end."""
        self.entries.append((Entry(kind, to_us(self._now), canonical(content)), key.value))


class SqlDraft(Gathered):
    """What is to be kept of a group of calls, and what of each case it was made from."""

    def __init__(
        self,
        hot: HotCases,
        now: datetime,
        event: Callable[[Message], Event],
        keep: Callable[[SqlDraft], bool],
    ) -> None:
        super().__init__(hot, now)
        self._event, self._keep = event, keep
        self.made_from: dict[CaseKey, Held | None] = {}
        self.events: list[Event] = []

    def case(self, key: CaseKey) -> StoredCase | None:
        if key in self.written:
            return self.written[key][1]
        held = self.made_from[key] = self._hot.last(key)
        return None if held is None else held[1]

    def put_case(self, key: CaseKey, case: StoredCase) -> str:
        hashed = super().put_case(key, case)
        self._hot.expect(key, self.written[key])
        return hashed

    def tell_oriented(self, key: CaseKey, counted: Counted) -> None:
        self.events.append(self._event(oriented_event(key, counted)))

    def keep(self) -> bool:
        try:
            return self._keep(self)
        finally:
            self.drop()

    def drop(self) -> None:
        self._hot.expect_no_more(self.written)


CASE_COLUMNS = (
    "case_key",
    "exercise",
    "state",
    "revision",
    "suggested_decision",
    "suggested_resource",
    "suggested_finess",
    "counted_group",
    "band",
    "department",
    "owner",
    "changed_us",
    "ended",
)
CaseRow = tuple[str, bool, str, int, str, str, str, str, int, str, str, int, bool]


def case_row(key: CaseKey, text: str, case: StoredCase) -> CaseRow:
    """In the order of CASE_COLUMNS."""
    return (
        key.value,
        key.exercise,
        text,
        case.state.revision,
        case.suggestion.decision_type,
        case.suggestion.resource_type,
        case.suggestion.finess_geo,
        case.counted_group,
        int(case.band),
        case.department,
        case.owner,
        to_us(case.changed),
        case.state.text("status") in ENDED,
    )


def blank(key: CaseKey) -> CaseRow:
    return key.value, key.exercise, "", 0, "", "", "", "", 0, "", "", 0, False
