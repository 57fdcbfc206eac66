"""The patients of a case, as the merged facts describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.orientation.domain.case import CaseState, Fact
from services.orientation.domain.motives import GroupMeaning, Motive, Vocabulary

VITAL_FIELDS = (
    "heart_rate_bpm",
    "respiratory_rate_bpm",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "spo2_percent",
    "temperature_c",
    "glasgow",
    "glucose_g_l",
    "pain_0_10",
)
VITALS = frozenset(VITAL_FIELDS)
NUMBER = (int, float)
AWAKE = {"VOICE": "ALTERED", "PAIN": "UNCONSCIOUS", "UNRESPONSIVE": "UNCONSCIOUS"}
NOTHING = GroupMeaning("other", "GENERAL", "")


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient; `complaints` are NCHS codes, the first one the main one."""

    patient_id: str
    age_years: float | None = None
    sex: str = ""
    complaints: tuple[int, ...] = ()
    vitals: Mapping[str, float] = field(default_factory=dict, repr=False)
    care_level: str = ""
    flags: frozenset[str] = frozenset()
    pathway: str = "GENERAL"
    syndrome_group: str = "other"
    chronic_conditions: int | None = None


def patients_of(state: CaseState, vocabulary: Vocabulary) -> tuple[Patient, ...]:
    """Every patient; one without a name when the case names none.

    What was said without naming a patient belongs to the only one, if there is one.
    """
    motive = vocabulary.motive(state.text("motive_code"))
    said = dict(state.scope("patient"))
    nameless = said.pop("", {})
    if nameless:
        if len(said) == 1:
            owner, facts = next(iter(said.items()))
            said = {owner: _joined(facts, nameless)}
        elif not said:
            said = {"": nameless}
    flags = frozenset(name for _, facts in state.scope("flag").items() for name in facts)
    people = said or {"": {}}
    return tuple(_patient(who, people[who], motive, flags, vocabulary) for who in sorted(people))


def _joined(one: Mapping[str, Fact], other: Mapping[str, Fact]) -> dict[str, Fact]:
    names = {**one, **other}
    return {
        name: max((facts[name] for facts in (one, other) if name in facts), key=Fact.order)
        for name in names
    }


def _patient(
    who: str,
    facts: Mapping[str, Fact],
    motive: Motive | None,
    flags: frozenset[str],
    vocabulary: Vocabulary,
) -> Patient:
    values = {name: fact.value for name, fact in facts.items()}

    def number(name: str) -> float | None:
        value = values.get(name)
        return float(value) if isinstance(value, NUMBER) else None

    def text(name: str) -> str:
        value = values.get(name)
        return value if isinstance(value, str) else ""

    vitals = {}
    for name, value in values.items():
        if name in VITALS and isinstance(value, NUMBER):
            vitals[name] = float(value)
    complaints = _complaints(facts)
    meaning = _meaning(complaints, motive, vocabulary)
    if not complaints and motive is not None and motive.complaint_code is not None:
        complaints = (motive.complaint_code,)
    awake = AWAKE.get(text("consciousness"))
    raised = {flag for flag in (awake, meaning.flag) if flag}
    for code in complaints if motive is None else complaints[1:]:
        other = vocabulary.meaning(code)
        if other is not None and other.flag and (motive is None or code != complaints[0]):
            raised.add(other.flag)
    if meaning.pathway == "CHEST_PAIN":
        raised.add("CHEST_PAIN")
    age = number("age_years")
    chronic = number("chronic_condition_count")
    return Patient(
        who,
        age if age is not None else number("age_from_birth"),
        text("sex"),
        complaints,
        vitals,
        text("care_level"),
        flags | raised,
        meaning.pathway,
        meaning.syndrome_group,
        None if chronic is None else int(chronic),
    )


def _complaints(facts: Mapping[str, Fact]) -> tuple[int, ...]:
    value = facts["complaint_codes"].value if "complaint_codes" in facts else ()
    if not isinstance(value, tuple):
        return ()
    return tuple(int(part) for part in value if not isinstance(part, str))


def _meaning(
    complaints: tuple[int, ...], motive: Motive | None, vocabulary: Vocabulary
) -> GroupMeaning:
    """The motive's own meaning; a complaint's where the motive is missing or says nothing."""
    own = (
        GroupMeaning(motive.syndrome_group, motive.pathway, motive.flag)
        if motive is not None
        else NOTHING
    )
    if own != NOTHING or not complaints:
        return own
    return vocabulary.meaning(complaints[0]) or NOTHING
