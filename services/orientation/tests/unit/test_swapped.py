"""Two cases swapped: found by what contradicts the one and fits the other, never moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.orientation.domain.case import CaseState
from services.orientation.domain.records import CaseKey
from services.orientation.domain.swapped import SWAPPED
from services.orientation.domain.typed import TypedUpdate
from services.orientation.tests.situations import (
    CHEST_PAIN,
    MemoryRecords,
    a_call,
    scoring,
)

NANTES, RENNES = (47.2184, -1.5536), (48.1173, -1.6778)
MAN = a_call(
    1, age_years=80, sex="M", motive_code=CHEST_PAIN, latitude=NANTES[0], longitude=NANTES[1]
)
GIRL = a_call(
    2, age_years=6, sex="F", complaint_codes=(10100,), latitude=RENNES[0], longitude=RENNES[1]
)


def named(update: TypedUpdate, case: str) -> TypedUpdate:
    return replace(update, case_id=f"fr.health.samu440.TEST.{case}")


class World:
    """Two open cases of one SAMU."""

    def __init__(self) -> None:
        self.records = MemoryRecords()
        self.score = scoring(self.records)
        self.say(named(MAN, "A"))
        self.say(named(GIRL, "B"))

    def say(self, update: TypedUpdate) -> set[str]:
        """Codes of the findings of the answer."""
        (answer,) = self.score(self.score.read_typed(update)).answers
        return {finding.code for finding in answer.findings}

    def state(self, case: str) -> CaseState:
        key = self.score.keyer.key(f"fr.health.samu440.TEST.{case}", exercise=False)
        return self.records.cases[CaseKey(key.value, exercise=False)].state


def later(update: TypedUpdate, case: str, **more: object) -> TypedUpdate:
    again = a_call(
        5,
        age_years=update.age_years,
        sex=update.sex,
        motive_code=update.motive_code,
        complaint_codes=update.complaint_codes,
        latitude=update.latitude,
        longitude=update.longitude,
    )
    return replace(named(again, case), **more)  # type: ignore[arg-type]  # real fields


def test_both_halves_of_a_swap_are_found_and_nothing_is_moved() -> None:
    world = World()
    assert SWAPPED in world.say(later(GIRL, "A"))
    assert SWAPPED in world.say(later(MAN, "B"))
    assert world.state("A").number("patient||age_years") == 6
    assert world.state("B").number("patient||age_years") == 80
    assert SWAPPED in {finding.code for finding in world.state("A").findings}


def test_an_update_of_its_own_case_is_no_swap() -> None:
    world = World()
    assert SWAPPED not in world.say(later(MAN, "A", age_years=81))
    assert SWAPPED not in world.say(later(GIRL, "B", sex=""))


def test_a_correction_that_fits_no_other_case_is_no_swap() -> None:
    world = World()
    far = {"latitude": 43.3, "longitude": 5.37, "age_years": 40, "sex": "F"}
    assert SWAPPED not in world.say(later(MAN, "A", **far))


def test_one_thing_alone_is_a_correction() -> None:
    world = World()
    assert SWAPPED not in world.say(later(MAN, "A", age_years=6))


def test_a_case_that_is_over_is_not_taken_for_the_other() -> None:
    world = World()
    for key, case in world.records.cases.items():
        facts = {n: f for n, f in case.state.facts.items() if not n.startswith("status")}
        over = replace(case.state, facts=facts, opened=False, _scopes={})
        if case.state.text("patient||sex") == "F":
            world.records.cases[key] = replace(case, state=over)
    assert SWAPPED not in world.say(later(GIRL, "A"))


@pytest.mark.parametrize("times", [2, 3])
def test_the_same_message_again_says_the_same(times: int) -> None:
    world = World()
    told = [world.say(later(GIRL, "A")) for _ in range(times)]
    assert all(codes == told[0] for codes in told)
