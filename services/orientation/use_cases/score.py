"""Score a case: merge what was said, answer, and keep both with the fact that is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.orientation.domain.case import EMPTY, CaseState, CaseUpdate, merge
from services.orientation.domain.findings import Finding
from services.orientation.domain.hub.reader import Reading, read_payload
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.ledger import SUGGESTION
from services.orientation.domain.model import Scorer
from services.orientation.domain.modes import Mode
from services.orientation.domain.orient import Answer, Knowledge, orient
from services.orientation.domain.records import CaseKey, Counted, StoredCase, Suggestion
from services.orientation.domain.swapped import suspicious, swapped
from services.orientation.domain.typed import TypedUpdate, read_typed
from services.orientation.ports import Around, Keyer, Meter, Record, Records
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


@dataclass(frozen=True, slots=True)
class ScoreCase:
    """Answers for the cases that messages touch, committed before they are given."""

    records: Records
    around: Around
    knowledge: Knowledge
    lexicon: Lexicon = field(repr=False)
    model: Scorer | None
    keyer: Keyer
    meter: Meter
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
        now = self.clock.now()
        keyed = [
            [(self.keyer.key(u.case_id, exercise=u.exercise), u) for u in asked.reading.updates]
            for asked in group
        ]
        answers: list[dict[CaseKey, Answer]] = [{} for _ in group]
        keys = [key for pairs in keyed for key, _ in pairs]
        self._look_around(group)
        if keys:
            with self.records.open() as record:
                record.hold(keys)
                for asked, pairs, into in zip(group, keyed, answers, strict=True):
                    # A group has facts of many callers: each carries its own caller's trace.
                    traceparent.set(asked.trace)
                    for key, update in pairs:
                        into[key] = self._score(record, key, update, now, asked.shown_to)
        out = []
        for asked, found in zip(group, answers, strict=True):
            self._measure(found.values())
            out.append(Scored(tuple(found.values()), asked.reading.findings))
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

    def _measure(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            self.meter.answered(answer)
            if answer.mode is not Mode.ON:
                self.meter.rules_only(f"mode_{answer.mode.value.lower()}")
            elif self.model is None:
                self.meter.rules_only("no_model")

    def _score(
        self, record: Record, key: CaseKey, update: CaseUpdate, now: datetime, shown_to: str
    ) -> Answer:
        known = record.case(key)
        if known is not None:
            update = self._held_against(record, key, update, known.state)
        state = merge(known.state if known else EMPTY, update)
        answer = self._answer(update, state, now)
        counted = known.counted_group if known else ""
        group = answer.assessment.syndrome_group
        if state.opened and not key.exercise and group != counted:
            called = min(state.begun or now, now)
            record.tell_oriented(
                key, Counted(group, counted, answer.band, answer.department, now, called)
            )
            counted = group
        inputs = record.put_case(
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
        record.log(SUGGESTION, key, content | {"inputs": inputs, "shown_to": shown_to})
        return answer

    def _held_against(
        self, record: Record, key: CaseKey, update: CaseUpdate, known: CaseState
    ) -> CaseUpdate:
        """With a finding where the update may be meant for another case."""
        vocabulary = self.knowledge.vocabulary
        if not suspicious(update, known, vocabulary):
            return update
        found = swapped(update, known, record.others(key), vocabulary)
        return replace(update, findings=(*update.findings, found)) if found else update

    def _answer(
        self, update: CaseUpdate, state: CaseState, now: datetime, *, late: bool = False
    ) -> Answer:
        return orient(
            update.case_id,
            state,
            self.knowledge,
            self.around.now(),
            self.model,
            now=now,
            exercise=update.exercise,
            late=late,
        )

    def late(self, reading: Reading) -> Scored:
        """The rules' answer to a message whose time is up: no model, no store.

        What this process last saw of the case is taken along, so that a late answer is
        not milder for having forgotten.
        """
        now = self.clock.now()
        answers = []
        for update in reading.updates:
            key = self.keyer.key(update.case_id, exercise=update.exercise)
            state = merge(self.records.hot(key) or EMPTY, update)
            answer = self._answer(update, state, now, late=True)
            self.meter.answered(answer)
            self.meter.rules_only("late")
            answers.append(answer)
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
