"""Two cases swapped: an update that contradicts the case it names and fits another open one.

Nothing is moved: the facts stay where the message put them, and a finding says to look. What
is compared is what a caller would not change from one sentence to the next: ages, sexes, what
is complained of and where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from services.orientation.domain.board import ENDED
from services.orientation.domain.case import SEPARATOR, CaseState, CaseUpdate, Fact
from services.orientation.domain.findings import Finding
from services.orientation.domain.motives import Vocabulary
from services.orientation.domain.places import distance_km

SAME_AGE_YEARS, OTHER_AGE_YEARS = 1.0, 10.0
SAME_PLACE_KM, OTHER_PLACE_KM = 1.0, 5.0
CONTRADICTIONS = 2  # one alone may be a correction
SWAPPED = "CASES_MAY_BE_SWAPPED"
AGES = frozenset(("age_years", "age_from_birth"))


class Portrait(NamedTuple):
    """What is said of a case that tells it from another; empty where nothing was said."""

    ages: frozenset[float]
    sexes: frozenset[str]
    complaints: frozenset[str]
    positions: frozenset[tuple[float, float]]
    communes: frozenset[str]

    @property
    def empty(self) -> bool:
        return not any(self)


class Seen(Enum):
    SAME = "same"
    OTHER = "other"
    UNSURE = "unsure"


def portrait_of(facts: Iterable[Fact], vocabulary: Vocabulary) -> Portrait:
    ages, sexes, complaints, communes = set(), set(), set(), set()
    positions: set[tuple[float, float]] = set()
    for fact in facts:
        value = fact.value
        name = fact.field.rpartition(SEPARATOR)[2]
        if name in AGES and isinstance(value, int | float):
            ages.add(float(value))
        elif name == "sex" and value in ("F", "M"):
            sexes.add(str(value))
        elif name == "motive_code" and isinstance(value, str):
            motive = vocabulary.motive(value)
            if motive is not None and motive.syndrome_group != "other":
                complaints.add(motive.syndrome_group)
        elif name == "complaint_codes" and isinstance(value, tuple):
            meanings = (vocabulary.meaning(int(code)) for code in value)
            complaints |= {m.syndrome_group for m in meanings if m and m.syndrome_group != "other"}
        elif name == "insee_code" and isinstance(value, str):
            communes.add(value)
        elif fact.field == "position" and isinstance(value, tuple) and len(value) == 2:
            positions.add((float(value[0]), float(value[1])))
    return Portrait(
        frozenset(ages),
        frozenset(sexes),
        frozenset(complaints),
        frozenset(positions),
        frozenset(communes),
    )


def beside(one: Portrait, other: Portrait) -> dict[str, Seen]:
    """Whether the two could be of one case, feature by feature; only where both say something."""
    found = {}
    if one.ages and other.ages:
        apart = min(abs(a - b) for a in one.ages for b in other.ages)
        found["age"] = _between(apart, SAME_AGE_YEARS, OTHER_AGE_YEARS)
    if one.positions and other.positions:
        km = min(distance_km(*a, *b) for a in one.positions for b in other.positions)
        found["place"] = _between(km, SAME_PLACE_KM, OTHER_PLACE_KM)
    elif one.communes and other.communes:
        found["place"] = Seen.OTHER if one.communes.isdisjoint(other.communes) else Seen.SAME
    for name, mine, theirs in (
        ("sex", one.sexes, other.sexes),
        ("complaint", one.complaints, other.complaints),
    ):
        if mine and theirs:
            found[name] = Seen.OTHER if mine.isdisjoint(theirs) else Seen.SAME
    return found


def _between(apart: float, same: float, other: float) -> Seen:
    if apart <= same:
        return Seen.SAME
    return Seen.OTHER if apart > other else Seen.UNSURE


def contradicts(said: Portrait, known: Portrait) -> bool:
    """Two things differ and nothing agrees: hardly a correction."""
    seen = list(beside(said, known).values())
    return seen.count(Seen.OTHER) >= CONTRADICTIONS and Seen.SAME not in seen


def fits(said: Portrait, known: Portrait) -> bool:
    """Nothing differs, and the place or three other things agree."""
    seen = beside(said, known)
    same = {name for name, how in seen.items() if how is Seen.SAME}
    return Seen.OTHER not in seen.values() and (
        ("place" in same and len(same) > 1) or len(same) > 2
    )


def swapped(
    update: CaseUpdate, known: CaseState, others: Sequence[CaseState], vocabulary: Vocabulary
) -> Finding | None:
    """The finding, if what `update` says of an open case fits one of the others better."""
    if not suspicious(update, known, vocabulary):
        return None
    said, before = (
        portrait_of(facts, vocabulary) for facts in (update.facts, known.facts.values())
    )
    for other in others:
        if not other.opened or other.text("status") in ENDED:
            continue
        now = portrait_of(other.facts.values(), vocabulary)
        # the second half: the other case was told this one's facts before
        told = any(finding.code == SWAPPED for finding in other.findings)
        if fits(said, now) or (told and fits(now, before)):
            return Finding(SWAPPED, "caseId")
    return None


def suspicious(update: CaseUpdate, known: CaseState, vocabulary: Vocabulary) -> bool:
    """Whether it is worth looking at the other cases at all."""
    if update.update_id in known.updates:
        return False
    said = portrait_of(update.facts, vocabulary)
    return not said.empty and contradicts(said, portrait_of(known.facts.values(), vocabulary))
