"""Record what a named human decided, and hand it out as an RS-EDA-MAJ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.orientation.domain.case import CaseUpdate, Fact, case_field, merge
from services.orientation.domain.decision import Decision, export, follows, mark_exercise
from services.orientation.domain.ledger import DECISION
from services.orientation.domain.modes import Mode
from services.orientation.domain.records import CaseKey, StoredCase, Suggestion
from services.orientation.ports import Around, Keyer, MessageCheck, Meter, Record, Records
from shared.clock import Clock
from shared.errors import Malformed, Missing, NotNow

CLOCK_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a human says they decided; `override_reason` is 0 when none was given."""

    case_id: str
    decision_id: str
    decided_by: str
    operator_role: str
    decision_type: str
    resource_type: str
    orientation_type: str
    finess_geo: str
    medical_transport: bool | None
    override_reason: int
    override_word: str
    decided: datetime


def find_case(record: Record, keyer: Keyer, case_id: str) -> tuple[CaseKey, StoredCase]:
    """The case of this id, the real one before an exercise of the same name."""
    for exercise in (False, True):
        key = keyer.key(case_id, exercise=exercise)
        case = record.case(key)
        if case is not None:
            return key, case
    raise Missing(
        "CASE_MISSING",
        "No case of this id was ever scored here. Check the id, or send the case first.",
        field="case_id",
    )


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """Keeps a decision beside the suggestion that it followed or overruled."""

    records: Records
    around: Around
    keyer: Keyer
    meter: Meter
    clock: Clock
    resource_types: frozenset[str]

    def __call__(self, said: Decided) -> Decision:
        self._check(said)
        with self.records.open() as record:
            key, case = find_case(record, self.keyer, said.case_id)
            decision = self._decision(said, case)
            known = record.decision(said.decision_id)
            if known is not None:
                return self._again(known, decision)
            mode = self.around.now().modes.of(case.owner)
            shown = mode is Mode.ON  # nobody has to say why they did not do what they never saw
            if shown and not decision.followed and not said.override_reason:
                raise Malformed(
                    "REASON_NEEDED",
                    "The decision differs from the first suggestion. Say why with one of the "
                    "coded reasons.",
                    field="override_reason",
                )
            record.put_decision(key, decision)
            state = merge(case.state, _as_update(said, decision))
            record.put_case(key, replace(case, state=state, changed=self.clock.now()))
            record.log(DECISION, key, decision_entry(key, said, decision, mode))
            if not key.exercise:
                record.tell_decided(key, decision)
        if not key.exercise:
            self.meter.decided(decision, case.band, mode, said.override_word)
        return decision if shown else replace(decision, suggestion=Suggestion())

    def _check(self, said: Decided) -> None:
        for name, value in (("decision_id", said.decision_id), ("decided_by", said.decided_by)):
            if not value.isprintable():
                raise Malformed(
                    "FIELD_INVALID",
                    f"{name} holds control characters. Remove them and send it again.",
                    field=name,
                )
        if said.resource_type and said.resource_type not in self.resource_types:
            raise Malformed(
                "RESOURCE_TYPE_UNKNOWN",
                "resource_type must be a code of HubSante.typeRessource, such as SMUR or "
                "TSU. Correct it.",
                field="resource_type",
            )
        if said.decided > self.clock.now() + CLOCK_SLACK:
            raise Malformed(
                "DECISION_IN_FUTURE",
                "decided_time lies after the present instant. Check the clock of the sender.",
                field="decided_time",
            )

    def _decision(self, said: Decided, case: StoredCase) -> Decision:
        patients = [who for who in case.state.scope("patient") if who]
        followed = follows(
            case.suggestion,
            decision_type=said.decision_type,
            resource_type=said.resource_type,
            finess_geo=said.finess_geo,
        )
        return Decision(
            said.decision_id,
            said.decided_by,
            said.operator_role,
            said.decision_type,
            said.resource_type,
            said.orientation_type,
            said.finess_geo,
            said.medical_transport,
            said.override_reason,
            said.decided,
            followed,
            Suggestion(
                case.suggestion.decision_type,
                case.suggestion.resource_type,
                case.suggestion.finess_geo,
            ),
            patients[0] if len(patients) == 1 else "",
        )

    def _again(self, known: Decision, decision: Decision) -> Decision:
        if known.content() != decision.content():
            raise Malformed(
                "DECISION_CONFLICT",
                "A decision with this id was recorded with other content. Give the new one "
                "its own decision_id; the old one stays.",
                field="decision_id",
            )
        return known


def decision_entry(
    key: CaseKey, said: Decided, decision: Decision, mode: Mode
) -> dict[str, object]:
    """What the decision log keeps of a decision: who, what, when, and why it differs."""
    return {
        "case": key.value,
        "exercise": key.exercise,
        "decision": said.decision_id,
        "by": said.decided_by,
        "role": said.operator_role,
        "decision_type": said.decision_type,
        "resource_type": said.resource_type,
        "orientation_type": said.orientation_type,
        "finess_geo": said.finess_geo,
        "decided_time": said.decided.isoformat(),
        "followed": decision.followed,
        "why": said.override_word,
        "mode": mode.value,
        "suggested": [
            decision.suggestion.decision_type,
            decision.suggestion.resource_type,
            decision.suggestion.finess_geo,
        ],
    }


def _as_update(said: Decided, decision: Decision) -> CaseUpdate:
    kept = {
        "decision_type": said.decision_type,
        "resource_type": said.resource_type,
        "orientation_type": said.orientation_type,
        "finess_geo": said.finess_geo,
        "operator_role": said.operator_role,
        "patient_id": decision.patient_id,
        "medical_transport": said.medical_transport,
    }
    name = case_field("decision", said.decision_id, said.decision_type)
    fact = Fact(name, json.dumps(kept, sort_keys=True), said.decided)
    return CaseUpdate(said.case_id, f"decision:{said.decision_id}", (fact,))


@dataclass(frozen=True, slots=True)
class ExportDecision:
    """The decisions of a case as one envelope that the Hub accepts."""

    records: Records
    keyer: Keyer
    check: MessageCheck
    clock: Clock
    sender: str

    def __call__(self, case_id: str) -> bytes:
        with self.records.open() as record:
            key, case = find_case(record, self.keyer, case_id)
            decisions: Sequence[Decision] = record.decisions(key)
        if not decisions:
            raise Missing(
                "DECISION_MISSING",
                "No decision was recorded for this case. Record one first.",
                field="case_id",
            )
        envelope = export(
            case_id,
            decisions,
            sender=self.sender,
            recipient=case.owner or self.sender,
            now=self.clock.now(),
        )
        if key.exercise:
            envelope = mark_exercise(envelope)
        problems = self.check.problems(envelope)
        if problems:
            raise NotNow(
                "EXPORT_INVALID",
                f"The message would break the Hub's schema at {', '.join(problems[:5])}. "
                "Record the decision again with codes that the Hub knows.",
            )
        return json.dumps(envelope, ensure_ascii=False, indent=1).encode()
