"""What the tests of faults share: somebody who goes on sending while things break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from loadtests.tests.test_faults import RETRY_S, Group


@pytest.fixture
def load(group: Group) -> Iterator[Callable[[], None]]:
    """Sends round after round until told to stop; what it met is raised then."""
    stop, failures = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not stop.is_set():
                group.send(1)
                stop.wait(group.pause_s)
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(RETRY_S)
        assert not thread.is_alive()
        assert failures == []

    yield end
    stop.set()
    thread.join(RETRY_S)
