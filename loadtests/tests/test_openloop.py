"""The open loop sends on time whatever comes back, and a scenario's verdict can be broken."""

from __future__ import annotations

import asyncio
import time

import pytest

from loadtests import senders
from loadtests.loop_latency import Loop
from loadtests.mixed import Found, judge
from loadtests.openloop import Measured, paced
from loadtests.scenario import Result, show
from loadtests.senders import Answers


def test_a_slow_answer_holds_no_later_message_back() -> None:
    sent: list[float] = []

    async def drive() -> int:
        async def send(number: int, due: float) -> None:
            sent.append(time.perf_counter() - due)
            if number == 0:
                await asyncio.sleep(0.5)

        return await paced(100, 0.2, send)

    assert asyncio.run(drive()) == 20
    assert len(sent) == 20
    assert sorted(sent)[10] < 0.4  # half of them left while the first one still waited


def test_an_error_of_the_scenario_itself_is_not_swallowed() -> None:
    async def send(number: int, due: float) -> None:
        if number == 3:
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        asyncio.run(paced(1000, 0.01, send))


def test_nothing_answered_is_no_percentile() -> None:
    assert Measured().percentile(99) != Measured().percentile(99)


def test_a_call_is_visible_once_as_many_are_counted() -> None:
    loop = Loop(Measured(), [0.0, 1.0, 2.0], [(0.5, 0), (0.6, 1), (3.0, 3)], 0)
    assert loop.visible_s() == pytest.approx([0.6, 2.0, 1.0])
    assert Loop(Measured(), [0.0, 1.0], [(0.6, 1)], 0).visible_s() == pytest.approx([0.6])


def memory(first: int, last: int) -> dict[str, list[int]]:
    sizes = [first] * 20 + [last] * 10
    return dict.fromkeys(("demand", "replenishment", "orientation"), sizes)


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        (lambda f: None, True),
        (lambda f: f.answers.updates.milliseconds.pop(), False),
        (lambda f: f.answers.updates.errors.update(["UNAVAILABLE"]), False),
        (lambda f: f.answers.movements.errors.update(["INTERNAL"]), False),
        (lambda f: f.runs.update(["plan PLAN_STATE_FAILED"]), False),
        (lambda f: setattr(f.answers, "refused", 1), False),
        (lambda f: setattr(f.answers, "unanswered", 1), False),
        (lambda f: f.memory.update(memory(100, 103)), False),
    ],
)
def test_the_mixed_load_is_kept_only_when_all_is_well(spoil: object, kept: bool) -> None:
    found = Found(Answers(updates=Measured([1.0] * 10)), memory=memory(100, 101))
    spoil(found)  # type: ignore[operator]
    assert judge(found, 1.0, 10.0, 0, 0.02).kept is kept


def test_each_case_of_the_mixed_load_gets_its_updates_and_is_over_then() -> None:
    told = [senders.case_of(count) for count in range(10 * senders.OPEN_CASES)]
    for case in range(2 * senders.OPEN_CASES):
        assert told.count(case) == senders.UPDATES_A_CASE
    open_at_once = told[: senders.OPEN_CASES]
    assert len(set(open_at_once)) == senders.OPEN_CASES


def test_one_broken_promise_breaks_the_table() -> None:
    good, bad = Result("a", "b", "c", kept=True), Result("a", "b", "c", kept=False)
    assert show([good])
    assert not show([good, bad])
