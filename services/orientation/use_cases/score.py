"""Score a case: merge what was said, answer, and keep both with the fact that is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.orientation.domain.case import EMPTY, CaseState, CaseUpdate, merge
from services.orientation.domain.findings import Finding
from services.orientation.domain.hub.reader import Reading, read_payload
from services.orientation.domain.hub.reading import Lexicon
from services.orientation.domain.model import Scorer
from services.orientation.domain.orient import Answer, Knowledge, orient
from services.orientation.domain.records import CaseKey, Counted, StoredCase, Suggestion
from services.orientation.domain.typed import TypedUpdate, read_typed
from services.orientation.ports import Around, Keyer, Meter, Record, Records
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Scored:
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ScoreCase:
    """Answers for the cases that a message touches, committed before they are given."""

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

    def __call__(self, reading: Reading) -> Scored:
        now = self.clock.now()
        keyed = [(self.keyer.key(u.case_id, exercise=u.exercise), u) for u in reading.updates]
        answers: dict[CaseKey, Answer] = {}
        if keyed:
            with self.records.open() as record:
                # Locks are taken in one order, whatever the order in the message.
                for key, update in sorted(keyed, key=lambda pair: pair[0].value):
                    answers[key] = self._score(record, key, update, now)
        told = tuple(answers[key] for key in dict.fromkeys(key for key, _ in keyed))
        self._measure(told)
        return Scored(told, reading.findings)

    def _measure(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.meter.answered(answer)
            if self.model is None:
                self.meter.rules_only("no_model")

    def _score(self, record: Record, key: CaseKey, update: CaseUpdate, now: datetime) -> Answer:
        known = record.case(key)
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
        record.put_case(
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
        return answer

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


def suggestion_of(answer: Answer) -> Suggestion:
    """The first response and the first facility: what a decision is compared with."""
    first = answer.responses[0] if answer.responses else None
    return Suggestion(
        first.decision_type if first else "",
        first.resource_type if first else "",
        answer.facilities[0].facility.finess_geo if answer.facilities else "",
    )
