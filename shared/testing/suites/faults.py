"""Faults of the peers, and the one check after each: every fact counted exactly once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.protobuf.message import Message

from shared.errors import Unavailable
from shared.events import topic_of
from shared.testing.party import Party, until
from shared.testing.suites.parties import PartiesSuite

CRASHING = Path(__file__).parents[2] / "tests" / "integration" / "crashing_sender.py"
RECOVERY_S = 60.0


@contextmanager
def telling(sender: Party, kind: type[Message], every_s: float = 0.01) -> Iterator[None]:
    """Tells facts all the time; one that the database did not take is told again."""
    over = threading.Event()

    def run() -> None:
        number = 0
        while not over.is_set():
            try:
                sender.tell(kind, f"s{number % 7}", number)
                number += 1
            except Unavailable:
                over.wait(0.2)
            over.wait(every_s)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class FaultSuite(PartiesSuite):
    """Give it `events_url`, `new_database` and what it calls to break the peers."""

    def all_counted_once(self, sender: Party, receiver: Party) -> None:
        total = sum(len(names) for names in sender.sent.values())
        assert total > 0
        until(lambda: len(receiver.stored()) >= total, RECOVERY_S)
        time.sleep(0.5)  # anything doubled would come now
        result = receiver.audit(sender.sent)
        assert result.clean, str(result)
        assert receiver.failures == []
        assert until(lambda: sender.metric("outbox_depth") == 0)

    def outage(
        self,
        sender: Party,
        receiver: Party,
        kind: type[Message],
        *,
        stop: Callable[[], None],
        start: Callable[[], None],
        pause_s: float,
    ) -> None:
        """Stops a peer for a while in the middle of a steady flow of facts."""
        receiver.hear({kind: receiver.write_down})
        with telling(sender, kind):
            assert until(lambda: len(receiver.stored()) > 50)
            stop()
            time.sleep(pause_s)
            start()
            before = len(receiver.stored()) if until(lambda: bool(receiver.stored())) else 0
            assert until(lambda: len(receiver.stored()) > before + 50, RECOVERY_S)
        self.all_counted_once(sender, receiver)

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_sender_killed_around_publishing_loses_and_doubles_nothing(
        self, *, party: Callable[..., Party], receiver: Party, kind: type[Message],
        events_url: str, new_database: Callable[[], str], moment: str,
    ) -> None:  # fmt: skip
        url = new_database()
        receiver.hear({kind: receiver.write_down})
        done = subprocess.run(
            [sys.executable, str(CRASHING), url, events_url, topic_of(kind), "300", moment],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == -9, done.stderr[-2000:]
        sender = party("sender", url)
        with sender.database.read() as tx:
            left = len(tx.connection.execute(sender.database.plumbing.outbox.select()).all())
        assert left > 0
        # What it printed was committed for sure; one more may have been.
        committed = len(done.stdout.split())
        assert committed > 0
        for number in range(committed):
            sender.note(f"s{number % 5}", number)
        sender.relay.start()
        until(lambda: len(receiver.stored()) >= committed, RECOVERY_S)
        until(lambda: sender.metric("outbox_depth") == 0)
        time.sleep(0.5)
        result = receiver.audit(sender.sent)
        assert (result.missing, result.doubled, result.disordered) == ((), (), ()), str(result)
        assert result.strangers in ((), (str(committed),))
