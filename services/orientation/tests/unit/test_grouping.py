"""Calls that share a transaction: answered in order, refused alone, tried again alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from services.orientation.entrypoints.grouping import MOST, Grouping
from shared.errors import Malformed, Refusal, Unavailable


class Worker:
    """Doubles numbers; what it is told to do with others it does."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def __call__(self, group: Sequence[int]) -> list[int | Refusal]:
        self.groups.append(list(group))
        if 13 in group:
            raise ValueError("a fault of ours")
        if 99 in group:
            raise Unavailable("STORE_AWAY", "The store is away.")
        return [Malformed("ODD", "Odd.") if n % 2 else 2 * n for n in group]


async def ask(
    grouping: Grouping[int, list[int | Refusal], int], *numbers: int
) -> list[int | BaseException]:
    return await asyncio.gather(
        *(grouping.submit(number) for number in numbers), return_exceptions=True
    )


def keep(answers: list[int | Refusal]) -> list[int | Refusal]:
    return answers


def grouped(worker: Worker, most: int = MOST) -> Grouping[int, list[int | Refusal], int]:
    return Grouping(worker, keep, most)


def test_calls_that_come_together_share_a_group_of_limited_size() -> None:
    worker = Worker()
    answers = asyncio.run(ask(grouped(worker, most=4), *range(0, 20, 2)))
    assert answers == list(range(0, 40, 4))
    assert [len(group) for group in worker.groups] == [4, 4, 2]


def test_a_refused_call_is_refused_alone() -> None:
    answers = asyncio.run(ask(grouped(Worker()), 2, 3, 4))
    assert answers[0] == 4
    assert isinstance(answers[1], Malformed)
    assert answers[2] == 8


def test_a_case_that_trips_us_harms_no_other_of_its_group() -> None:
    worker = Worker()
    answers = asyncio.run(ask(grouped(worker), 2, 13, 4))
    assert answers[0] == 4
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 8
    assert worker.groups == [[2, 13, 4], [2], [13], [4]]


def test_a_store_that_is_away_is_told_to_each_call_once() -> None:
    worker = Worker()
    answers = asyncio.run(ask(grouped(worker), 2, 99))
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert worker.groups == [[2, 99]]


def test_a_caller_who_went_away_keeps_nobody_waiting() -> None:
    async def one_goes() -> int:
        grouping = grouped(Worker())
        gone, stays = grouping.submit(2), grouping.submit(4)
        gone.cancel()
        return await stays

    assert asyncio.run(one_goes()) == 8


@pytest.mark.parametrize("number", [2, 4])
def test_a_call_alone_waits_for_nobody(number: int) -> None:
    assert asyncio.run(ask(grouped(Worker()), number)) == [2 * number]


def test_the_next_group_is_prepared_while_one_is_finished_and_both_answer_in_order() -> None:
    second_is_prepared = threading.Event()
    finished: list[list[int | Refusal]] = []

    def prepare(group: Sequence[int]) -> list[int | Refusal]:
        if 4 in group:
            second_is_prepared.set()
        return list(group)

    def finish(group: list[int | Refusal]) -> list[int | Refusal]:
        if 2 in group:
            assert second_is_prepared.wait(20)  # else nobody prepared it meanwhile
        finished.append(group)
        return group

    async def three() -> list[int | BaseException]:
        grouping = Grouping(prepare, finish, most=1)
        return await ask(grouping, 2, 4, 6)

    assert asyncio.run(three()) == [2, 4, 6]
    assert finished == [[2], [4], [6]]


@pytest.mark.parametrize("wrong", ["prepare", "finish"])
def test_a_group_that_fails_is_tried_again_call_by_call_and_stops_no_other(wrong: str) -> None:
    def stumble(step: str, group: Sequence[int | Refusal]) -> list[int | Refusal]:
        if step == wrong and 13 in group:
            raise ValueError("a fault of ours")
        return list(group)

    async def six() -> list[int | BaseException]:
        grouping: Grouping[int, list[int | Refusal], int] = Grouping(
            lambda group: stumble("prepare", group), lambda group: stumble("finish", group), most=2
        )
        return await ask(grouping, 2, 4, 13, 6, 8, 10)

    answers = asyncio.run(six())
    assert isinstance(answers.pop(2), ValueError)
    assert answers == [2, 4, 6, 8, 10]
