"""The line before the SQLite writer: one at a time, first come first served."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from shared.storage.line import Line


def test_only_one_is_inside_at_a_time() -> None:
    line, inside, most = Line(), 0, 0

    def work(_: int) -> None:
        nonlocal inside, most
        assert line.acquire(10)
        inside += 1
        most = max(most, inside)
        time.sleep(0.0005)
        inside -= 1
        line.release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(200)))
    assert most == 1


def test_one_who_comes_back_at_once_stands_behind_those_who_wait() -> None:
    line, order = Line(), []
    assert line.acquire(1)

    def wait(name: str) -> None:
        assert line.acquire(5)
        order.append(name)
        line.release()

    waiters = []
    for name in ("first", "second", "third"):
        waiters.append(threading.Thread(target=wait, args=(name,)))
        waiters[-1].start()
        time.sleep(0.02)
    line.release()
    assert line.acquire(5)
    order.append("came back")
    line.release()
    for waiter in waiters:
        waiter.join()
    assert order == ["first", "second", "third", "came back"]


def test_one_who_waits_too_long_leaves_and_blocks_nobody() -> None:
    line = Line()
    assert line.acquire(1)
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(line.acquire, 0.05).result()
    line.release()
    assert line.acquire(0)
