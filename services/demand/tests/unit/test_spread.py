"""Work over many series on other processes: in order, and each process started once."""

from __future__ import annotations

import os

from services.demand.adapters.engines.series.spread import CHUNK, spread


def where(number: int) -> tuple[int, int]:
    return number, os.getpid()


def test_work_that_is_spread_comes_back_in_order_from_processes_that_start_once() -> None:
    many = range(12 * CHUNK)
    found = list(spread(where, many, 2))
    assert [number for number, _ in found] == list(many)
    assert len({process for _, process in found}) <= 2
    assert os.getpid() not in {process for _, process in found}


def test_with_one_worker_everything_is_done_here() -> None:
    assert {process for _, process in spread(where, range(12 * CHUNK), 1)} == {os.getpid()}
