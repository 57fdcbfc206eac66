"""Score a case: merge what was said, answer, and keep both with the fact that is told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from services.orientation.domain.case import EMPTY, CaseState, CaseUpdate, merge
from services.orientation.domain.findings import Finding
from services.orientation.domain.hub.reader import Reading, read_payload
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.ledger import SUGGESTION
from services.orientation.domain.measured import measured
from services.orientation.domain.model import Scorer
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Answer, Knowledge, Question, orient_all
from services.orientation.domain.records import CaseKey, Counted, StoredCase, Suggestion
from services.orientation.domain.swapped import suspicious, swapped
from services.orientation.domain.typed import TypedUpdate, read_typed
from services.orientation.ports import Around, CaseBook, Draft, Keyer, Records, ScoringMeter
from shared.clock import Clock
from shared.tracing import traceparent


@dataclass(frozen=True, slots=True)
class Asked:
    """What one call says, who will see the answer, and the trace that its facts carry on."""

    reading: Reading
    shown_to: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]


Keyed = list[tuple[CaseKey, CaseUpdate]]


class _Touched(NamedTuple):
    """A case after one update of the call with this number; `counted` before the group."""

    call: int
    key: CaseKey
    update: CaseUpdate
    state: CaseState
    counted: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """Answers to a group of calls, and the draft of what is to be kept before they are given."""

    group: Sequence[Asked]
    keyed: list[Keyed] = field(repr=False)
    now: datetime
    draft: Draft | None  # None: nothing is said of any case
    scored: list[Scored]


@dataclass(frozen=True, slots=True)
class ScoreCase:
    """Answers for the cases that messages touch, committed before they are given.

    `prepare` and `keep` are the two halves of `together`: while one group is kept the next
    one can be prepared, in this order.
    """

    records: Records
    around: Around
    knowledge: Knowledge
    lexicon: Lexicon = field(repr=False)
    model: Scorer | None
    keyer: Keyer
    meter: ScoringMeter
    clock: Clock

    def read(self, payload: bytes) -> Reading:
        """What a Hub message says. Refuses as `read_payload` does; nothing is kept yet."""
        return read_payload(payload, self.lexicon)

    def read_typed(self, update: TypedUpdate) -> Reading:
        return Reading((read_typed(update, self.lexicon),), ())

    def __call__(self, reading: Reading, shown_to: str = "") -> Scored:
        return self.together([Asked(reading, shown_to, traceparent.get())])[0]

    def together(self, group: Sequence[Asked]) -> list[Scored]:
        """Answers several calls in one transaction, each as if it had come alone.

        All are kept or none: a refusal of the store is every call's.
        """
        return self.keep(self.prepare(group))

    def prepare(self, group: Sequence[Asked]) -> Prepared:
        """Answers from what this process saw last of each case; nothing is kept yet."""
        now = self.clock.now()
        keyed = [
            [(self.keyer.key(u.case_id, exercise=u.exercise), u) for u in asked.reading.updates]
            for asked in group
        ]
        self._look_around(group)
        if not any(keyed):
            return Prepared(group, keyed, now, None, self._scored(None, group, keyed, now))
        draft = self.records.draft()
        try:
            scored = self._scored(draft, group, keyed, now)
        except BaseException:
            draft.drop()
            raise
        return Prepared(group, keyed, now, draft, scored)

    def keep(self, made: Prepared) -> list[Scored]:
        """The answers once they are kept: `made.scored` itself, unless others wrote meanwhile.

        Where the store holds something else than was expected, as after a restart, all are
        answered again from what it holds.
        """
        scored = made.scored
        if made.draft is not None and not made.draft.keep():
            with self.records.open() as record:
                record.hold([key for pairs in made.keyed for key, _ in pairs])
                scored = self._scored(record, made.group, made.keyed, made.now)
        for one in scored:
            for answer in one.answers:
                self.meter.answered(measured(answer, model_missing=self.model is None))
        return scored

    def _scored(
        self, book: CaseBook | None, group: Sequence[Asked], keyed: list[Keyed], now: datetime
    ) -> list[Scored]:
        """Step by step for all calls of the group: merged, answered, written down."""
        answers: list[dict[CaseKey, Answer]] = [{} for _ in group]
        if book is not None:
            touched = self._merged(book, keyed)
            told = self._answers([(case.update, case.state) for case in touched], now)
            counted: dict[CaseKey, str] = {}
            for case, answer in zip(touched, told, strict=True):
                asked = group[case.call]
                answers[case.call][case.key] = answer
                # A group has facts of many callers: each carries its own caller's trace.
                traceparent.set(asked.trace)
                before = counted.get(case.key, case.counted)
                counted[case.key] = self._keep(
                    book, case, answer, counted=before, now=now, shown_to=asked.shown_to
                )
        return [
            Scored(tuple(found.values()), asked.reading.findings)
            for asked, found in zip(group, answers, strict=True)
        ]

    def _merged(self, book: CaseBook, keyed: list[Keyed]) -> list[_Touched]:
        """Each update with the state of its case after it, in the order in which they came."""
        newest: dict[CaseKey, CaseState] = {}
        out = []
        for call, pairs in enumerate(keyed):
            for key, update in pairs:
                stored = book.case(key)
                known = newest.get(key) or (stored.state if stored else None)
                said = update
                if known is not None:
                    said = self._held_against(book, key, update, known, newest)
                state = newest[key] = merge(known or EMPTY, said)
                counted = stored.counted_group if stored else ""
                out.append(_Touched(call, key, said, state, counted))
        return out

    def _look_around(self, group: Sequence[Asked]) -> None:
        """Before the store is held: a road router may take its time."""
        if self.around.now().roads is None:
            return
        for asked in group:
            for update in asked.reading.updates:
                for fact in update.facts:
                    if fact.field == "position" and isinstance(fact.value, tuple):
                        latitude, longitude = fact.value
                        self.around.prepare(float(latitude), float(longitude))

    def _keep(
        self,
        book: CaseBook,
        case: _Touched,
        answer: Answer,
        *,
        counted: str,
        now: datetime,
        shown_to: str,
    ) -> str:
        """Writes down a case with its answer, its fact and its entry in the decision log.

        Returns the group under which it is counted now; `counted` is the one before.
        """
        key, update, state = case.key, case.update, case.state
        group = answer.assessment.syndrome_group
        if state.opened and not key.exercise and group != counted:
            called = min(state.begun or now, now)
            book.tell_oriented(
                key, Counted(group, counted, answer.band, answer.department, now, called)
            )
            counted = group
        inputs = book.put_case(
            key,
            StoredCase(
                state,
                suggestion_of(answer),
                counted,
                answer.band,
                answer.department,
                state.text("owner"),
                now,
            ),
        )
        version = self.model.version if self.model else ""
        content = suggestion_entry(key, update, answer, version, self.knowledge.version)
        book.log(SUGGESTION, key, content | {"inputs": inputs, "shown_to": shown_to})
        return counted

    def _held_against(
        self,
        book: CaseBook,
        key: CaseKey,
        update: CaseUpdate,
        known: CaseState,
        newest: Mapping[CaseKey, CaseState],
    ) -> CaseUpdate:
        """With a finding where the update may be meant for another case.

        `newest` are the cases that the same group touched already.
        """
        vocabulary = self.knowledge.vocabulary
        if not suspicious(update, known, vocabulary):
            return update
        beside = [s for k, s in newest.items() if k != key and k.exercise == key.exercise]
        found = swapped(update, known, [*beside, *book.others(key)], vocabulary)
        return replace(update, findings=(*update.findings, found)) if found else update

    def _answers(
        self, cases: Sequence[tuple[CaseUpdate, CaseState]], now: datetime, *, late: bool = False
    ) -> list[Answer]:
        questions = [
            Question(update.case_id, state, update.exercise, late) for update, state in cases
        ]
        return orient_all(questions, self.knowledge, self.around.now(), self.model, now=now)

    def late(self, reading: Reading) -> Scored:
        """The rules' answer to a message whose time is up: no model, no store.

        What this process last saw of the case is taken along, so that a late answer is
        not milder for having forgotten.
        """
        now = self.clock.now()
        cases = []
        for update in reading.updates:
            key = self.keyer.key(update.case_id, exercise=update.exercise)
            cases.append((update, merge(self.records.hot(key) or EMPTY, update)))
        answers = self._answers(cases, now, late=True)
        for answer in answers:
            self.meter.answered(measured(answer, model_missing=self.model is None))
        return Scored(tuple(answers), reading.findings)


def suggestion_entry(
    key: CaseKey, update: CaseUpdate, answer: Answer, model: str, rules: str
) -> dict[str, object]:
    """What the decision log keeps of an answer: codes, figures and hashes, no words.

    The message is told by a hash of its id: a caller may have put anything into an id.
    """
    case = answer.assessment
    told: dict[str, object] = {
        "case": key.value,
        "exercise": key.exercise,
        "update": hashlib.blake2b(update.update_id.encode(), digest_size=8).hexdigest(),
        "revision": answer.revision,
        "findings": sorted({finding.code for finding in answer.findings}),
        "missing": answer.missing,
        "rules": rules,
        "mode": answer.mode.value,
    }
    if answer.mode is Mode.OFF:
        return told
    return told | {
        "model": model if case.model_used else "",
        "band": case.band.name,
        "p_icu": case.p_icu,
        "p_admission": case.p_admission,
        "fired": case.rules,
        "responses": [f"{r.decision_type} {r.resource_type}" for r in answer.responses],
        "facilities": [o.facility.finess_geo for o in answer.facilities],
    }


def suggestion_of(answer: Answer) -> Suggestion:
    """The first response and the first facility: what a decision is compared with."""
    if answer.mode is Mode.OFF:
        return Suggestion()
    first = answer.responses[0] if answer.responses else None
    return Suggestion(
        first.decision_type if first else "",
        first.resource_type if first else "",
        answer.facilities[0].facility.finess_geo if answer.facilities else "",
    )
