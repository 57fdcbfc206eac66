"""Runs a function over the series of a table, here or on other processes, results in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

R = TypeVar("R")
S = TypeVar("S")
CHUNK = 40


def _run(chunk: Sequence[S], work: Callable[[S], R]) -> list[R]:
    return [work(one) for one in chunk]


def spread(work: Callable[[S], R], items: Sequence[S], workers: int) -> Iterator[R]:
    """`work` of each item, as it is made; with one worker, or few items, in this process.

    The processes are started once: each of them loads the libraries, which takes seconds.
    """
    if workers < 2 or len(items) < 2 * CHUNK:
        yield from map(work, items)
        return
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for part in pool.map(partial(_run, work=work), chunks):
            yield from part
